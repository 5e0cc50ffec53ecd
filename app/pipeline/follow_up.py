"""What follows a write: campaigns that are requested, and word of a long wait.

Both are the send pump's: what it wrote to a record is there before either.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

import structlog

from app.domain import Update
from app.errors import AppError, Disposition, RecordError
from app.ledger.follow_ups import FollowUp
from app.ledger.installation import is_turn
from app.mapping import apply
from app.pipeline.holds import (
    aside,
    is_closed,
    is_free_of_charge,
    note_aside,
    note_success,
)
from app.pipeline.parts import Parts, Source, calling
from app.pipeline.retry import log_fields, next_wait

log = structlog.get_logger()

#: What a pause of campaigns is called beside the source's name.
CAMPAIGNS = "campaigns"
#: How often it is looked for runs that wait for long: each look goes through all.
LOOK_EVERY = timedelta(seconds=30)
#: The word in the outcome field of a run that waits.
WAITING = "waiting"


def request_campaigns(parts: Parts, source: Source) -> bool:
    """Request one campaign for the records that are due for it, in one call.

    Returns whether there were any. A call whose answer is lost is made again, so a
    record may run through the campaign twice unless its own rules forbid that.
    """
    if is_closed(parts, source.scope, aside(source, CAMPAIGNS)):
        return False
    due = parts.ledger.follow_ups.due(source.name, source.connector.campaign_batch)
    if due:
        _request(parts, source, due)
    return bool(due)


def _request(parts: Parts, source: Source, due: Sequence[FollowUp]) -> None:
    campaign = due[0].campaign
    try:
        records = list(dict.fromkeys(one.record_id for one in due))
        with calling(parts, source):
            source.connector.request_campaign(campaign, records)
    except RecordError as error:
        # About one of them: the halves show which.
        if len(due) == 1:
            _give_up(parts, source, due, error)
            return
        middle = len(due) // 2
        _request(parts, source, due[:middle])
        _request(parts, source, due[middle:])
    except AppError as error:
        _failed(parts, source, due, error)
    else:
        parts.ledger.follow_ups.end(due)
        note_success(parts, aside(source, CAMPAIGNS))
        log.info(
            "campaign requested",
            source=source.name,
            campaign=campaign,
            records=len(due),
        )


def _failed(
    parts: Parts, source: Source, due: Sequence[FollowUp], error: AppError
) -> None:
    """Let these wait, or give them up, as the error says."""
    note_aside(parts, source, CAMPAIGNS, error)
    follow_ups = parts.ledger.follow_ups
    if is_free_of_charge(error):
        follow_ups.postpone(due, delay_s=5.0, error=str(error), counts=False)
        return
    attempts = max(one.attempts for one in due)
    wait_s = next_wait(error, attempts, parts.settings.retry_waits_s, parts.jitter())
    if error.disposition is Disposition.RETRY and wait_s is not None:
        follow_ups.postpone(due, delay_s=wait_s, error=str(error))
        return
    _give_up(parts, source, due, error)


def _give_up(
    parts: Parts, source: Source, due: Sequence[FollowUp], error: AppError
) -> None:
    parts.ledger.follow_ups.end(due, error=str(error))
    log.error(
        "campaign not requested",
        source=source.name,
        campaign=due[0].campaign,
        runs=[one.run_id for one in due][:20],
        **log_fields(error),
    )


def tell_long_waits(parts: Parts, source: Source) -> None:
    """Tell a batch of them, if the last look, of any process, is a while ago."""
    age = timedelta(seconds=parts.settings.tell_waiting_after_s)
    name = f"waiting {source.name}"
    if is_turn(parts.ledger.database, name, min(LOOK_EVERY, age / 2)):
        _tell_waiting(parts, source)


def _tell_waiting(parts: Parts, source: Source) -> None:
    """Write `waiting` to the outcome fields of runs that wait for long: one batch.

    Told once a run, and not again if it fails: its own end writes the same fields.
    """
    mappings = {m.name: m for m in source.mappings if m.outcome and m.outcome.result}
    if not mappings:
        return
    told = parts.ledger.runs.claim_long_waiting(
        source.name,
        mappings=list(mappings),
        age=timedelta(seconds=parts.settings.tell_waiting_after_s),
        count=source.connector.write_batch,
    )
    if not told:
        return
    now = datetime.now(UTC)
    updates = [
        Update(
            run.object,
            run.match_by,
            run.record_id,
            apply.outcome_values(mappings[run.mapping], WAITING, now),
        )
        for run in told
    ]
    try:
        with calling(parts, source):
            source.connector.send(updates)
    except AppError as error:
        note_aside(parts, source, "waits", error)
        log.warning("long wait not told", source=source.name, **log_fields(error))
    else:
        log.info("long wait told", source=source.name, records=len(updates))
