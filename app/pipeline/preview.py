"""What today's mapping file would make of a run of the ledger; nothing is written."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from app.domain import LastValue, LookupAnswer, LookupResult
from app.errors import ConfigurationError
from app.ledger import Ledger, reports
from app.ledger.enrichments import StoredLookup
from app.ledger.reports import Story
from app.mapping.apply import Facts
from app.mapping.model import Lookup, MappingFile
from app.mapping.preview import Preview, preview
from app.mapping.trial_run import Written
from app.sixsense.client import SixsenseClient


def of_run(
    ledger: Ledger, sixsense: SixsenseClient, mapping: MappingFile, story: Story
) -> Preview:
    """A run's lead, answers and record as they were, through today's mapping file.

    Raises ConfigurationError if the run is of another source.
    """
    run = story.run
    if run.source != mapping.source:
        raise ConfigurationError(
            f"run {run.id} is of {run.source}, and {mapping.name} of {mapping.source}"
        )
    stored = _Stored(ledger, sixsense, story)
    current = _before(story)
    if mapping.reads_current:
        unread = [name for name in mapping.current_fields if name not in current]
        if unread:
            stored.notes.append(
                f"the run did not read {', '.join(unread)}: taken as empty"
            )
    at = min((one.at for one in story.updates), default=run.finished_at)
    shown = preview(
        mapping,
        Facts(
            run.lead,
            run.event_at or run.received_at,
            run.event,
            run.source,
            run.changed_by,
        ),
        stored.answer,
        current=current,
        last_written=_written_before(ledger, story, current, at, stored.notes),
        now=at or datetime.now(UTC),
    )
    shown.notes = stored.notes
    return shown


class _Stored:
    """The answers that one run got."""

    def __init__(self, ledger: Ledger, sixsense: SixsenseClient, story: Story) -> None:
        self.sixsense = sixsense
        run_id = story.run.id
        found = ledger.enrichments.of_runs([run_id]).get(run_id, ())
        self.lookups: dict[str, StoredLookup] = {one.name: one for one in found}
        self.asked = {row.name: row.asked for row in story.lookups}
        self.notes: list[str] = []

    def answer(self, lookup: Lookup, inputs: Mapping[str, str]) -> LookupAnswer | None:
        name, one = lookup.name, self.lookups.get(lookup.name)
        if one is None or one.result == LookupResult.NOT_ASKED:
            self.notes.append(f"{name}: this run did not ask it, so nothing is known")
            return None
        if one.result == LookupResult.MATCHED and one.answer is None:
            self.notes.append(f"{name}: 6sense's answer is not kept any more")
            return None
        if self.asked.get(name) not in (None, dict(inputs)):
            self.notes.append(
                f"{name}: other inputs would be asked now; this is the answer to those "
                "of the run"
            )
        return _as_answer(self.sixsense, one)


def _as_answer(sixsense: SixsenseClient, one: StoredLookup) -> LookupAnswer:
    has_data = one.answer and one.product
    data = sixsense.parse(one.product or "", one.answer or "") if has_data else None
    return LookupAnswer(
        LookupResult(one.result), one.api, one.asked_at, one.is_reused, data
    )


def _before(story: Story) -> dict[str, Any]:
    """The record as the run found it, as far as it looked at it."""
    found = {one["field"]: one.get("current") for one in story.run.decisions or ()}
    # Of several tries, the first one found it untouched.
    for update in reversed(story.updates):
        values = update._mapping["values"]
        found |= {name: one.get("before") for name, one in values.items()}
    return found


def _written_before(
    ledger: Ledger,
    story: Story,
    current: Mapping[str, Any],
    at: datetime | None,
    notes: list[str],
) -> dict[str, LastValue]:
    """What we had last written when the run was decided at `at`."""
    run = story.run
    if run.record_id is None:
        return {}
    last = ledger.written.last(run.source, run.object, [run.record_id])
    now: dict[str, LastValue] = dict(last.get(run.record_id, {}))
    if at is None:
        return now
    rows = reports.earlier_writes(
        ledger.database, run.source, run.object, run.record_id, at
    )
    known: dict[str, LastValue] = {
        row.field: Written(row.value, row.at) for row in rows
    }
    known |= {name: one for name, one in now.items() if one.at < at}
    lost = [n for n in now if n not in known and current.get(n) not in (None, "")]
    if lost:
        notes.append(
            f"what we had written to {', '.join(lost)} before is not kept any more"
        )
    return known
