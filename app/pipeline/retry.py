"""When to try again: the error and the attempts so far → the next wait."""

from __future__ import annotations

from collections.abc import Sequence

from app.errors import AppError, RemoteError

#: Even full jitter waits this long, in seconds.
LEAST_S = 0.5


def next_wait(
    error: AppError, attempts: int, waits: Sequence[float], jitter: float
) -> float | None:
    """Seconds until the next try, or None when the tries are used up.

    `attempts` failed before this one; `jitter` is a random number from 0 to 1. The
    other side's Retry-After wins over the table, and counts as a try as well.
    """
    if attempts >= len(waits):
        return None
    asked_for = error.retry_after if isinstance(error, RemoteError) else None
    if asked_for is not None:
        # A second on top, spread: everybody was told the same time.
        return max(asked_for, 0.0) + jitter
    return max(LEAST_S, waits[attempts] * jitter)


def log_fields(error: AppError) -> dict[str, str | None]:
    """An error as a log line has it, with what the other side's support asks for."""
    request_id = error.request_id if isinstance(error, RemoteError) else None
    found = {"cause": cause_of(error), "error": str(error), "request_id": request_id}
    return {name: value for name, value in found.items() if value is not None}


def cause_of(error: AppError) -> str:
    """A few words that group failures of one kind."""
    return str(getattr(error, "cause", None) or type(error).__name__)
