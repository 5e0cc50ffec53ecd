"""When a command may call 6sense: in turn with the service, or by its own count."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from app.ledger.rates import RateRing

#: A longer wait than this is told.
SILENT_S = 2.0

Say = Callable[[float], None]


class SharedTurns:
    """Under the ring of the token that all processes of this installation share."""

    def __init__(self, ring: RateRing, say: Say) -> None:
        self._ring = ring
        self._say = say
        ring.prepare()

    @contextmanager
    def turn(self) -> Iterator[None]:
        """Waits as long as it takes: a person is there to stop it."""
        slots = self._ring.take(1)
        is_told = False
        while not slots.taken:
            if slots.wait_s > SILENT_S and not is_told:
                self._say(slots.wait_s)
                is_told = True
            # Another process may give one back, so ask again after a second at most.
            time.sleep(min(1.0, max(0.05, slots.wait_s)))
            slots = self._ring.take(1)
        try:
            yield
        finally:
            self._ring.end(slots.taken)


class OwnTurns:
    """Without a database: this process's calls alone, in any window."""

    def __init__(
        self,
        calls: int,
        window_s: float,
        say: Say,
        *,
        now: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        """`calls`: in any `window_s` seconds; 0: no limit."""
        self._ends: deque[float] = deque(maxlen=calls or None)
        self._calls = calls
        self._window_s = window_s
        self._say, self._now, self._sleep = say, now, sleep

    @contextmanager
    def turn(self) -> Iterator[None]:
        """The oldest of the last calls must have left the window."""
        if self._calls and len(self._ends) == self._calls:
            wait_s = self._ends[0] + self._window_s - self._now()
            if wait_s > SILENT_S:
                self._say(wait_s)
            if wait_s > 0:
                self._sleep(wait_s)
        try:
            yield
        finally:
            if self._calls:
                self._ends.append(self._now())
