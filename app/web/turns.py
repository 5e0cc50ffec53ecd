"""Turns in the order of coming, a few at a time.

Threads of one interpreter hold each other up: sixteen at once take no more webhooks
a second than four, and whoever is unlucky waits three times as long as the others. A
plain semaphore would let a newcomer overtake those who wait.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from app.errors import AppError, Disposition


class TurnTooLate(AppError):
    """Those before took so long that waiting on makes no sense."""

    disposition = Disposition.RETRY

    def __init__(self) -> None:
        super().__init__("Too much comes at once. Nothing was taken; send it again.")


class Turns:
    """At most `at_once` threads are inside; the others wait in line."""

    def __init__(self, at_once: int, *, longest_wait_s: float) -> None:
        self._free = at_once
        self._longest_wait_s = longest_wait_s
        self._lock = threading.Lock()
        #: Each waits for its own lock, which whoever leaves opens.
        self._line: deque[threading.Lock] = deque()

    @contextmanager
    def one(self) -> Iterator[Callable[[], None]]:
        """Wait for a turn, and have it inside.

        What it yields ends the turn early, for who has to wait for something else.

        Raises TurnTooLate.
        """
        self._take()
        is_over = False

        def leave() -> None:
            nonlocal is_over
            if not is_over:
                is_over = True
                self._leave()

        try:
            yield leave
        finally:
            leave()

    def _take(self) -> None:
        with self._lock:
            if self._free:
                self._free -= 1
                return
            mine = threading.Lock()
            mine.acquire()
            self._line.append(mine)
        if mine.acquire(timeout=self._longest_wait_s):
            return
        with self._lock:
            if mine in self._line:
                self._line.remove(mine)
                raise TurnTooLate
        # It was opened just now.

    def _leave(self) -> None:
        with self._lock:
            if self._line:
                self._line.popleft().release()
            else:
                self._free += 1
