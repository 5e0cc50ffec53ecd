"""Replays: runs that have ended, and are started again by hand."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from app.ledger.database import Database, compact_json
from app.ledger.reports import RunFilter

_COUNT = "select count(*) as runs from runs r where {fits}"
_CANDIDATES = """
    select r.id, r.source, r.mapping, r.event_object, r.lead_id, r.record_id, r.event,
           r.event_at, r.received_at, r.changed_by, r.state, r.lead, r.delivery_id,
           r.lead_codec = 'json' as is_kept,
           r.owner is not null or r.state in
             ('received', 'ready', 'enriched', 'sending') as is_under_way,
           (select max(n.id) from runs n
            where n.lead_id = r.lead_id and n.mapping = r.mapping
              and n.source = r.source and n.id > r.id) as newer
    from runs r
    where r.id > :after and {fits}
    order by r.id limit :count
"""
_BODIES = sa.text("""
    select id, headers, body from deliveries
    where id in (select jsonb_array_elements_text(cast(:ids as jsonb))::bigint)
      and body is not null and octet_length(body) <= :longest
""")
# Of those that are kept, the newest.
_ANSWERS = sa.text("""
    select distinct on (lookup_key) lookup_key, product, result, asked_at, answer
    from enrichments
    where lookup_key in (select jsonb_array_elements_text(cast(:keys as jsonb)))
      and asked_at > :since
    order by lookup_key, answer is null, asked_at desc
""")
# Whoever accepts an event locks the record's newest run before adding a newer one. So
# once these rows are ours, the next statement sees every newer run that there will be.
_LOCK = sa.text("""
    select id from runs
    where id in (select jsonb_array_elements_text(cast(:ids as jsonb))::bigint)
      and owner is null
      and state in ('written', 'replied', 'kept', 'skipped', 'failed')
    order by id for update skip locked
""")
# As accept_events starts a failed run again, but with the event's own lead. Its event
# is old, and yet nobody waits: that it does is not told to the record.
_START = sa.text("""
    with started as (
        select r.id, r.state, r.cause, r.reason, a.mapping_version, a.object,
               a.match_by, a.record_id, a.lead, a.state as begins, a.token
        from runs r join jsonb_to_recordset(cast(:restarts as jsonb)) as a(
            run_id bigint, mapping_version text, object text, match_by text,
            record_id text, lead jsonb, state text, token text) on r.id = a.run_id
        where :even_if_newer or not exists (
            select from runs n
            where n.lead_id = r.lead_id and n.mapping = r.mapping
              and n.source = r.source and n.id > r.id)
    ), noted as (
        insert into attempts (run_id, step, cause, message)
        select id, 'replay', 'by hand',
               concat_ws(': ', concat_ws(', ', state, cause), reason)
        from started
    ), forgotten as (
        delete from run_lookups l using started s where l.run_id = s.id)
    update runs r set
        mapping_version = s.mapping_version, object = s.object,
        match_by = s.match_by, record_id = s.record_id, lead = s.lead,
        state = s.begins, is_bulk = true, token = s.token, due_at = now(),
        enriched_at = null, finished_at = null, batch_id = null, lease_until = null,
        asked = 0, lookup = null, lookup_api = null, lookup_key = null,
        question = null, attempts = 0, error = null, cause = null, verdict = null,
        reason = null, result = null, decisions = null, reply = null,
        reply_confirmed_at = null, waiting_told_at = now()
    from started s where r.id = s.id
    returning r.id
""")
#: Larger bodies are not read again to find out what an event carried.
LONGEST_BODY = 200_000


@dataclass(frozen=True, slots=True)
class Candidate:
    """A run that somebody wants to start again, as it ended."""

    id: int
    source: str
    mapping: str
    event_object: str
    lead_id: str
    record_id: str | None
    event: str
    event_at: datetime | None
    received_at: datetime
    changed_by: str | None
    state: str
    lead: Mapping[str, Any]
    delivery_id: int | None
    #: False: the lead's fields were forgotten.
    is_kept: bool
    is_under_way: bool
    #: The newest run of the same record, if it is newer than this one.
    newer: int | None


@dataclass(frozen=True, slots=True)
class Restart:
    """How a run begins again."""

    run_id: int
    mapping_version: str
    object: str
    match_by: str
    record_id: str | None
    lead: Mapping[str, Any]
    #: `received` or `ready`.
    state: str
    token: str


@dataclass(frozen=True, slots=True)
class Known:
    """What 6sense said to a question before."""

    product: str
    result: str
    asked_at: datetime
    answer: str | None


class Replays:
    """Finds runs to start again, and starts them."""

    def __init__(self, database: Database) -> None:
        self.database = database

    def count(self, chosen: RunFilter) -> int:
        """How many runs fit."""
        fits, values = chosen.fits()
        row = self.database.row(sa.text(_COUNT.format(fits=fits)), **values)
        return int(row.runs) if row else 0

    def candidates(
        self, chosen: RunFilter, *, after: int, count: int
    ) -> list[Candidate]:
        """Runs that fit, by id, those after `after`."""
        fits, values = chosen.fits()
        statement = sa.text(_CANDIDATES.format(fits=fits))
        rows = self.database.rows(statement, **values, after=after, count=count)
        return [Candidate(**row._mapping) for row in rows]

    def bodies(
        self, delivery_ids: Collection[int]
    ) -> dict[int, tuple[Mapping[str, str], bytes]]:
        """Headers and bodies of these deliveries, as far as they are kept."""
        rows = self.database.rows(
            _BODIES, ids=compact_json(sorted(delivery_ids)), longest=LONGEST_BODY
        )
        return {row.id: (row.headers, bytes(row.body)) for row in rows}

    def answers(
        self, keys: Collection[str], *, since: datetime
    ) -> dict[str, Known]:
        """What is stored of these questions, by their keys."""
        if not keys:
            return {}
        rows = self.database.rows(_ANSWERS, keys=compact_json(list(keys)), since=since)
        return {
            row.lookup_key: Known(row.product, row.result, row.asked_at, row.answer)
            for row in rows
        }

    def start(
        self, restarts: Sequence[Restart], *, even_if_newer: bool = False
    ) -> set[int]:
        """Start these runs again in one transaction; the ids of those that did.

        The others were taken, or got a newer run of their record, meanwhile.
        """
        if not restarts:
            return set()
        with self.database.transaction() as connection:
            ids = compact_json([one.run_id for one in restarts])
            held = {row.id for row in connection.execute(_LOCK, {"ids": ids})}
            rows = [
                {name: getattr(one, name) for name in one.__dataclass_fields__}
                for one in restarts
                if one.run_id in held
            ]
            started = connection.execute(
                _START,
                {"restarts": compact_json(rows), "even_if_newer": even_if_newer},
            )
            return {row.id for row in started}
