"""Waking the pumps from a web process: after the commit, never inside the request."""

from __future__ import annotations

import os
import threading
from collections.abc import Iterable

import structlog

from app.ledger import wakeups
from app.ledger.database import Database, DatabaseAway
from app.ledger.wakeups import Wake

log = structlog.get_logger()


class Waker:
    """Queues wake-ups from a thread of its own, at most every `every_s`.

    A wake-up that is lost with the process is made good by the sweep. The thread
    starts with the first use in each process: threads do not survive a fork.
    """

    def __init__(self, database: Database, every_s: float) -> None:
        self._database = database
        self._every_s = every_s
        self._wanted: set[Wake] = set()
        self._news = threading.Condition()
        self._pid = 0

    def wake(self, wakes: Iterable[Wake]) -> None:
        """Ask for these pumps; returns at once."""
        with self._news:
            self._wanted.update(wakes)
            if self._pid != os.getpid():
                self._pid = os.getpid()
                threading.Thread(target=self._run, daemon=True, name="waker").start()
            self._news.notify()

    def _run(self) -> None:
        pause = threading.Event()
        while True:
            with self._news:
                while not self._wanted:
                    self._news.wait()
                wakes = sorted(self._wanted, key=lambda one: (one.task, one.scope))
                self._wanted.clear()
            try:
                wakeups.wake(self._database, wakes)
            except DatabaseAway as error:
                log.warning("wake-up lost", error=str(error))
            except Exception:
                # Without this thread every lead would wait for the sweep.
                log.exception("wake-up broke")
            pause.wait(self._every_s)
