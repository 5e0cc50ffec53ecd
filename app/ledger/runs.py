"""Runs: claimed in batches, settled in bulk, always fenced by their owner.

Bulk data travels as one JSON parameter; PostgreSQL's text arrays cost a third of
the time in escaping. Every settling statement names the owner, so that a pump that
was declared dead by mistake changes nothing it no longer holds.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa

from app.ledger.database import Database, compact_json


@dataclass(frozen=True, slots=True)
class Run:
    """One run as a pump holds it."""

    id: int
    source: str
    mapping: str
    event_object: str
    lead_id: str
    object: str
    match_by: str
    record_id: str | None
    event: str
    event_at: datetime | None
    changed_by: str | None
    lead: Mapping[str, Any]
    received_at: datetime
    is_bulk: bool
    attempts: int
    asked: int
    person_key: str | None
    verdict: str | None = None
    reason: str | None = None
    result: str | None = None
    cause: str | None = None
    lookup: str | None = None
    lookup_api: str | None = None
    lookup_key: str | None = None
    question: Mapping[str, str] | None = None
    lookup_record: str | None = None
    is_last_lookup: bool | None = None


@dataclass(slots=True)
class Settled:
    """What a step came to for one run; fields left None stay as they are."""

    run_id: int
    state: str
    record_id: str | None = None
    lead: Mapping[str, Any] | None = None
    is_bulk: bool | None = None
    verdict: str | None = None
    reason: str | None = None
    result: str | None = None
    cause: str | None = None
    error: str | None = None
    decisions: Sequence[Mapping[str, Any]] | None = None
    #: Values that the webhook's own reply carries.
    reply: Mapping[str, Any] | None = None
    #: How many lookups are settled now.
    asked: int | None = None


@dataclass(slots=True)
class Retry:
    """A run that is due again after `delay_s`."""

    run_id: int
    delay_s: float
    step: str
    cause: str
    message: str
    #: A hold counts no attempt.
    counts: bool = True
    #: What to ask is decided anew, because credits ran out meanwhile.
    replan: bool = False
    #: The record was merged into this one.
    record_id: str | None = None


@dataclass(slots=True)
class Question:
    """What a run asks next; `lookups` are those settled without asking."""

    run_id: int
    lookup: str
    api: str
    #: The token it is asked under; the run waits for that token's pump.
    token: str
    key: str
    inputs: Mapping[str, str]
    is_last: bool
    #: The record that a match pays for, as a keyed hash; None: each match costs.
    record: str | None = None
    position: int = 0
    lookups: list[Mapping[str, Any]] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class UnderWay:
    """How many runs are being asked about, by lookup; empty where it is not known."""

    mapping: str
    lookup: str
    api: str
    runs: int


@dataclass(frozen=True, slots=True)
class LongWaiting:
    """A run that waits for long, as far as its record has to be told."""

    id: int
    mapping: str
    object: str
    match_by: str
    record_id: str


COLUMNS = ", ".join(
    f"r.{name}" for name in Run.__dataclass_fields__ if name not in {"lead"}
)

_CLAIM_RECEIVED = sa.text(f"""
    with due as (
        select id from runs
        where source = :source and state = 'received' and owner is null
          and due_at <= now()
        order by due_at limit :count
        for update skip locked)
    update runs r set owner = :owner, lease_until = now() + :lease
    from due where r.id = due.id
    returning {COLUMNS}, r.lead
""")  # noqa: S608 - column names of our own dataclass
_CLAIM_UNPLANNED = sa.text(f"""
    with due as (
        select id from runs
        where token = :token and state = 'ready' and owner is null
          and lookup_key is null and due_at <= now()
        order by is_bulk, due_at limit :count
        for update skip locked)
    update runs r set owner = :owner, lease_until = now() + :lease
    from due where r.id = due.id
    returning {COLUMNS}, r.lead
""")  # noqa: S608
_PLAN = sa.text("""
    update runs r set
        lookup = p.lookup, lookup_api = p.api, lookup_key = p.key, token = p.token,
        question = p.inputs, lookup_record = p.record,
        is_last_lookup = p.is_last, asked = p.position,
        owner = null, lease_until = null
    from jsonb_to_recordset(cast(:questions as jsonb)) as p(
        run_id bigint, lookup text, api text, token text, key text, inputs jsonb,
        record text, is_last boolean, position int)
    where r.id = p.run_id and r.owner = :owner
""")
# Best first; of runs with one question, one asks and the others are settled with it.
# `offset 0` keeps it a look-up a row: joined, it reads the whole backlog every time.
_CLAIM_QUESTIONS = sa.text(f"""
    with due as (
        select id, lookup_key, is_bulk, due_at from runs q
        where token = :token and state = 'ready' and owner is null
          and lookup_key is not null and due_at <= now()
          and not (lookup_api in (
              select jsonb_array_elements_text(cast(:closed as jsonb))))
          and (not :unpaid or lookup_record is null or not exists (
              select 1 from enrichments e
              where e.record_key = q.lookup_record and e.credits > 0
                and e.asked_at > now() - interval '30 days'
              offset 0))
          and not exists (
              select 1 from runs o
              where o.lookup_key = q.lookup_key and o.state = 'ready'
                and o.owner is not null
              offset 0)
        order by is_bulk, due_at limit :count
        for update skip locked
    ), first as (
        select distinct on (lookup_key) id from due
        order by lookup_key, is_bulk, due_at)
    update runs r set owner = :owner, lease_until = now() + :lease
    from first where r.id = first.id
    returning {COLUMNS}, r.lead
""")  # noqa: S608
_ADD_LOOKUPS = sa.text("""
    insert into run_lookups
        (run_id, position, name, api, result, enrichment_id, is_reused, credits,
         asked, message)
    select run_id, position, name, api, result, enrichment_id,
           coalesce(is_reused, false), coalesce(credits, 0), asked, message
    from jsonb_to_recordset(cast(:lookups as jsonb)) as l(
        run_id bigint, position int, name text, api text, result text,
        enrichment_id bigint, is_reused boolean, credits int, asked jsonb,
        message text)
    on conflict (run_id, position) do update set
        api = excluded.api, result = excluded.result,
        enrichment_id = excluded.enrichment_id, is_reused = excluded.is_reused,
        credits = run_lookups.credits + excluded.credits, asked = excluded.asked,
        message = excluded.message, at = now()
""")
_SETTLE = sa.text("""
    update runs r set
        state = s.state,
        record_id = coalesce(s.record_id, r.record_id),
        lead = coalesce(s.lead, r.lead),
        is_bulk = coalesce(s.is_bulk, r.is_bulk),
        verdict = coalesce(s.verdict, r.verdict),
        reason = coalesce(s.reason, r.reason),
        result = coalesce(s.result, r.result),
        cause = s.cause,
        error = s.error,
        decisions = coalesce(s.decisions, r.decisions),
        reply = coalesce(s.reply, r.reply),
        attempts = case when s.state <> r.state then 0 else r.attempts end,
        asked = coalesce(s.asked, r.asked),
        lookup_key = null, question = null,
        due_at = case when s.state in ('ready', 'enriched') then now()
                      else r.due_at end,
        enriched_at = case when s.state = 'enriched' then now()
                           else r.enriched_at end,
        finished_at = case when s.state in
            ('written', 'replied', 'kept', 'skipped', 'failed') then now() end,
        owner = null, lease_until = null
    from jsonb_to_recordset(cast(:settled as jsonb)) as s(
        run_id bigint, state text, record_id text, lead jsonb, is_bulk boolean,
        verdict text, reason text, result text, cause text, error text,
        decisions jsonb, reply jsonb, asked int)
    where r.id = s.run_id and r.owner = :owner
    returning r.id, r.source, r.state
""")
# A run that goes back to wait after a newer event came is that event's business; but
# whoever replayed it by hand knew of those that had come by then.
_RETRY = sa.text("""
    update runs r set
        owner = null, lease_until = null, error = a.message, cause = a.cause,
        attempts = r.attempts + case when a.counts then 1 else 0 end,
        due_at = now() + make_interval(secs => a.delay_s),
        state = case when newer.id is not null then 'skipped'
                     when r.state = 'sending' then 'enriched' else r.state end,
        batch_id = case when r.state = 'sending' then null else r.batch_id end,
        lookup_key = case when a.replan then null else r.lookup_key end,
        record_id = coalesce(a.record_id, r.record_id),
        finished_at = case when newer.id is not null then now() end,
        reason = case when newer.id is not null
            then 'a newer event of this record took its place: run ' || newer.id
            else r.reason end
    from jsonb_to_recordset(cast(:retries as jsonb)) as a(
        run_id bigint, delay_s float, step text, cause text, message text,
        counts boolean, replan boolean, record_id text)
    left join lateral (
        select n.id from runs o join runs n
          on n.lead_id in (o.lead_id, a.record_id) and n.mapping = o.mapping
         and n.source = o.source and n.id > o.id
        where o.id = a.run_id and not exists (
            select from attempts t
            where t.run_id = o.id and t.step = 'replay' and t.at > n.received_at)
        limit 1) newer on true
    where r.id = a.run_id and r.owner = :owner
""")
_NOTE_ATTEMPTS = sa.text("""
    insert into attempts (run_id, batch_id, step, cause, message, next_at)
    select run_id, batch_id, step, cause, message,
           now() + make_interval(secs => delay_s)
    from jsonb_to_recordset(cast(:retries as jsonb)) as a(
        run_id bigint, batch_id bigint, delay_s float, step text, cause text,
        message text)
""")
_RELEASE = sa.text("""
    update runs set owner = null, lease_until = null
    where id in (select jsonb_array_elements_text(cast(:ids as jsonb))::bigint)
      and owner = :owner
""")
# What is being sent is freed with its batch. Owners below 0 are web processes that
# answer a webhook themselves: they have no heartbeat, and leases of seconds.
_FREE_ABANDONED = sa.text("""
    update runs set owner = null, lease_until = null
    where owner is not null and state <> 'sending'
      and (lease_until < now() or owner > 0 and not exists (
        select 1 from procrastinate_workers w
        where w.id = owner and w.last_heartbeat > now() - :stalled))
    returning id
""")
_FREE_INTERRUPTED = sa.text("""
    update runs set owner = null, lease_until = null
    where owner = :owner and lease_until <= now() + :lease - :age
      and (state = 'ready' and token = :scope and :task = 'enrich'
           or state = 'received' and source = :scope and :task = 'complete')
    returning id
""")
_DUE = sa.text("""
    select distinct 'complete' as task, source as scope from runs
     where state = 'received' and owner is null and due_at <= now()
    union
    select distinct 'enrich', token from runs
     where state = 'ready' and owner is null and lookup_key is null
       and due_at <= now()
    union
    select distinct 'enrich', token from runs
     where state = 'ready' and owner is null and lookup_key is not null
       and due_at <= now()
    union
    select distinct 'send', source from runs
     where state = 'enriched' and owner is null and due_at <= now()
    union
    select distinct 'send', source from batches
     where settled_at is null and owner is null and due_at <= now()
    union
    select distinct 'send', source from follow_ups
     where ended_at is null and due_at <= now()
""")
# A token that is not set any more: its runs are asked for under the general one.
_RETOKEN = sa.text("""
    update runs set token = :to, lookup_key = null
    where state = 'ready' and owner is null and token = :gone
    returning id
""")
_FAIL_ORPHANS = sa.text("""
    with closed as (
        update batches set settled_at = now(), sent = null,
            error = 'no mapping file names this source any more'
        where source = :source and settled_at is null and owner is null
          and due_at < now() - :grace
        returning id)
    update runs set state = 'failed', finished_at = now(), cause = 'mapping missing',
        reason = 'no mapping file names the source ' || source || ' any more'
    where source = :source and owner is null
      and (state in ('received', 'enriched') and due_at < now() - :grace
           or state = 'sending' and batch_id in (select id from closed))
    returning id
""")
# Credits ran out: what is asked instead is decided anew.
_REPLAN = sa.text("""
    update runs set lookup_key = null, question = null
    where state = 'ready' and owner is null and lookup_key is not null
      and lookup_api in (select jsonb_array_elements_text(cast(:apis as jsonb)))
""")
# Told once: two pumps that meet here by mistake do not both tell.
# A budget is spent: what is asked instead, or when, is decided anew.
_REPLAN_LOOKUP = sa.text("""
    update runs set lookup_key = null, question = null
    where state = 'ready' and owner is null and lookup_key is not null
      and mapping = :mapping and lookup = :lookup and lookup_api = :api
""")
# Asked or being answered inline now; what is only being planned is not among them.
_UNDER_WAY = sa.text("""
    select mapping, coalesce(lookup, '') as lookup,
           coalesce(lookup_api, '') as api, count(*)::int as runs
    from runs
    where owner is not null and state = 'ready'
      and (lookup_key is not null or owner < 0)
    group by 1, 2, 3
""")
_RELEASE_HELD = sa.text("""
    update runs set due_at = now()
    where state = 'ready' and owner is null and cause = :cause and due_at > now()
    returning id
""")
_CLAIM_LONG_WAITING = sa.text("""
    with waiting as (
        select id, record_id, object, match_by, last_event_at from runs
        where source = :source and state in ('received', 'ready')
          and waiting_told_at is null and last_event_at < now() - :age
          and record_id is not null and (owner is null or owner > 0)
          and mapping in (select jsonb_array_elements_text(cast(:mappings as jsonb)))
        order by last_event_at limit :count
    ), first as (
        select object, match_by from waiting order by last_event_at limit 1
    ), due as (
        select distinct on (w.record_id) w.id from waiting w join first f
          on f.object = w.object and f.match_by = w.match_by
        order by w.record_id, w.id)
    update runs r set waiting_told_at = now()
    from due where r.id = due.id
    returning r.id, r.mapping, r.object, r.match_by, r.record_id
""")
_LONG_WAITING = sa.text("""
    select distinct source from runs
    where state in ('received', 'ready') and waiting_told_at is null
      and record_id is not null and last_event_at < now() - :age
""")
_PURGE = sa.text("""
    with old as (
        delete from runs where finished_at < now() - :age returning id
    ), lookups as (
        delete from run_lookups l using old where l.run_id = old.id)
    select count(*) from old
""")


class Runs:
    """Claims and settles runs for the pumps."""

    def __init__(self, database: Database) -> None:
        self.database = database

    def claim_received(
        self, source: str, *, owner: int, count: int, lease: timedelta
    ) -> list[Run]:
        """Thin runs of `source` whose inputs are to be fetched, oldest first."""
        return self._claim(
            _CLAIM_RECEIVED, source=source, owner=owner, count=count, lease=lease
        )

    def claim_unplanned(
        self, token: str, *, owner: int, count: int, lease: timedelta
    ) -> list[Run]:
        """Ready runs whose next question is not known yet, best first."""
        return self._claim(
            _CLAIM_UNPLANNED, token=token, owner=owner, count=count, lease=lease
        )

    def claim_questions(
        self,
        token: str,
        *,
        owner: int,
        count: int,
        lease: timedelta,
        closed: Collection[str] = (),
        unpaid: bool = False,
    ) -> list[Run]:
        """Up to `count` runs to ask for, best first, no question twice.

        Questions to the APIs in `closed` wait. `unpaid`: only those that cost a
        credit, if they match.
        """
        return self._claim(
            _CLAIM_QUESTIONS,
            token=token,
            owner=owner,
            count=count,
            lease=lease,
            closed=compact_json(list(closed)),
            unpaid=unpaid,
        )

    def _claim(self, statement: sa.TextClause, **values: Any) -> list[Run]:
        # One statement locks and takes: it is a transaction of its own.
        return [run_of(row) for row in self.database.rows(statement, **values)]

    def plan(self, questions: Sequence[Question], *, owner: int) -> None:
        """Store what these runs ask next and let them go."""
        if not questions:
            return
        rows = [
            {
                "run_id": q.run_id,
                "lookup": q.lookup,
                "api": q.api,
                "token": q.token,
                "key": q.key,
                "inputs": q.inputs,
                "record": q.record,
                "is_last": q.is_last,
                "position": q.position,
            }
            for q in questions
        ]
        lookups = [row for q in questions for row in q.lookups]
        with self.database.transaction() as connection:
            if lookups:
                connection.execute(_ADD_LOOKUPS, {"lookups": compact_json(lookups)})
            connection.execute(
                _PLAN, {"questions": compact_json(rows), "owner": owner}
            )

    def settle(
        self,
        settled: Sequence[Settled],
        *,
        owner: int,
        lookups: Sequence[Mapping[str, Any]] = (),
    ) -> int:
        """Move these runs on, with the lookups they settled; returns how many.

        Runs that `owner` no longer holds are left alone.
        """
        if not settled:
            return 0
        with self.database.transaction() as connection:
            return len(settle_in(connection, settled, owner=owner, lookups=lookups))

    def retry(self, retries: Sequence[Retry], *, owner: int) -> None:
        """Let these runs wait, and note why."""
        if not retries:
            return
        with self.database.transaction() as connection:
            retry_in(connection, retries, owner=owner)

    def release(self, run_ids: Sequence[int], *, owner: int) -> None:
        """Hand back runs as they were."""
        if run_ids:
            self.database.rows(_RELEASE, ids=compact_json(list(run_ids)), owner=owner)

    def replan_lookup(self, mapping: str, lookup: str, api: str) -> None:
        """Decide anew about planned questions of this lookup."""
        self.database.rows(_REPLAN_LOOKUP, mapping=mapping, lookup=lookup, api=api)

    def under_way(self) -> list[UnderWay]:
        """Questions that somebody is asking at this moment, of all processes."""
        return [UnderWay(**row._mapping) for row in self.database.rows(_UNDER_WAY)]

    def release_held(self, cause: str) -> int:
        """Make runs due that wait for `cause`; returns how many."""
        return len(self.database.rows(_RELEASE_HELD, cause=cause))

    def claim_long_waiting(
        self, source: str, *, mappings: Collection[str], age: timedelta, count: int
    ) -> list[LongWaiting]:
        """Runs of one object that have waited for `age`; each is handed out once."""
        rows = self.database.rows(
            _CLAIM_LONG_WAITING,
            source=source,
            mappings=compact_json(list(mappings)),
            age=age,
            count=count,
        )
        return [LongWaiting(**row._mapping) for row in rows]

    def long_waiting(self, age: timedelta) -> list[str]:
        """Sources with such runs."""
        return [row.source for row in self.database.rows(_LONG_WAITING, age=age)]

    def free_abandoned(self, *, stalled: timedelta) -> int:
        """Free the runs of dead owners and lapsed leases; returns how many."""
        return len(self.database.rows(_FREE_ABANDONED, stalled=stalled))

    def free_interrupted(
        self, task: str, scope: str, *, owner: int, lease: timedelta, age: timedelta
    ) -> int:
        """Free what a turn that broke off `age` ago had claimed; returns how many.

        `lease` is the one it claimed with. What `owner` has claimed since stays.
        """
        return len(
            self.database.rows(
                _FREE_INTERRUPTED,
                task=task,
                scope=scope,
                owner=owner,
                lease=lease,
                age=age,
            )
        )

    def due(self) -> list[tuple[str, str]]:
        """Each pump that has due work, as (task, scope)."""
        return [(row.task, row.scope) for row in self.database.rows(_DUE)]

    def retoken(self, gone: str, to: str) -> int:
        """Move runs that wait for the token `gone` to another; returns how many."""
        return len(self.database.rows(_RETOKEN, gone=gone, to=to))

    def replan(self, apis: Collection[str]) -> None:
        """Let waiting questions to these APIs be thought over."""
        self.database.rows(_REPLAN, apis=compact_json(list(apis)))

    def fail_orphans(self, source: str, *, grace: timedelta) -> int:
        """Fail runs of a source that nobody has had for `grace`; returns how many."""
        return len(self.database.rows(_FAIL_ORPHANS, source=source, grace=grace))

    def purge(self, *, age: timedelta) -> int:
        """Forget runs that ended longer than `age` ago; returns how many."""
        row = self.database.row(_PURGE, age=age)
        return int(row[0]) if row else 0


def run_of(row: sa.Row[Any]) -> Run:
    """A Run of a row that holds COLUMNS and `lead`."""
    return Run(**row._mapping)


def settle_in(
    connection: sa.Connection,
    settled: Sequence[Settled],
    *,
    owner: int,
    lookups: Sequence[Mapping[str, Any]] = (),
) -> Sequence[sa.Row[Any]]:
    """`Runs.settle` inside a transaction that does more; rows of id, source, state."""
    rows = connection.execute(
        _SETTLE,
        {"settled": compact_json([_row(s) for s in settled]), "owner": owner},
    ).all()
    held = {row.id for row in rows}
    kept = [row for row in lookups if row["run_id"] in held]
    if kept:
        connection.execute(_ADD_LOOKUPS, {"lookups": compact_json(kept)})
    return rows


def retry_in(
    connection: sa.Connection, retries: Sequence[Retry], *, owner: int
) -> None:
    """`Runs.retry` inside a transaction that does more."""
    rows = compact_json([_row(retry) for retry in retries])
    connection.execute(_RETRY, {"retries": rows, "owner": owner})
    connection.execute(_NOTE_ATTEMPTS, {"retries": rows})


def note_attempts(
    connection: sa.Connection, rows: Sequence[Mapping[str, Any]]
) -> None:
    """Record failed attempts of runs or batches, inside a transaction."""
    connection.execute(_NOTE_ATTEMPTS, {"retries": compact_json(list(rows))})


def _row(item: Settled | Retry) -> dict[str, Any]:
    return {name: getattr(item, name) for name in item.__dataclass_fields__}
