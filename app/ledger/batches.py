"""Batches: up to `write_batch` runs of one object, sent together, settled one by one.

Members stay the same until the outcome is known, so that a batch whose answer was
lost is sent again as it was: values are absolute, twice changes nothing.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

import sqlalchemy as sa

from app.ledger.database import Database, compact_json
from app.ledger.follow_ups import FollowUp, add_in
from app.ledger.runs import (
    COLUMNS,
    Retry,
    Run,
    Settled,
    note_attempts,
    retry_in,
    run_of,
    settle_in,
)
from app.ledger.written import Write, Written

_WAITING = sa.text("""
    select object, match_by, count(*) as ready,
           extract(epoch from now() - min(received_at))::float as oldest_age_s,
           extract(epoch from now() - min(enriched_at))::float as waited_s
    from runs r
    where source = :source and state = 'enriched' and owner is null
      and due_at <= now()
    group by object, match_by
    order by min(due_at)
""")
# Rows of dead owners do not count: nothing will come of them until they are freed.
_UNDER_WAY = sa.text("""
    select exists (
        select 1 from runs r
        where r.source = :source and r.state = 'ready' and r.id > 0
          and r.due_at <= now()
          and (r.owner is null or exists (
              select 1 from procrastinate_workers w
              where w.id = r.owner and w.last_heartbeat > now() - :stalled)))
        or exists (
        select 1 from runs r
        where r.source = :source and r.state = 'received' and r.due_at <= now()
          and (r.owner is null or exists (
              select 1 from procrastinate_workers w
              where w.id = r.owner and w.last_heartbeat > now() - :stalled)))
        as is_more_coming,
        (select extract(epoch from now() - max(began_at))::float
         from batches where source = :source) as since_last_batch_s
""")
# Two batches that form at the same time do not see each other's records as sending.
_ONE_AT_A_TIME = sa.text(
    "select pg_advisory_xact_lock(hashtextextended('batch ' || :source, 0))"
)
# `offset 0`: a look-up for each row; joined, they read the whole table every time.
_CLAIM = sa.text(f"""
    with due as (
        select id, record_id from runs r
        where source = :source and object = :object and match_by = :match_by
          and state = 'enriched' and owner is null and due_at <= now()
          and not exists (
              select 1 from runs o
              where o.source = r.source and o.record_id = r.record_id
                and o.state = 'sending'
              offset 0)
          -- An older run under way would write its older values after these.
          and not exists (
              select 1 from runs p
              where p.lead_id = r.lead_id and p.mapping = r.mapping
                and p.source = r.source and p.id < r.id
                and p.state in ('received', 'ready', 'enriched')
              offset 0)
        order by is_bulk, due_at, id limit :count
        for update skip locked
    ), member as (
        select distinct on (record_id) id from due order by record_id, id
    ), batch as (
        insert into batches (source, object, match_by, size, owner, lease_until)
        select :source, :object, :match_by, (select count(*) from member), :owner,
               now() + :lease
        where exists (select 1 from member)
        returning id)
    update runs r set
        state = 'sending', batch_id = batch.id,
        owner = :owner, lease_until = now() + :lease
    from member, batch where r.id = member.id
    returning {COLUMNS}, r.lead, batch.id as batch
""")  # noqa: S608 - column names of our own dataclass
_CLAIM_OPEN = sa.text("""
    with open as (
        select id from batches
        where source = :source and settled_at is null and due_at <= now()
          and owner is null
        order by due_at limit 1
        for update skip locked)
    update batches b set owner = :owner, lease_until = now() + :lease
    from open where b.id = open.id
    returning b.id, b.object, b.match_by, b.attempts, b.sent
""")
_CLAIM_MEMBERS = sa.text(f"""
    update runs r set owner = :owner, lease_until = now() + :lease
    where batch_id = :batch and state = 'sending'
    returning {COLUMNS}, r.lead
""")  # noqa: S608
_NOTE_SENT = sa.text("""
    update batches set sent = cast(:sent as jsonb), lease_until = now() + :lease
    where id = :batch and owner = :owner
    returning id
""")
_CLOSE = sa.text("""
    update batches set settled_at = now(), owner = null, lease_until = null,
        sent = null, error = :error
    where id = :batch and owner = :owner
    returning id
""")
_POSTPONE = sa.text("""
    update batches set owner = null, lease_until = null, error = :message,
        attempts = attempts + :count,
        due_at = now() + make_interval(secs => :delay_s)
    where id = :batch and owner = :owner
    returning id
""")
_LET_GO = sa.text("""
    update runs set owner = null, lease_until = null
    where batch_id = :batch and owner = :owner
""")
_SPLIT = sa.text("""
    with half as (
        insert into batches (
            source, object, match_by, size, sent, attempts, due_at)
        select source, object, match_by, :size, sent, :attempts,
            now() + make_interval(secs => :delay_s) from batches
        where id = :batch and owner = :owner
        returning id)
    update runs r set batch_id = half.id, owner = null, lease_until = null
    from half where r.batch_id = :batch and r.owner = :owner
      and r.id in (select jsonb_array_elements_text(cast(:ids as jsonb))::bigint)
    returning r.batch_id
""")
# Batch and members at once: a batch that is settled between the two would be closed
# without them.
_FREE_ABANDONED = sa.text("""
    with freed as (
        update batches set owner = null, lease_until = null
        where settled_at is null and owner is not null
          and (lease_until < now() or not exists (
            select 1 from procrastinate_workers w
            where w.id = owner and w.last_heartbeat > now() - :stalled))
        returning id
    ), members as (
        update runs r set owner = null, lease_until = null
        from freed where r.batch_id = freed.id and r.state = 'sending')
    select id from freed
""")
_FREE_INTERRUPTED = sa.text("""
    with freed as (
        update batches set owner = null, lease_until = null
        where settled_at is null and owner = :owner and source = :source
          and lease_until <= now() + :lease - :age
        returning id
    ), members as (
        update runs r set owner = null, lease_until = null
        from freed where r.batch_id = freed.id and r.state = 'sending')
    select id from freed
""")
_PURGE = sa.text("""
    delete from batches where settled_at < now() - :age
""")
_PURGE_ATTEMPTS = sa.text("delete from attempts where at < now() - :age")


@dataclass(frozen=True, slots=True)
class Waiting:
    """Runs of one object that wait to be sent, and for how long."""

    object: str
    match_by: str
    ready: int
    oldest_age_s: float
    waited_s: float


@dataclass(frozen=True, slots=True)
class SourceState:
    """Whether more will come soon, and when the last batch began."""

    is_more_coming: bool
    since_last_batch_s: float | None


#: By field: {"value": what was sent, "before": what was there}.
SentValues = Mapping[str, Mapping[str, Any]]


@dataclass(frozen=True, slots=True)
class Batch:
    """One batch in this pump's hands."""

    id: int
    source: str
    object: str
    match_by: str
    attempts: int
    runs: tuple[Run, ...]
    #: What an earlier try has sent without learning what became of it, by run.
    sent: Mapping[str, SentValues] = field(default_factory=dict)


class Batches:
    """Forms, claims and settles batches."""

    def __init__(self, database: Database, written: Written) -> None:
        self.database = database
        self.written = written

    def waiting(self, source: str) -> list[Waiting]:
        """What waits to be sent, by object, the longest due first."""
        return [
            Waiting(**row._mapping)
            for row in self.database.rows(_WAITING, source=source)
        ]

    def state(self, source: str, *, stalled: timedelta) -> SourceState:
        """What the batch rule asks about a source."""
        row = self.database.row(_UNDER_WAY, source=source, stalled=stalled)
        return SourceState(**row._mapping) if row else SourceState(False, None)

    def claim(
        self,
        source: str,
        waiting: Waiting,
        *,
        owner: int,
        count: int,
        lease: timedelta,
    ) -> Batch | None:
        """Form a batch of up to `count` runs, never two of one record."""
        values = {
            "source": source,
            "object": waiting.object,
            "match_by": waiting.match_by,
            "owner": owner,
            "count": count,
            "lease": lease,
        }
        with self.database.transaction() as connection:
            connection.execute(_ONE_AT_A_TIME, {"source": source})
            rows = connection.execute(_CLAIM, values).all()
        if not rows:
            return None
        return Batch(
            rows[0].batch,
            source,
            waiting.object,
            waiting.match_by,
            0,
            tuple(_member(row) for row in rows),
        )

    def claim_open(self, source: str, *, owner: int, lease: timedelta) -> Batch | None:
        """A batch whose outcome is not known and that is due again, as it was."""
        with self.database.transaction() as connection:
            found = connection.execute(
                _CLAIM_OPEN, {"source": source, "owner": owner, "lease": lease}
            ).first()
            if found is None:
                return None
            rows = connection.execute(
                _CLAIM_MEMBERS, {"batch": found.id, "owner": owner, "lease": lease}
            ).all()
        return Batch(
            found.id,
            source,
            found.object,
            found.match_by,
            found.attempts,
            tuple(run_of(row) for row in rows),
            found.sent or {},
        )

    def note_sent(
        self,
        batch: Batch,
        sent: Mapping[str, SentValues],
        *,
        owner: int,
        lease: timedelta,
    ) -> bool:
        """Note what goes out next; should the answer be lost, a later try knows it.

        False if `owner` no longer holds the batch: then it must not be sent. If it
        does, its lease begins anew.
        """
        return bool(
            self.database.rows(
                _NOTE_SENT,
                batch=batch.id,
                owner=owner,
                sent=compact_json(sent),
                lease=lease,
            )
        )

    def settle(
        self,
        batch: Batch,
        settled: Sequence[Settled],
        *,
        owner: int,
        writes: Sequence[Write] = (),
        retries: Sequence[Retry] = (),
        follow_ups: Sequence[FollowUp] = (),
        error: str | None = None,
    ) -> bool:
        """Settle or retry every member and close the batch, in one transaction.

        False if `owner` no longer holds it: then nothing is recorded, and whoever
        holds it sends the same values once more.
        """
        with self.database.transaction() as connection:
            closed = connection.execute(
                _CLOSE, {"batch": batch.id, "owner": owner, "error": error}
            ).first()
            if closed is None:
                return False
            if settled:
                settle_in(connection, settled, owner=owner)
            self.written.record_in(connection, writes)
            add_in(connection, follow_ups)
            if retries:
                retry_in(connection, retries, owner=owner)
        return True

    def postpone(
        self,
        batch: Batch,
        *,
        owner: int,
        delay_s: float,
        cause: str,
        message: str,
        counts: bool = True,
    ) -> None:
        """Send the same members again after `delay_s`; `counts` as an attempt."""
        note = {
            "batch_id": batch.id,
            "delay_s": delay_s,
            "step": "send",
            "cause": cause,
            "message": message,
        }
        with self.database.transaction() as connection:
            held = connection.execute(
                _POSTPONE,
                {
                    "batch": batch.id,
                    "owner": owner,
                    "message": message,
                    "count": 1 if counts else 0,
                    "delay_s": delay_s,
                },
            ).first()
            if held is None:
                return
            connection.execute(_LET_GO, {"batch": batch.id, "owner": owner})
            note_attempts(connection, [note])

    def split(self, batch: Batch, *, owner: int, error: str) -> None:
        """Make two batches of one that was refused as a whole."""
        with self.database.transaction() as connection:
            _halve_in(connection, batch, owner=owner, error=error)

    def halve(
        self, batch: Batch, *, owner: int, delay_s: float, cause: str, message: str
    ) -> None:
        """Make two batches of one, due after `delay_s`; an attempt of all members."""
        note = {"delay_s": delay_s, "step": "send", "cause": cause, "message": message}
        with self.database.transaction() as connection:
            halves = _halve_in(
                connection,
                batch,
                owner=owner,
                error=message,
                attempts=batch.attempts + 1,
                delay_s=delay_s,
            )
            note_attempts(connection, [{**note, "batch_id": half} for half in halves])

    def free_abandoned(self, *, stalled: timedelta) -> int:
        """Free the batches of dead owners and lapsed leases; returns how many."""
        return len(self.database.rows(_FREE_ABANDONED, stalled=stalled))

    def free_interrupted(
        self, source: str, *, owner: int, lease: timedelta, age: timedelta
    ) -> int:
        """Free what a turn that broke off `age` ago had claimed; returns how many.

        `lease` is the one it claimed with. What `owner` has claimed since stays.
        """
        return len(
            self.database.rows(
                _FREE_INTERRUPTED, source=source, owner=owner, lease=lease, age=age
            )
        )

    def purge(self, *, age: timedelta) -> None:
        """Forget settled batches and attempts older than `age`."""
        self.database.rows(_PURGE, age=age)
        self.database.rows(_PURGE_ATTEMPTS, age=age)


def _halve_in(
    connection: sa.Connection,
    batch: Batch,
    *,
    owner: int,
    error: str,
    attempts: int = 0,
    delay_s: float = 0,
) -> list[int]:
    """The ids of the halves; none if `owner` no longer holds the batch."""
    middle = len(batch.runs) // 2
    found: set[int] = set()
    for half in (batch.runs[:middle], batch.runs[middle:]):
        rows = connection.execute(
            _SPLIT,
            {
                "batch": batch.id,
                "owner": owner,
                "size": len(half),
                "ids": compact_json([run.id for run in half]),
                "attempts": attempts,
                "delay_s": delay_s,
            },
        )
        found |= {row.batch_id for row in rows}
    connection.execute(_CLOSE, {"batch": batch.id, "owner": owner, "error": error})
    return sorted(found)


def _member(row: sa.Row[Any]) -> Run:
    values = dict(row._mapping)
    del values["batch"]
    return Run(**values)
