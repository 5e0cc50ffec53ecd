"""The sandbox's clock: real time plus an offset that a test may set."""

from __future__ import annotations

import time
from datetime import UTC, datetime


class Clock:
    """Seconds since the epoch that never run backwards.

    `offset_s` moves the clock: credit windows, token lives, rate windows and
    the daily quota all read it, so 31 days pass by adding 2,678,400.
    """

    def __init__(self) -> None:
        self._start = time.time() - time.monotonic()
        self.offset_s = 0.0

    def now(self) -> float:
        """Epoch seconds, monotonic between changes of the offset."""
        return self._start + time.monotonic() + self.offset_s

    def today(self) -> datetime:
        """The same instant as an aware UTC datetime."""
        return datetime.fromtimestamp(self.now(), UTC)
