"""Deliveries: webhooks as they came, and the runs they start."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import sqlalchemy as sa

from app.ledger.database import Database, DatabaseAway, compact_json

_ACCEPT = """
    select delivery, accepted, repeated, answerable from accept_events(
        %(source)s, %(headers)s, %(body)s, %(status)s, %(unwanted)s, %(person_key)s,
        %(events)s, %(window)s, %(owner)s, %(most)s, %(is_found)s)
"""
_UNREADABLE = sa.text("""
    insert into deliveries
        (source, outcome, headers, body, status, content_hash, error)
    values (:source, 'unreadable', cast(:headers as jsonb), :body, :status,
            :content_hash, :error)
    on conflict (source, content_hash) where content_hash is not null
    do update set seen = deliveries.seen + 1
    returning id
""")
_PURGE_BODIES = sa.text("""
    update deliveries set body = null, body_codec = 'purged'
    where body is not null and received_at < now() - :age
""")
_PURGE = sa.text("delete from deliveries where received_at < now() - :age")


@dataclass(frozen=True, slots=True)
class Answerable:
    """A run whose webhook may be answered with values."""

    run: int
    mapping: str
    #: It is kept for whoever accepted it, and waits for no pump meanwhile.
    held: bool
    #: Of a repeat: what the first webhook was answered, if it was.
    reply: Mapping[str, Any] | None = None
    result: str | None = None


@dataclass(frozen=True, slots=True)
class Accepted:
    """What one delivery came to."""

    delivery_id: int
    #: Runs started, taken over by a newer event or started again.
    accepted: int
    repeated: int
    answerable: tuple[Answerable, ...] = ()


class Deliveries:
    """Records deliveries; the only way a run comes into being."""

    def __init__(
        self, database: Database, *, repeat_window: timedelta, most_runs: int
    ) -> None:
        """`most_runs`: of one record and mapping in a day; more are a loop."""
        self.database = database
        self.repeat_window = repeat_window
        self.most_runs = most_runs

    def accept(
        self,
        source: str,
        *,
        headers: Mapping[str, str],
        body: bytes,
        status: int,
        events: Sequence[Mapping[str, Any]],
        unwanted: int = 0,
        person_key: str | None = None,
        owner: int | None = None,
        is_found: bool = False,
    ) -> Accepted:
        """Record one delivery and its runs in one transaction, one round trip.

        `events` are rows of `accept_events` (see its migration), at most one for each
        record and mapping; those with `hold_s` are held for `owner` so long.
        `is_found`: the source was asked for them; those with a run since are left.
        Safe to repeat: what was recorded counts as a repeat.

        Raises DatabaseAway: nothing was recorded, or nobody knows.
        """
        values = {
            "source": source,
            "headers": compact_json(headers),
            "body": body,
            "status": status,
            "unwanted": unwanted,
            "person_key": person_key,
            "events": compact_json(events),
            "window": self.repeat_window,
            "owner": owner,
            "most": self.most_runs,
            "is_found": is_found,
        }
        try:
            row = self.database.direct(_ACCEPT, values)
        except DatabaseAway:
            # After a restart every pooled connection is dead, and the first use of
            # one tells: the second try gets a new one. Two deliveries that wait for
            # each other's rows come here too: one of them simply tries again.
            row = self.database.direct(_ACCEPT, values)
        if row is None:
            raise DatabaseAway("the database recorded nothing")
        delivery_id, accepted, repeated, answerable = row
        runs = tuple(Answerable(**one) for one in answerable)
        return Accepted(delivery_id, accepted, repeated, runs)

    def keep_unreadable(
        self,
        source: str,
        *,
        headers: Mapping[str, str],
        body: bytes,
        status: int,
        content_hash: str,
        error: str,
    ) -> int:
        """Store an unreadable body once per content, and count it; returns its id."""
        row = self.database.row(
            _UNREADABLE,
            source=source,
            headers=compact_json(headers),
            body=body,
            status=status,
            content_hash=content_hash,
            error=error,
        )
        return int(row[0]) if row else 0

    def purge(self, *, bodies: timedelta, rows: timedelta) -> None:
        """Forget bodies older than `bodies`, deliveries older than `rows`."""
        self.database.rows(_PURGE_BODIES, age=bodies)
        self.database.rows(_PURGE, age=rows)
