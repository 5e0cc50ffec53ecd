"""One batch sent, and how each of its runs ends by its record's own result."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from app.domain import RunState
from app.errors import Disposition, RecordError, RecordMissing
from app.ledger.batches import Batch
from app.ledger.follow_ups import FollowUp
from app.ledger.runs import Retry, Settled
from app.ledger.written import Write
from app.mapping.model import MappingFile
from app.pipeline.letters import (
    Letter,
    Outcome,
    end_missing,
    read_current,
    write_letters,
)
from app.pipeline.parts import Parts, Source, calling
from app.pipeline.retry import cause_of, next_wait
from app.pipeline.story import shown


def deliver(parts: Parts, source: Source, batch: Batch, owner: int) -> Outcome:
    """Read, decide and send; raises what concerns the whole batch.

    No transaction is open meanwhile. Nothing is recorded here but what is about to
    be sent: a try whose answer is lost has written all the same.
    """
    outcome = Outcome()
    before = read_current(parts, source, batch, outcome)
    letters = write_letters(parts, source, batch, before, outcome)
    if not _send(parts, source, batch, letters, outcome, owner):
        # Somebody else has it by now, and settling it will come to nothing.
        return outcome
    for letter in letters:
        _end(parts, source, batch, letter, outcome)
    return outcome


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


def _end_refused(
    parts: Parts, letter: Letter, error: RecordError, outcome: Outcome
) -> None:
    run = letter.run
    if isinstance(error, RecordMissing):
        end_missing(run, outcome)
        return
    wait_s = next_wait(
        error, run.attempts, parts.settings.retry_waits_s, parts.jitter()
    )
    if error.once and run.cause == cause_of(error):
        wait_s = None
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
