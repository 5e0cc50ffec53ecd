"""Values that a webhook's reply carried: nobody's until the record has them.

What a source makes of a reply is not told. So they count as ours only after the
record was read and has them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from app.ledger.database import Database, compact_json

_UNCONFIRMED = sa.text("""
    select id, record_id, mapping, person_key, reply,
           coalesce(finished_at, received_at) as at
    from runs
    where reply is not null and reply_confirmed_at is null
      and source = :source and object = :object and record_id in
        (select jsonb_array_elements_text(cast(:ids as jsonb)))
    order by id
""")
_CONFIRM = sa.text("""
    update runs set reply_confirmed_at = now()
    where id in (select jsonb_array_elements_text(cast(:ids as jsonb))::bigint)
""")


@dataclass(frozen=True, slots=True)
class Replied:
    """What one run's webhook was answered with."""

    run_id: int
    record_id: str
    mapping: str
    person_key: str | None
    values: Mapping[str, Any]
    at: datetime


class Replies:
    """Finds and confirms what was answered with values."""

    def __init__(self, database: Database) -> None:
        self.database = database

    def unconfirmed(
        self, source: str, object_name: str, record_ids: Sequence[str]
    ) -> list[Replied]:
        """Replies about these records that no read has confirmed, oldest first."""
        rows = self.database.rows(
            _UNCONFIRMED,
            source=source,
            object=object_name,
            ids=compact_json(list(record_ids)),
        )
        return [
            Replied(
                row.id,
                row.record_id,
                row.mapping,
                row.person_key,
                row.reply or {},
                row.at,
            )
            for row in rows
        ]

    def confirm(self, run_ids: Sequence[int]) -> None:
        """These have been compared with a read of their record."""
        if run_ids:
            self.database.rows(_CONFIRM, ids=compact_json(list(run_ids)))
