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
# A run that was started again came long ago, and waits only since then.
_WAITING = sa.text("""
    select count(*) as waiting,
           extract(epoch from now() - min(
               case when is_bulk then greatest(received_at, least(due_at, now()))
                    else received_at end))::float as oldest_s
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
_RUNS = """
    select id, source, mapping, mapping_version, event, lead_id, object, record_id,
           state, result, reason, cause, error, is_bulk, attempts, repeats,
           received_at, due_at, finished_at, batch_id, delivery_id
    from runs r
    where {fits}
    order by id desc limit :count
"""
_PROBLEMS = """
    select cause, source, mapping, count(*) as runs,
           min(finished_at) as first_at, max(finished_at) as last_at,
           max(id) as example, (array_agg(reason order by id desc))[1] as reason
    from runs r
    where state = 'failed' and {fits}
    group by cause, source, mapping
    order by count(*) desc, max(id) desc limit :count
"""
# By what a filter names; those that are not named leave indexes their chance.
_FITS = {
    "ids": "r.id in (select jsonb_array_elements_text(cast(:ids as jsonb))::bigint)",
    "states": "r.state in (select jsonb_array_elements_text(cast(:states as jsonb)))",
    "state": "r.state = :state",
    "source": "r.source = :source",
    "mapping": "r.mapping = :mapping",
    "lead": "(r.lead_id = :lead or r.record_id = :lead)",
    "cause": "starts_with(lower(r.cause), lower(:cause))",
    "result": "r.result = :result",
    "since": "r.received_at >= :since",
    "until": "r.received_at < :until",
    "is_waiting": "r.state in ('received', 'ready', 'enriched', 'sending')",
}
_RUN = sa.text("select * from runs where id = :id")
_LOOKUPS = sa.text("""
    select l.*, e.status, e.ms, e.answer, e.asked_at, e.message as answer_message,
           e.pool
    from run_lookups l left join enrichments e on e.id = l.enrichment_id
    where l.run_id = :id order by l.position
""")
_ATTEMPTS = sa.text("""
    select at, step, cause, message, next_at from attempts
    where run_id = :id or batch_id = :batch order by at, id
""")
_UPDATES = sa.text("select at, values from updates where run_id = :id order by at, id")
_FOLLOW_UPS = sa.text("""
    select campaign, record_id, at, due_at, attempts, ended_at, error
    from follow_ups where run_id = :id order by id
""")
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
# Of a thin event the fields are still to be fetched, or could not be; and those were
# fetched that the mapping read then.
_LAST_LEADS = sa.text("""
    select lead from runs
    where source = :source and mapping = :mapping and lead_codec = 'json'
      and state not in ('received', 'failed')
    order by mapping_version is distinct from :version, id desc limit :count
""")
_DELIVERY = sa.text("select * from deliveries where id = :id")
_BATCH = sa.text("select * from batches where id = :id")


@dataclass(frozen=True, slots=True)
class RunFilter:
    """Which runs: those that fit every part that is given."""

    ids: tuple[int, ...] = ()
    states: tuple[str, ...] = ()
    source: str | None = None
    mapping: str | None = None
    #: The id of the record, of the event or of what is written.
    lead: str | None = None
    #: How the cause begins, capitals apart.
    cause: str | None = None
    result: str | None = None
    #: By when they were received.
    since: datetime | None = None
    until: datetime | None = None
    is_waiting: bool = False

    @property
    def is_any(self) -> bool:
        """Whether nothing is asked for, so that every run fits."""
        return self == RunFilter()

    def fits(self) -> tuple[str, dict[str, Any]]:
        """The condition on a run `r`, and the values it names."""
        given = {
            "ids": compact_json(list(self.ids)) if self.ids else None,
            "source": self.source,
            "mapping": self.mapping,
            "lead": self.lead,
            "cause": self.cause,
            "result": self.result,
            "since": self.since,
            "until": self.until,
            "is_waiting": self.is_waiting or None,
        }
        # One state alone may use an index of that state.
        if len(self.states) == 1:
            given["state"] = self.states[0]
        elif self.states:
            given["states"] = compact_json(list(self.states))
        values = {name: value for name, value in given.items() if value is not None}
        return " and ".join(_FITS[name] for name in values) or "true", values


@dataclass(frozen=True, slots=True)
class Story:
    """Everything the ledger knows of one run, as rows."""

    run: sa.Row[Any]
    delivery: sa.Row[Any] | None
    lookups: Sequence[sa.Row[Any]]
    attempts: Sequence[sa.Row[Any]]
    batch: sa.Row[Any] | None
    updates: Sequence[sa.Row[Any]]
    follow_ups: Sequence[sa.Row[Any]]


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
    database: Database, chosen: RunFilter, *, count: int = 20
) -> Sequence[sa.Row[Any]]:
    """The newest runs that fit."""
    fits, values = chosen.fits()
    return database.rows(sa.text(_RUNS.format(fits=fits)), **values, count=count)


def problems(
    database: Database, chosen: RunFilter, *, count: int = 100
) -> Sequence[sa.Row[Any]]:
    """Failed runs by cause and mapping, most of them first.

    Rows of cause, source, mapping, runs, first_at, last_at, and of the newest of them
    its id (example) and reason.
    """
    fits, values = chosen.fits()
    return database.rows(sa.text(_PROBLEMS.format(fits=fits)), **values, count=count)


def last_leads(
    database: Database, source: str, mapping: str, version: str, *, count: int
) -> list[dict[str, Any]]:
    """The fields of the lead of the newest runs of this mapping, as far as kept.

    First those of this version of it.
    """
    rows = database.rows(
        _LAST_LEADS, source=source, mapping=mapping, version=version, count=count
    )
    return [dict(row.lead) for row in rows]


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
        follow_ups=database.rows(_FOLLOW_UPS, id=run_id),
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
