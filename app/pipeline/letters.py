"""What goes out for each run of a batch: its record as it is → its decisions.

A record that is gone is looked for once more, and may have been merged into another.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Any

from app.domain import Decisions, RunState, Update
from app.errors import RecordError, RecordMissing
from app.ledger.batches import Batch, SentValues
from app.ledger.follow_ups import FollowUp
from app.ledger.runs import Retry, Run, Settled
from app.ledger.written import Write
from app.mapping import apply
from app.mapping.model import MappingFile
from app.pipeline.complete import missing_wait
from app.pipeline.confirm import answers_values, confirm
from app.pipeline.parts import Parts, Source, calling
from app.pipeline.retry import cause_of
from app.pipeline.story import facts_of, orphaned


@dataclass
class Outcome:
    """What a delivered batch came to; every run of it is in one of the lists."""

    settled: list[Settled] = field(default_factory=list)
    retries: list[Retry] = field(default_factory=list)
    writes: list[Write] = field(default_factory=list)
    follow_ups: list[FollowUp] = field(default_factory=list)
    calls: int = 0


@dataclass
class Letter:
    """One run on its way: what was decided, what is sent, what was refused."""

    run: Run
    mapping: MappingFile
    decisions: Decisions
    #: Outcome fields; sent along, but no reason to call the run written.
    outcome: Mapping[str, Any]
    before: Mapping[str, Any]
    #: What is still to be sent.
    values: dict[str, Any]
    #: What an earlier try has written, as its answer would have told.
    taken: SentValues = field(default_factory=dict)
    refused: dict[str, RecordError] = field(default_factory=dict)
    error: RecordError | None = None

    def update(self, batch: Batch) -> Update:
        """What the connector is to send."""
        record_id = self.run.record_id or ""
        return Update(batch.object, batch.match_by, record_id, dict(self.values))

    def sent(self) -> SentValues:
        """What the record has of us once the CRM has taken this letter."""
        own = {
            name: {"value": value, "before": self.before.get(name)}
            for name, value in self.values.items()
        }
        return {**self.taken, **own}


def read_current(
    parts: Parts, source: Source, batch: Batch, outcome: Outcome
) -> dict[str, Mapping[str, Any] | None]:
    """Current values by record; {} for what no mapping wants to have read."""
    reading = [
        (run, parts.mappings[run.mapping])
        for run in batch.runs
        if run.mapping in parts.mappings and parts.mappings[run.mapping].reads_current
    ]
    if not reading:
        return {}
    keys = list(dict.fromkeys(run.record_id or "" for run, _ in reading))
    names = list(dict.fromkeys(n for _, m in reading for n in m.current_fields))
    outcome.calls += 1
    read_at = parts.ledger.written.now() if answers_values(source) else None
    with calling(parts, source):
        records = source.connector.read(batch.object, batch.match_by, keys, names)
    before = {record.record_id: record.values for record in records}
    if read_at is not None:
        confirm(parts, source, batch.object, before, read_at=read_at)
    return before


def write_letters(
    parts: Parts,
    source: Source,
    batch: Batch,
    before: Mapping[str, Mapping[str, Any] | None],
    outcome: Outcome,
) -> list[Letter]:
    lookups = parts.ledger.enrichments.of_runs([run.id for run in batch.runs])
    last = parts.ledger.written.last(
        source.name, batch.object, [run.record_id or "" for run in batch.runs]
    )
    letters: list[Letter] = []
    merged = _merged(parts, source, batch, before, outcome)
    for run in batch.runs:
        mapping = parts.mappings.get(run.mapping)
        record_id = run.record_id or ""
        if mapping is None:
            left = orphaned(run, "send")
            if isinstance(left, Retry):
                outcome.retries.append(left)
            else:
                outcome.settled.append(left)
            continue
        current = before.get(record_id)
        if mapping.reads_current and current is None:
            end_missing(run, outcome, merged.get(run.id))
            continue
        facts = facts_of(parts, run, lookups.get(run.id, ()))
        decisions = apply.decide(
            mapping,
            facts,
            current=current if mapping.reads_current else None,
            last_written=last.get(record_id, {}),
            now=datetime.now(UTC),
            same=source.connector.same,
        )
        letter = _letter(run, mapping, _verdict(run, decisions), current or {})
        sent = batch.sent.get(str(run.id))
        if sent:
            _recognise(letter, sent, source)
        letters.append(letter)
    return letters


def _merged(
    parts: Parts,
    source: Source,
    batch: Batch,
    before: Mapping[str, Mapping[str, Any] | None],
    outcome: Outcome,
) -> dict[int, str]:
    """Run → the record that its own one was merged into, as far as that is found.

    Asked only for records that were missing a while ago as well; one call for all.
    """
    connector = source.connector
    by, key = connector.merged_by, connector.record_key
    if by is None or batch.match_by != key:
        return {}
    known: dict[int, str] = {}
    for run in batch.runs:
        is_gone = before.get(run.record_id or "", {}) is None
        value = run.lead.get(by) if is_gone else None
        if missing_wait(run) is None and isinstance(value, str) and value:
            known[run.id] = value
    if not known:
        return {}
    outcome.calls += 1
    with calling(parts, source):
        found = connector.read(batch.object, by, list({*known.values()}), [key])
    ids = {r.record_id: r.values.get(key) for r in found if r.values is not None}
    return {run: str(ids[value]) for run, value in known.items() if ids.get(value)}


def _recognise(letter: Letter, sent: SentValues, source: Source) -> None:
    """Take what an earlier try sent, and the record has now, for written by it."""
    same, known = source.connector.same, letter.mapping.schema
    letter.taken = {
        name: one
        for name, one in sent.items()
        if name not in letter.values
        and same(known.get(name), one["value"], letter.before.get(name))
    }
    fields = [
        replace(
            decision,
            is_write=True,
            value=letter.taken[decision.field]["value"],
            current=letter.taken[decision.field]["before"],
            reason=None,
            sentence="An earlier try wrote it, and its answer was lost.",
        )
        if decision.field in letter.taken
        else decision
        for decision in letter.decisions.fields
    ]
    letter.decisions = replace(letter.decisions, fields=tuple(fields))


def _verdict(run: Run, decisions: Decisions) -> Decisions:
    """What the enrich pump decided before stands: nothing but the outcome is sent."""
    if run.verdict == RunState.FAILED:
        return replace(decisions, fields=(), failed=run.reason, result="failed")
    if run.verdict == RunState.SKIPPED:
        return replace(decisions, fields=(), skipped=run.reason, result="skipped")
    return decisions


def _letter(
    run: Run, mapping: MappingFile, decisions: Decisions, before: Mapping[str, Any]
) -> Letter:
    is_held_back = decisions.failed is not None or decisions.skipped is not None
    wanted = mapping.outcome is not None and (
        decisions.skipped is None or mapping.outcome.skipped
    )
    outcome = (
        apply.outcome_values(mapping, decisions.result, datetime.now(UTC))
        if wanted
        else {}
    )
    values = {} if is_held_back else decisions.writes
    return Letter(run, mapping, decisions, outcome, before, {**values, **outcome})


def end_missing(run: Run, outcome: Outcome, merged: str | None = None) -> None:
    """A record that was not there: once more in a while, then it has failed.

    `merged`: the record it was merged into, which is written instead.
    """
    if run.verdict is not None:
        # It has ended already; only its outcome fields find no record.
        verdict = RunState(run.verdict)
        outcome.settled.append(
            Settled(run.id, verdict, cause=run.cause, result=verdict)
        )
        return
    error = RecordMissing(
        f"{run.source} has no {run.object} with {run.match_by} {run.record_id}: it was "
        "deleted, or merged into another"
    )
    if merged is not None and merged != run.record_id:
        said = f"{run.object} {run.record_id} was merged into {merged}"
        outcome.retries.append(
            Retry(run.id, 0, "send", "merged", said, record_id=merged)
        )
        return
    wait_s = missing_wait(run)
    if wait_s is not None:
        outcome.retries.append(
            Retry(run.id, wait_s, "send", cause_of(error), str(error))
        )
        return
    outcome.settled.append(
        Settled(run.id, RunState.FAILED, reason=str(error), cause=cause_of(error))
    )
