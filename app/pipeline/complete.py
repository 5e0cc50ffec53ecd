"""The complete pump: thin events get the fields that their mapping reads."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import replace

import structlog

from app.domain import Record, RunState
from app.errors import (
    AnswerTooLarge,
    AppError,
    Disposition,
    RecordMissing,
    RequestRefused,
    TookTooLong,
)
from app.ledger.runs import Retry, Run, Settled
from app.ledger.wakeups import Wake
from app.mapping import apply
from app.mapping.apply import Facts
from app.mapping.model import MappingFile
from app.pipeline.holds import (
    is_closed,
    is_free_of_charge,
    note_failure,
    note_success,
)
from app.pipeline.parts import Parts, Source, calling, source_of, token_of
from app.pipeline.retry import cause_of, log_fields, next_wait
from app.pipeline.story import ended, facts_of, leave_orphans, too_long

log = structlog.get_logger()

#: A record that is not there may be too new: a second old, or, rarely, up to a minute.
#: So it is looked for again after these seconds, and has not been there after that.
MISSING_WAITS_S = (5.0, 60.0)


def complete(parts: Parts, source_name: str, owner: int) -> list[Wake]:
    """Fetch the inputs of thin runs, a batch a call; returns what to wake."""
    source = source_of(parts, source_name)
    deadline = time.monotonic() + parts.settings.enrich_budget_s
    woken: set[Wake] = set()
    while time.monotonic() < deadline and not parts.stopping.is_set():
        if is_closed(parts, source.scope):
            break
        runs = parts.ledger.runs.claim_received(
            source.name,
            owner=owner,
            count=source.connector.read_batch,
            lease=parts.write_lease(source),
        )
        if not runs:
            break
        by_object: dict[str, list[Run]] = {}
        for run in runs:
            by_object.setdefault(run.event_object, []).append(run)
        for name, group in by_object.items():
            woken |= _complete(parts, source, name, group, owner)
    return sorted(woken, key=lambda wake: (wake.task, wake.scope))


def _complete(
    parts: Parts, source: Source, object_name: str, runs: list[Run], owner: int
) -> set[Wake]:
    """One call for these runs, and what came of it.

    What is refused as a whole, or is too much at once, is asked in halves: one
    record must not fail its neighbours.
    """
    started = time.monotonic()
    keys = list(dict.fromkeys(run.lead_id for run in runs))
    try:
        records = _fetched(parts, source, object_name, keys, runs)
    except (RequestRefused, AnswerTooLarge, TookTooLong) as error:
        if len(keys) == 1:
            _failed(parts, source, runs, error, owner)
            return set()
        if is_closed(parts, source.scope):
            # So many were refused alone that it is nothing about one of them.
            _let_wait(parts, runs, error, owner)
            return set()
        first = set(keys[: len(keys) // 2])
        woken: set[Wake] = set()
        for is_first in (True, False):
            half = [run for run in runs if (run.lead_id in first) is is_first]
            woken |= _complete(parts, source, object_name, half, owner)
        return woken
    except AppError as error:
        _failed(parts, source, runs, error, owner)
        return set()
    note_success(parts, source.scope)
    log.info(
        "records fetched",
        source=source.name,
        records=len(keys),
        ms=round((time.monotonic() - started) * 1000),
    )
    found = {record.record_id: record for record in records}
    settled: list[Settled] = []
    retries: list[Retry] = []
    orphans: list[Run] = []
    woken = set()
    for run in runs:
        mapping = parts.mappings.get(run.mapping)
        if mapping is None:
            orphans.append(run)
            continue
        outcome = _completed(parts, mapping, run, found.get(run.lead_id))
        if isinstance(outcome, Retry):
            retries.append(outcome)
        else:
            settled.append(outcome)
            woken.add(Wake("enrich", token_of(parts, mapping)))
    parts.ledger.runs.settle(settled, owner=owner)
    parts.ledger.runs.retry(retries, owner=owner)
    leave_orphans(parts, orphans, owner, "complete")
    return woken


def _fetched(
    parts: Parts,
    source: Source,
    object_name: str,
    keys: Sequence[str],
    runs: Sequence[Run],
) -> list[Record]:
    """These records, with all that the mappings of the runs read of them."""
    fields = sorted(
        {
            name
            for run in runs
            if run.mapping in parts.mappings
            for name in parts.mappings[run.mapping].lead_fields
        }
    )
    with calling(parts, source):
        return source.connector.read(
            object_name, source.connector.record_key, keys, fields
        )


def _completed(
    parts: Parts, mapping: MappingFile, run: Run, record: Record | None
) -> Settled | Retry:
    if record is None or record.values is None:
        missing = RecordMissing("there is no such record")
        wait_s = missing_wait(run)
        if wait_s is not None:
            return Retry(run.id, wait_s, "complete", cause_of(missing), str(missing))
        return ended(
            mapping,
            run,
            RunState.FAILED,
            f"{run.source} has no {run.event_object} {run.lead_id}: it was deleted, "
            "or merged into another",
            cause=cause_of(missing),
        )
    # A thin event says nothing but its keys, and those stay as they came.
    lead = {**record.values, **run.lead}
    facts = facts_of(parts, replace(run, lead=lead))
    record_id = apply.record_key(mapping, facts)
    return too_long(mapping, run, record_id) or Settled(
        run.id,
        RunState.READY,
        lead=lead,
        record_id=record_id,
        is_bulk=_is_bulk(mapping, run, facts),
    )


def missing_wait(run: Run) -> float | None:
    """When to look again for the record of a run; None: it is not there."""
    left = MISSING_WAITS_S[run.attempts :]
    return left[0] if left else None


def _is_bulk(mapping: MappingFile, run: Run, facts: Facts) -> bool:
    """What the mapping says now, or whoever started the run as bulk."""
    if not run.is_bulk or apply.is_bulk(mapping, facts):
        return apply.is_bulk(mapping, facts)
    # Said by the mapping while it knew less of the lead, it is not true any more.
    return not apply.is_bulk(mapping, replace(facts, lead=run.lead))


def _failed(
    parts: Parts, source: Source, runs: Sequence[Run], error: AppError, owner: int
) -> None:
    """Let these runs wait, pause the source, or fail them, as the error says."""
    log.warning(
        "records not fetched",
        source=source.name,
        runs=len(runs),
        **log_fields(error),
    )
    note_failure(parts, source.scope, error)
    if is_free_of_charge(error):
        _let_wait(parts, runs, error, owner)
        return
    settled: list[Settled] = []
    retries: list[Retry] = []
    for run in runs:
        wait = next_wait(
            error, run.attempts, parts.settings.retry_waits_s, parts.jitter()
        )
        if error.disposition is Disposition.FAIL or wait is None:
            mapping = parts.mappings.get(run.mapping)
            settled.append(
                ended(
                    mapping, run, RunState.FAILED, str(error), cause=cause_of(error)
                )
            )
        else:
            retries.append(
                Retry(run.id, wait, "complete", cause_of(error), str(error))
            )
    parts.ledger.runs.settle(settled, owner=owner)
    parts.ledger.runs.retry(retries, owner=owner)


def _let_wait(parts: Parts, runs: Sequence[Run], error: AppError, owner: int) -> None:
    """Let these runs wait for their source, without counting it as a try."""
    cause, message = cause_of(error), str(error)
    retries = [
        Retry(run.id, 0, "complete", cause, message, counts=False) for run in runs
    ]
    parts.ledger.runs.retry(retries, owner=owner)
