"""Follow-ups: campaigns to request once a record was written.

An outbox: a follow-up is recorded in the transaction that ends its run, and
requested afterwards. A request whose answer is lost is made again.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta

import sqlalchemy as sa

from app.ledger.database import Database, compact_json

_ADD = sa.text("""
    insert into follow_ups (run_id, source, campaign, record_id)
    select run_id, source, campaign, record_id
    from jsonb_to_recordset(cast(:rows as jsonb)) as f(
        run_id bigint, source text, campaign text, record_id text)
""")
# The send pump of a source is one; two by mistake request twice, and lose nothing.
_DUE = sa.text("""
    select id, run_id, source, campaign, record_id, attempts from follow_ups
    where ended_at is null and source = :source and due_at <= now()
      and campaign = (
        select campaign from follow_ups
        where ended_at is null and source = :source and due_at <= now()
        order by due_at, id limit 1)
    order by due_at, id limit :count
""")
_END = sa.text("""
    update follow_ups set ended_at = now(), error = :error
    where id in (select jsonb_array_elements_text(cast(:ids as jsonb))::bigint)
""")
_POSTPONE = sa.text("""
    update follow_ups set error = :error, attempts = attempts + :count,
        due_at = now() + make_interval(secs => :delay_s)
    where id in (select jsonb_array_elements_text(cast(:ids as jsonb))::bigint)
""")
_PURGE = sa.text("delete from follow_ups where ended_at < now() - :age")


@dataclass(frozen=True, slots=True)
class FollowUp:
    """One record that a campaign is to be requested for."""

    id: int
    run_id: int
    source: str
    campaign: str
    record_id: str
    attempts: int = 0


def add_in(connection: sa.Connection, follow_ups: Sequence[FollowUp]) -> None:
    """Record these inside the transaction that ends their runs."""
    if not follow_ups:
        return
    rows = [
        {
            "run_id": one.run_id,
            "source": one.source,
            "campaign": one.campaign,
            "record_id": one.record_id,
        }
        for one in follow_ups
    ]
    connection.execute(_ADD, {"rows": compact_json(rows)})


class FollowUps:
    """Hands out what is to be requested, and ends it."""

    def __init__(self, database: Database) -> None:
        self.database = database

    def due(self, source: str, count: int) -> list[FollowUp]:
        """Up to `count` due requests of one campaign of this source, oldest first."""
        rows = self.database.rows(_DUE, source=source, count=count)
        return [FollowUp(**row._mapping) for row in rows]

    def end(self, follow_ups: Sequence[FollowUp], error: str | None = None) -> None:
        """They were requested; or given up, for this reason."""
        if follow_ups:
            ids = compact_json([one.id for one in follow_ups])
            self.database.rows(_END, ids=ids, error=error)

    def postpone(
        self,
        follow_ups: Sequence[FollowUp],
        *,
        delay_s: float,
        error: str,
        counts: bool = True,
    ) -> None:
        """Request these again after `delay_s`; `counts` as an attempt."""
        self.database.rows(
            _POSTPONE,
            ids=compact_json([one.id for one in follow_ups]),
            delay_s=delay_s,
            error=error,
            count=1 if counts else 0,
        )

    def purge(self, *, age: timedelta) -> None:
        """Forget those that ended longer than `age` ago."""
        self.database.rows(_PURGE, age=age)
