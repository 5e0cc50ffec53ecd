"""The send pump: forms batches, reads, decides, sends, settles each record.

A batch keeps its members until its outcome is known. What was lost on the way is
sent again as it was: values are absolute and keyed, so twice changes nothing.
"""

from __future__ import annotations

import time

import structlog

from app.domain import RunState
from app.errors import (
    AnswerTooLarge,
    AppError,
    Broken,
    Disposition,
    RequestRefused,
    TookTooLong,
)
from app.ledger.batches import Batch, SourceState, Waiting
from app.ledger.database import DatabaseAway
from app.pipeline.delivery import deliver
from app.pipeline.follow_up import request_campaigns, tell_long_waits
from app.pipeline.holds import (
    is_closed,
    is_free_of_charge,
    note_failure,
    note_success,
)
from app.pipeline.parts import Parts, Source, source_of
from app.pipeline.retry import cause_of, log_fields, next_wait
from app.pipeline.story import ended

log = structlog.get_logger()

#: The pump stays for a batch that is due this soon; longer waits are the sweep's.
LINGER_S = 2.0
#: While it stays, it looks this often whether more has come.
LOOK_EVERY_S = 0.1


def send(parts: Parts, source_name: str, owner: int) -> float | None:
    """Send what is due of one source, for one turn of the budget.

    Returns in how many seconds it should be called again, None if nothing waits.
    """
    source = source_of(parts, source_name)
    deadline = time.monotonic() + parts.settings.enrich_budget_s
    tell_long_waits(parts, source)
    while time.monotonic() < deadline and not parts.stopping.is_set():
        if is_closed(parts, source.scope):
            return None
        batch, wait_s = _next(parts, source, owner)
        if batch is not None:
            _send(parts, source, batch, owner)
            if source.connector.has_campaigns:
                # One call a batch: a backlog must not hold campaigns back for hours.
                request_campaigns(parts, source)
        elif source.connector.has_campaigns and request_campaigns(parts, source):
            continue
        elif wait_s is None:
            return None
        elif wait_s > LINGER_S:
            return wait_s
        else:
            parts.stopping.wait(min(max(wait_s, 0.01), LOOK_EVERY_S))
    return 0.0


def _next(
    parts: Parts, source: Source, owner: int
) -> tuple[Batch | None, float | None]:
    """The next batch to send, or how long the first one still waits, None: nothing."""
    batches = parts.ledger.batches
    lease = parts.write_lease(source)
    lapsed = batches.claim_open(source.name, owner=owner, lease=lease)
    if lapsed is not None:
        return lapsed, None
    groups = batches.waiting(source.name)
    if not groups:
        return None, None
    state = batches.state(source.name, stalled=parts.stalled)
    waits = [due_in(parts, source, group, state) for group in groups]
    for group, wait_s in zip(groups, waits, strict=True):
        if wait_s <= 0:
            formed = batches.claim(
                source.name,
                group,
                owner=owner,
                count=source.connector.write_batch,
                lease=lease,
            )
            if formed is not None:
                return formed, None
    # Claimed by nobody although due: their records are under way in another batch.
    return None, max(min(waits), LOOK_EVERY_S)


def due_in(parts: Parts, source: Source, group: Waiting, state: SourceState) -> float:
    """Seconds until these runs go; 0 or less: now. The rule of engine.md.

    Full batches go at once. So does what is there when nothing more is coming. Else
    the oldest waits for company, a quarter of its age since it was accepted.
    """
    if group.ready >= source.connector.write_batch:
        return 0.0
    settings = parts.settings
    longest = min(
        max(group.oldest_age_s / 4, settings.batch_pause_s), settings.batch_max_wait_s
    )
    wait_s = longest - group.waited_s
    if not state.is_more_coming:
        pause = settings.batch_pause_s / (2 if group.ready == 1 else 1)
        since = state.since_last_batch_s
        wait_s = min(wait_s, 0.0 if since is None else pause - since)
    return wait_s


def _send(parts: Parts, source: Source, batch: Batch, owner: int) -> None:
    """Carry one batch to its end, or back into the queue."""
    started = time.monotonic()
    try:
        outcome = deliver(parts, source, batch, owner)
        is_held = parts.ledger.batches.settle(
            batch,
            outcome.settled,
            owner=owner,
            writes=outcome.writes,
            retries=outcome.retries,
            follow_ups=outcome.follow_ups,
        )
    except DatabaseAway:
        raise
    except AppError as error:
        _failed(parts, source, batch, error, owner)
        return
    except Exception as error:
        # Whatever one run trips us over must not hold up its neighbours for ever.
        log.exception("batch broke", batch_id=batch.id)
        broken = Broken(f"our own fault: {type(error).__name__}")
        _failed(parts, source, batch, broken, owner)
        return
    note_success(parts, source.scope)
    log.info(
        "batch sent",
        source=source.name,
        batch_id=batch.id,
        runs=len(batch.runs),
        written=len(outcome.writes),
        retried=len(outcome.retries),
        is_held=is_held,
        calls=outcome.calls,
        ms=round((time.monotonic() - started) * 1000),
    )


def _failed(
    parts: Parts, source: Source, batch: Batch, error: AppError, owner: int
) -> None:
    """Send the batch again later, split it, or fail its run, as the error says."""
    cause, message = cause_of(error), str(error)
    log.warning(
        "batch failed",
        source=source.name,
        batch_id=batch.id,
        runs=len(batch.runs),
        attempt=batch.attempts + 1,
        **log_fields(error),
    )
    batches = parts.ledger.batches
    settings = parts.settings
    is_about_one = isinstance(error, RequestRefused | AnswerTooLarge | Broken)
    if is_about_one and len(batch.runs) > 1:
        # It failed as a whole: the halves show which record is to blame.
        batches.split(batch, owner=owner, error=message)
        return
    note_failure(parts, source.scope, error)
    if is_free_of_charge(error):
        batches.postpone(
            batch, owner=owner, delay_s=0, cause=cause, message=message, counts=False
        )
        return
    wait_s = next_wait(error, batch.attempts, settings.retry_waits_s, parts.jitter())
    if isinstance(error, TookTooLong) and len(batch.runs) > 1 and wait_s is not None:
        batches.halve(batch, owner=owner, delay_s=wait_s, cause=cause, message=message)
        return
    if error.disposition is Disposition.RETRY and wait_s is not None:
        batches.postpone(
            batch, owner=owner, delay_s=wait_s, cause=cause, message=message
        )
        return
    # No outcome fields here: they would go the way that has just failed for good.
    reason = f"{source.name} could not be written: {message}"
    settled = [
        ended(None, run, RunState.FAILED, reason, cause=cause) for run in batch.runs
    ]
    batches.settle(batch, settled, owner=owner, error=message)
