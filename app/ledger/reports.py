"""What people and monitors ask of the ledger; reads only."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa

from app.ledger.database import Database, compact_json
from app.ledger.wakeups import QUEUES

_RUN_COUNTS = sa.text("""
    select source, state, count(*) as runs from runs group by source, state
    order by source, state
""")
_WAITING = sa.text("""
    select count(*) as waiting,
           extract(epoch from now() - min(received_at))::float as oldest_s
    from runs where state in ('received', 'ready', 'enriched', 'sending')
""")
# A worker process registers once for each queue.
_WORKERS = sa.text("""
    select ceil(count(*) / cast(:queues as numeric))::int from procrastinate_workers
    where last_heartbeat > now() - :stalled
""")
_PAUSES = sa.text("""
    select kind, scope, reason, since, until from pauses
    where lifted_at is null order by since
""")
_UNREADABLE = sa.text("""
    select id, source, received_at, error, seen from deliveries
    where outcome = 'unreadable' order by id desc limit :count
""")
_RUNS = sa.text("""
    select id, source, mapping, mapping_version, event, lead_id, object, record_id,
           state, result, reason, cause, error, is_bulk, attempts, repeats,
           received_at, due_at, finished_at, batch_id, delivery_id
    from runs
    where (cast(:state as text) is null or state = :state)
      and (cast(:source as text) is null or source = :source)
      and (cast(:mapping as text) is null or mapping = :mapping)
      and (cast(:lead as text) is null or lead_id = :lead or record_id = :lead)
    order by id desc limit :count
""")
_RUN = sa.text("select * from runs where id = :id")
_LOOKUPS = sa.text("""
    select l.*, e.status, e.ms, e.answer, e.asked_at, e.message as answer_message
    from run_lookups l left join enrichments e on e.id = l.enrichment_id
    where l.run_id = :id order by l.position
""")
_ATTEMPTS = sa.text("""
    select at, step, cause, message, next_at from attempts
    where run_id = :id or batch_id = :batch order by at, id
""")
_UPDATES = sa.text("select at, values from updates where run_id = :id order by at, id")
_ANSWER = sa.text("select answer from enrichments where id = :id")
_EARLIER = sa.text("""
    select distinct on (w.key) w.key as field, w.value->'value' as value, u.at
    from updates u, jsonb_each(u.values) w
    where u.source = :source and u.object = :object and u.record_id = :record
      and u.at < :before
    order by w.key, u.at desc, u.id desc
""")
_RECORDS = sa.text("""
    select distinct record_id from runs
    where source = :source and mapping = :mapping and record_id is not null
    order by record_id
""")
_LAST_ASKED = sa.text("""
    select distinct on (r.record_id) r.id, r.record_id, r.lead, r.event, r.event_at,
           r.received_at, r.changed_by
    from runs r
    where r.source = :source and r.mapping = :mapping and r.record_id in
        (select jsonb_array_elements_text(cast(:records as jsonb)))
      and exists (select from run_lookups l
                  where l.run_id = r.id and l.enrichment_id is not null)
    order by r.record_id, r.id desc
""")
_DELIVERY = sa.text("select * from deliveries where id = :id")
_BATCH = sa.text("select * from batches where id = :id")


@dataclass(frozen=True, slots=True)
class Story:
    """Everything the ledger knows of one run, as rows."""

    run: sa.Row[Any]
    delivery: sa.Row[Any] | None
    lookups: Sequence[sa.Row[Any]]
    attempts: Sequence[sa.Row[Any]]
    batch: sa.Row[Any] | None
    updates: Sequence[sa.Row[Any]]


def run_counts(database: Database) -> Sequence[sa.Row[Any]]:
    """Rows of source, state, runs."""
    return database.rows(_RUN_COUNTS)


def health(database: Database, *, stalled: timedelta) -> dict[str, Any]:
    """Workers alive, runs waiting, the oldest wait in seconds, pauses in force."""
    waiting = database.row(_WAITING)
    queues = len(set(QUEUES.values()))
    workers = database.row(_WORKERS, stalled=stalled, queues=queues)
    return {
        "workers": int(workers[0]) if workers else 0,
        "waiting": int(waiting.waiting) if waiting else 0,
        "oldest_waiting_s": waiting.oldest_s if waiting else None,
        "pauses": [dict(row._mapping) for row in database.rows(_PAUSES)],
    }


def unreadable(database: Database, *, count: int = 20) -> Sequence[sa.Row[Any]]:
    """The newest deliveries that could not be read."""
    return database.rows(_UNREADABLE, count=count)


def runs(
    database: Database,
    *,
    state: str | None = None,
    source: str | None = None,
    mapping: str | None = None,
    lead: str | None = None,
    count: int = 20,
) -> Sequence[sa.Row[Any]]:
    """The newest runs that fit every filter given."""
    return database.rows(
        _RUNS, state=state, source=source, mapping=mapping, lead=lead, count=count
    )


def story(database: Database, run_id: int) -> Story | None:
    """The whole story of one run, or None if there is no such run."""
    run = database.row(_RUN, id=run_id)
    if run is None:
        return None
    batch_id = run.batch_id or 0
    return Story(
        run=run,
        delivery=database.row(_DELIVERY, id=run.delivery_id or 0),
        lookups=database.rows(_LOOKUPS, id=run_id),
        attempts=database.rows(_ATTEMPTS, id=run_id, batch=batch_id),
        batch=database.row(_BATCH, id=batch_id),
        updates=database.rows(_UPDATES, id=run_id),
    )


def answer_text(database: Database, enrichment_id: int) -> str | None:
    """The text of one stored answer; None: it is not kept any more."""
    row = database.row(_ANSWER, id=enrichment_id)
    return row.answer if row else None


def earlier_writes(
    database: Database, source: str, object_name: str, record: str, before: datetime
) -> Sequence[sa.Row[Any]]:
    """Rows of field, value, at: our last write of each before a time, while kept."""
    return database.rows(
        _EARLIER, source=source, object=object_name, record=record, before=before
    )


def records_of(database: Database, source: str, mapping: str) -> list[str]:
    """The keys of all records that runs of this mapping were about."""
    rows = database.rows(_RECORDS, source=source, mapping=mapping)
    return [row.record_id for row in rows]


def last_asked(
    database: Database, source: str, mapping: str, records: Sequence[str]
) -> Sequence[sa.Row[Any]]:
    """The newest run of each of these records for which 6sense was asked."""
    return database.rows(
        _LAST_ASKED,
        source=source,
        mapping=mapping,
        records=compact_json(list(records)),
    )
