"""Limits that both systems share: a sliding window and calls in flight."""

from __future__ import annotations

from collections import deque


class SlidingWindow:
    """The calls of the last `seconds`, each with its own time.

    Not thread-safe by itself: callers hold the world's lock.
    """

    def __init__(self) -> None:
        self._times: deque[float] = deque()

    def used(self, now: float, seconds: float) -> int:
        """How many calls lie within the last `seconds`."""
        times = self._times
        while times and times[0] <= now - seconds:
            times.popleft()
        return len(times)

    def add(self, now: float) -> None:
        """Count one call at `now`."""
        self._times.append(now)

    def take_back(self) -> None:
        """Uncount the newest call."""
        if self._times:
            self._times.pop()

    def free_in_s(self, now: float, calls: int, seconds: float) -> float:
        """Seconds until a window of `calls` has a place again; 0 when it has one."""
        used = self.used(now, seconds)
        if used < calls:
            return 0.0
        return self._times[used - calls] + seconds - now


class InFlight:
    """Calls being answered right now, and the most there ever were."""

    def __init__(self) -> None:
        self.now = 0
        self.peak = 0

    def enter(self) -> None:
        """One more; the caller holds the world's lock."""
        self.now += 1
        self.peak = max(self.peak, self.now)

    def leave(self) -> None:
        """One less; the caller holds the world's lock."""
        self.now -= 1
