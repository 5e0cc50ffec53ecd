"""What we wrote: WrittenValues for undo and audit, LastWritten for keep-fresh.

LastWritten holds a keyed hash of the value's normal form, never the value: it is
kept for good, and must not become a second copy of the customer's data.
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import sqlalchemy as sa

from app import values
from app.ledger.database import Database, compact_json

_LAST = sa.text("""
    select w.record_id, w.field, w.kind, w.digest, w.at
    from last_written w
    where w.source = :source and w.object = :object and w.record_id in
        (select jsonb_array_elements_text(cast(:ids as jsonb)))
""")
_ADD_UPDATES = sa.text("""
    insert into updates
        (run_id, batch_id, source, object, record_id, person_key, values)
    select run_id, batch_id, source, object, record_id, person_key, values
    from jsonb_to_recordset(cast(:updates as jsonb)) as u(
        run_id bigint, batch_id bigint, source text, object text, record_id text,
        person_key text, values jsonb)
""")
_UPSERT = """
    insert into last_written
        (source, object, record_id, field, kind, digest, person_key, at)
    select source, object, record_id, field, kind, digest, person_key, now()
    from jsonb_to_recordset(cast(:rows as jsonb)) as w(
        source text, object text, record_id text, field text, kind text,
        digest text, person_key text)
    on conflict (source, object, record_id, field) do update set
        kind = excluded.kind, digest = excluded.digest, at = excluded.at,
"""
_SET_LAST = sa.text(_UPSERT + "person_key = excluded.person_key")
# What the service wrote after the record was read is newer than what was read.
_ADOPT = sa.text(
    _UPSERT
    + """
        person_key = coalesce(excluded.person_key, last_written.person_key)
    where last_written.at < :read_at
    returning field
"""
)
_NOW = sa.text("select clock_timestamp()")
_PURGE = sa.text("delete from updates where at < now() - :age")


@dataclass(frozen=True, slots=True)
class HashedValue:
    """Our last value of one field, known by its hash (a domain.LastValue)."""

    at: datetime
    kind: str
    digest: str
    key: bytes

    def equals(self, value: Any) -> bool:
        """Whether `value`, as the CRM has it now, is still what we wrote."""
        return hmac.compare_digest(self.digest, digest(self.key, self.kind, value))


def digest(key: bytes, kind: str, value: Any) -> str:
    """The keyed hash of a value's normal form under `kind`."""
    form = values.normal_form(kind, value)
    text = f"{kind}\x1f{'' if form is None else form}"
    return hmac.new(key, text.encode(), hashlib.sha256).hexdigest()[:32]


@dataclass(frozen=True, slots=True)
class Write:
    """One record's values as the CRM took them; `before` as they were read."""

    run_id: int
    batch_id: int
    source: str
    object: str
    record_id: str
    person_key: str | None
    values: Mapping[str, Any]
    before: Mapping[str, Any]
    #: How the CRM compares a field (values.py), where its type is known; others go
    #: by the value itself. Kept with the hash, so that both are of one kind.
    kinds: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Present:
    """A value that a record has, and that is to count as ours."""

    source: str
    object: str
    record_id: str
    field: str
    #: How it is compared (values.py).
    kind: str
    value: Any
    person_key: str | None


class Written:
    """Reads and records what was written."""

    def __init__(self, database: Database, key: bytes) -> None:
        self.database = database
        self.key = key

    def last(
        self, source: str, object_name: str, record_ids: Sequence[str]
    ) -> dict[str, dict[str, HashedValue]]:
        """By record and field: our last value, for these records."""
        found: dict[str, dict[str, HashedValue]] = {}
        rows = self.database.rows(
            _LAST,
            source=source,
            object=object_name,
            ids=compact_json(list(record_ids)),
        )
        for row in rows:
            value = HashedValue(row.at, row.kind, row.digest, self.key)
            found.setdefault(row.record_id, {})[row.field] = value
        return found

    def record_in(self, connection: sa.Connection, writes: Sequence[Write]) -> None:
        """Record these writes inside the transaction that settles their runs."""
        if not writes:
            return
        connection.execute(
            _ADD_UPDATES, {"updates": compact_json([_update(w) for w in writes])}
        )
        # One statement must not meet a key twice: the later write of it counts.
        rows = {
            (w.source, w.object, w.record_id, field): self._last(w, field, value)
            for w in writes
            for field, value in w.values.items()
        }
        connection.execute(_SET_LAST, {"rows": compact_json(list(rows.values()))})

    def _last(self, write: Write, field: str, value: Any) -> dict[str, Any]:
        kind = write.kinds.get(field) or values.kind_of(value)
        return {
            "source": write.source,
            "object": write.object,
            "record_id": write.record_id,
            "field": field,
            "kind": kind,
            "digest": digest(self.key, kind, value),
            "person_key": write.person_key,
        }

    def now(self) -> datetime:
        """The database's clock, for `adopt`."""
        row = self.database.row(_NOW)
        return row[0] if row else datetime.now(UTC)

    def adopt(self, present: Sequence[Present], *, read_at: datetime) -> list[str]:
        """Let these values count as ours; returns the field of each that does now.

        `read_at`: before the records were read. What was written since stays.
        """
        rows = [
            {
                "source": one.source,
                "object": one.object,
                "record_id": one.record_id,
                "field": one.field,
                "kind": one.kind,
                "digest": digest(self.key, one.kind, one.value),
                "person_key": one.person_key,
            }
            for one in present
        ]
        found = self.database.rows(_ADOPT, rows=compact_json(rows), read_at=read_at)
        return [row.field for row in found]

    def purge(self, *, age: timedelta) -> None:
        """Forget written values older than `age`. LastWritten stays for good."""
        self.database.rows(_PURGE, age=age)


def _update(write: Write) -> dict[str, Any]:
    return {
        "run_id": write.run_id,
        "batch_id": write.batch_id,
        "source": write.source,
        "object": write.object,
        "record_id": write.record_id,
        "person_key": write.person_key,
        "values": {
            field: {"value": value, "before": write.before.get(field)}
            for field, value in write.values.items()
        },
    }
