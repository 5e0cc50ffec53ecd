"""One batch's way: current values → decisions → updates → each record's own end."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Any

from app.domain import Decisions, RunState, Update
from app.errors import Disposition, RecordError, RecordMissing
from app.ledger.batches import Batch, SentValues
from app.ledger.follow_ups import FollowUp
from app.ledger.runs import Retry, Run, Settled
from app.ledger.written import Write
from app.mapping import apply
from app.mapping.model import MappingFile
from app.pipeline.complete import MISSING_TRIES, MISSING_WAIT_S
from app.pipeline.confirm import answers_values, confirm
from app.pipeline.parts import Parts, Source, calling
from app.pipeline.retry import cause_of, next_wait
from app.pipeline.story import facts_of, orphaned, shown


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


def deliver(parts: Parts, source: Source, batch: Batch, owner: int) -> Outcome:
    """Read, decide and send; raises what concerns the whole batch.

    No transaction is open meanwhile. Nothing is recorded here but what is about to
    be sent: a try whose answer is lost has written all the same.
    """
    outcome = Outcome()
    before = _read(parts, source, batch, outcome)
    letters = _write_letters(parts, source, batch, before, outcome)
    if not _send(parts, source, batch, letters, outcome, owner):
        # Somebody else has it by now, and settling it will come to nothing.
        return outcome
    for letter in letters:
        _end(parts, source, batch, letter, outcome)
    return outcome


# Reading and deciding


def _read(
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


def _write_letters(
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
    for run in batch.runs:
        mapping = parts.mappings.get(run.mapping)
        record_id = run.record_id or ""
        if mapping is None:
            left = orphaned(run, "send")
            kept = outcome.retries if isinstance(left, Retry) else outcome.settled
            kept.append(left)  # type: ignore[arg-type]  # one list for each kind
            continue
        current = before.get(record_id)
        if mapping.reads_current and current is None:
            _end_missing(run, outcome)
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


# Sending


def _send(
    parts: Parts,
    source: Source,
    batch: Batch,
    letters: Sequence[Letter],
    outcome: Outcome,
    owner: int,
) -> bool:
    """Send these letters; one bad field is dropped, and the rest sent once more.

    False once `owner` has lost the batch: nothing more is sent.
    """
    going = [one for one in letters if one.values]
    lease = parts.write_lease(source)
    while going:
        sent = {str(letter.run.id): letter.sent() for letter in letters}
        note = parts.ledger.batches.note_sent
        with calling(parts, source):
            # After the wait for leave: from here on the lease covers the call alone.
            if not note(batch, sent, owner=owner, lease=lease):
                return False
            outcome.calls += 1
            results = source.connector.send([one.update(batch) for one in going])
        again: list[Letter] = []
        for letter, result in zip(going, results, strict=True):
            letter.error = result.error
            name = result.error.field if result.error else None
            if result.error is not None and name in letter.values:
                letter.refused[name] = result.error
                del letter.values[name]
                if letter.values:
                    again.append(letter)
        going = again
    return True


# Ending


def _end(
    parts: Parts, source: Source, batch: Batch, letter: Letter, outcome: Outcome
) -> None:
    """Settle or retry one run by its record's own result."""
    run, error = letter.run, letter.error
    is_whole_record = error is not None and error.field not in letter.refused
    is_refused = error is not None and is_whole_record
    written = letter.taken if is_refused else letter.sent()
    if written:
        outcome.writes.append(
            Write(
                run_id=run.id,
                batch_id=batch.id,
                source=run.source,
                object=run.object,
                record_id=run.record_id or "",
                person_key=run.person_key,
                values={name: one["value"] for name, one in written.items()},
                before={name: one["before"] for name, one in written.items()},
                kinds=_kinds(source, letter.mapping, written),
            )
        )
    if error is not None and is_whole_record:
        _end_refused(parts, letter, error, outcome)
    else:
        outcome.settled.append(_settled(letter))
        outcome.follow_ups += _follow_ups(letter)


def _follow_ups(letter: Letter) -> list[FollowUp]:
    """The campaign that goes on after the outcome fields, if there is one."""
    asked, run = letter.mapping.outcome, letter.run
    if asked is None or asked.request_campaign is None or run.record_id is None:
        return []
    if letter.decisions.skipped is not None and not asked.skipped:
        return []
    return [FollowUp(0, run.id, run.source, asked.request_campaign, run.record_id)]


def _kinds(
    source: Source, mapping: MappingFile, names: Iterable[str]
) -> dict[str, str]:
    """How these fields are compared, as far as their types are known."""
    kinds = {
        name: source.connector.kind_of(mapping.schema[name])
        for name in names
        if name in mapping.schema
    }
    return {name: kind for name, kind in kinds.items() if kind is not None}


def _settled(letter: Letter) -> Settled:
    run, decisions = letter.run, letter.decisions
    fields = [shown(one, letter.refused.get(one.field)) for one in decisions.fields]
    is_written = any(name not in letter.outcome for name in letter.sent())
    reason, cause = run.reason, run.cause
    if decisions.failed is not None:
        state, reason = RunState.FAILED, decisions.failed
        cause = run.cause or "mapping"
    elif decisions.skipped is not None:
        state, reason = RunState.SKIPPED, decisions.skipped
    elif is_written:
        state, reason = RunState.WRITTEN, _refusals(letter)
    elif letter.refused:
        state, reason = RunState.FAILED, _refusals(letter)
        cause = cause_of(next(iter(letter.refused.values())))
    else:
        state, reason = RunState.KEPT, "nothing had to change"
    return Settled(
        run.id,
        state,
        reason=reason,
        result=decisions.result,
        cause=cause,
        decisions=fields,
    )


def _refusals(letter: Letter) -> str | None:
    if not letter.refused:
        return None
    said = [f"{name}: {error}" for name, error in letter.refused.items()]
    return f"{letter.run.source} refused {'; '.join(said)}"


def _end_missing(run: Run, outcome: Outcome) -> None:
    """A record that was not there: once more in a while, then it has failed."""
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
    if run.attempts < MISSING_TRIES:
        outcome.retries.append(
            Retry(run.id, MISSING_WAIT_S, "send", cause_of(error), str(error))
        )
        return
    outcome.settled.append(
        Settled(run.id, RunState.FAILED, reason=str(error), cause=cause_of(error))
    )


def _end_refused(
    parts: Parts, letter: Letter, error: RecordError, outcome: Outcome
) -> None:
    run = letter.run
    if isinstance(error, RecordMissing):
        _end_missing(run, outcome)
        return
    wait_s = next_wait(
        error, run.attempts, parts.settings.retry_waits_s, parts.jitter()
    )
    if error.disposition is Disposition.RETRY and wait_s is not None:
        outcome.retries.append(
            Retry(run.id, wait_s, "send", cause_of(error), str(error))
        )
        return
    fields = [shown(one, error) for one in letter.decisions.fields if one.is_write]
    outcome.settled.append(
        Settled(
            run.id,
            RunState.FAILED,
            reason=f"{run.source} refused the record: {error}",
            cause=cause_of(error),
            result=letter.decisions.result,
            decisions=fields,
        )
    )
