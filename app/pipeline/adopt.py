"""Present values become ours: how keep-fresh starts where another tool wrote before.

Nothing is written to the CRM. Only hashes go into the ledger, so doing it twice
changes nothing, and after a break one begins again.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from app import values
from app.domain import Decision, LookupResult
from app.errors import QuotaSpent
from app.ledger import reports
from app.ledger.calls import calls_today
from app.ledger.written import Present
from app.mapping import apply
from app.mapping.empty import is_empty
from app.mapping.entry import Entry
from app.mapping.model import MappingFile
from app.mapping.reasons import UNCHANGED
from app.pipeline.parts import Parts, calling, source_of
from app.pipeline.story import EMAIL_FIELDS, answer_of, person_key


@dataclass
class Tally:
    """What one field's values came to; the sum is the number of records."""

    #: Becomes ours, or has become ours.
    ours: int = 0
    already: int = 0
    #: Only with `equal`: not what 6sense's stored answer says, or none is stored.
    different: int = 0
    empty: int = 0


@dataclass
class Adoption:
    """What adopting came to, or would come to."""

    fields: dict[str, Tally]
    records: int = 0
    missing: int = 0
    #: Only with `equal`: records without a stored answer.
    unanswered: int = 0
    calls: int = 0

    @property
    def ours(self) -> int:
        """How many values become ours."""
        return sum(tally.ours for tally in self.fields.values())


def fresh_fields(mapping: MappingFile) -> list[str]:
    """The fields for which it matters who wrote them: those of keep-fresh."""
    return [one.field for one in mapping.entries if one.rule.name == "keep-fresh"]


def calls_needed(parts: Parts, mapping: MappingFile, records: int) -> int:
    """How many calls it takes to read so many records.

    Raises QuotaSpent if today's share of calls is too small for it.
    """
    source = source_of(parts, mapping.source)
    connector = source.connector
    calls = -(-records // connector.read_batch)
    if connector.quota is not None:
        had = calls_today(parts.ledger.database, source.name, connector.day_zone)
        left = max(0, connector.quota - had)
        if calls > left:
            raise QuotaSpent(
                f"{records:,} records take {calls:,} calls, and {left:,} of our "
                f"{connector.quota:,} are left today. Take fewer, or raise the setting "
                f"QUOTA of {source.name}",
                system=source.name,
                operation="adopt",
            )
    return calls


def adopt(
    parts: Parts,
    mapping: MappingFile,
    record_ids: Sequence[str],
    names: Sequence[str],
    *,
    equal: bool,
    go: bool,
    progress: Callable[[int], None] = lambda _: None,
) -> Adoption:
    """Read these records, and let the values of these fields count as ours.

    `equal`: only what 6sense's stored answer says, as the mapping would write it.
    Without `go` nothing is recorded. `progress` hears of each batch's records.

    Raises:
        RemoteError: the source could not be read; what was recorded before stays.
    """
    found = Adoption({name: Tally() for name in names})
    work = _Work(parts, mapping, frozenset(names), equal, found)
    size = source_of(parts, mapping.source).connector.read_batch
    for start in range(0, len(record_ids), size):
        batch = record_ids[start : start + size]
        read_at = parts.ledger.written.now()
        present = work.present(batch)
        if go and present:
            parts.ledger.written.adopt(present, read_at=read_at)
        progress(len(batch))
    return found


@dataclass
class _Work:
    """One adoption while it goes on, a batch at a time."""

    parts: Parts
    mapping: MappingFile
    names: frozenset[str]
    equal: bool
    found: Adoption
    entries: list[Entry] = field(init=False)

    def __post_init__(self) -> None:
        self.entries = [e for e in self.mapping.entries if e.field in self.names]

    def present(self, batch: Sequence[str]) -> list[Present]:
        """The values of these records that become ours; counts the others."""
        mapping, written = self.mapping, self.parts.ledger.written
        records = self._read(batch)
        last = written.last(mapping.source, mapping.object, batch)
        equal = self._equal(records) if self.equal else {}
        made: list[Present] = []
        for record_id, record in records.items():
            for entry in self.entries:
                name, tally = entry.field, self.found.fields[entry.field]
                value, ours = record.get(name), last.get(record_id, {}).get(name)
                if is_empty(value, entry.no_value):
                    tally.empty += 1
                elif ours is not None and ours.equals(value):
                    tally.already += 1
                elif self.equal and name not in equal.get(record_id, ()):
                    tally.different += 1
                else:
                    tally.ours += 1
                    made.append(self._made(record_id, name, record))
        return made

    def _made(self, record_id: str, name: str, record: Mapping[str, Any]) -> Present:
        mapping, value = self.mapping, record[name]
        connector = source_of(self.parts, mapping.source).connector
        kind = connector.kind_of(mapping.schema.get(name)) or values.kind_of(value)
        person = person_key(self.parts.person_key, record)
        return Present(
            mapping.source, mapping.object, record_id, name, kind, value, person
        )

    def _read(self, batch: Sequence[str]) -> dict[str, Mapping[str, Any]]:
        mapping, source = self.mapping, source_of(self.parts, self.mapping.source)
        # The address ties the value to its person, so that it is erased with them.
        emails = [n for n in mapping.lead_fields if n.lower() in EMAIL_FIELDS]
        wanted = mapping.current_fields if self.equal else sorted(self.names)
        names = [*dict.fromkeys([*wanted, *emails])]
        self.found.calls += 1
        with calling(self.parts, source):
            read = source.connector.read(mapping.object, mapping.match_by, batch, names)
        records = {one.record_id: one.values for one in read if one.values is not None}
        self.found.records += len(records)
        self.found.missing += len(read) - len(records)
        return records

    def _equal(self, records: Mapping[str, Mapping[str, Any]]) -> dict[str, set[str]]:
        """By record, the fields that have what its stored answer says."""
        mapping, ledger = self.mapping, self.parts.ledger
        runs = reports.last_asked(
            ledger.database, mapping.source, mapping.name, list(records)
        )
        lookups = ledger.enrichments.of_runs([run.id for run in runs])
        found: dict[str, set[str]] = {}
        for run in runs:
            stored = lookups.get(run.id, ())
            if any(
                one.result == LookupResult.MATCHED and not one.answer for one in stored
            ):
                continue
            facts = apply.Facts(
                run.lead,
                run.event_at or run.received_at,
                run.event,
                mapping.source,
                run.changed_by,
                {one.name: answer_of(self.parts, one) for one in stored},
            )
            decisions = apply.decide(
                mapping,
                facts,
                current=records[run.record_id],
                last_written={},
                now=datetime.now(UTC),
                same=source_of(self.parts, mapping.source).connector.same,
            )
            found[run.record_id] = {d.field for d in decisions.fields if _is_equal(d)}
        self.found.unanswered += len(records) - len(found)
        return found


def _is_equal(decision: Decision) -> bool:
    return not decision.is_write and decision.reason == UNCHANGED
