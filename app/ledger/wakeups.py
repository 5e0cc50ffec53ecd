"""What the ledger and the engine say to each other through the engine's tables.

Waking a pump is one insert that does nothing if it is queued already; `web` does
it without importing the engine. A test holds this against the installed engine.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta

import sqlalchemy as sa

from app.ledger.database import Database, compact_json

_WAKE = sa.text("""
    insert into procrastinate_jobs
        (queue_name, task_name, lock, queueing_lock, args)
    select queue, task, lock, queueing_lock, args
    from jsonb_to_recordset(cast(:wakes as jsonb)) as w(
        queue text, task text, lock text, queueing_lock text, args jsonb)
    on conflict (queueing_lock) where status = 'todo' do nothing
""")
# What the engine's own trigger tells of a new job.
_REMIND = sa.text("""
    select pg_notify('procrastinate_queue_v1#' || :queue,
                     json_build_object('type', 'job_inserted', 'job_id', id)::text)
    from procrastinate_jobs where status = 'todo' and queueing_lock = :queueing_lock
""")
# A pump's lock dies with its worker only if the job is ended, not retried: a retry
# meets the queueing lock of the next wake-up, and then that pump never runs again.
_END_STALLED = sa.text("""
    delete from procrastinate_jobs j
    where j.status = 'doing' and not exists (
        select 1 from procrastinate_workers w
        where w.id = j.worker_id and w.last_heartbeat > now() - :stalled)
    returning j.task_name
""")
_LIVE = sa.text("""
    select id from procrastinate_workers where last_heartbeat > now() - :stalled
""")
_FORGET = sa.text("""
    delete from procrastinate_workers
    where last_heartbeat < now() - greatest(:stalled * 10, interval '10 minutes')
""")


@dataclass(frozen=True, slots=True)
class Wake:
    """One pump to wake: `enrich` of a token, `send` or `complete` of a source."""

    task: str
    scope: str = ""

    @property
    def lock(self) -> str:
        """What no two jobs of this pump hold at a time."""
        return f"{self.task}:{self.scope}"


#: Which queue a task waits in; an unknown one would go to nobody's.
QUEUES = {
    "complete": "enrich",
    "enrich": "enrich",
    "send": "send",
    "reconcile": "system",
    "sweep": "system",
}


def wake(database: Database, wakes: Sequence[Wake]) -> None:
    """Queue these pumps, each at most once. Raises DatabaseAway."""
    rows = [
        {
            "queue": QUEUES[wake.task],
            "task": wake.task,
            "lock": wake.lock if wake.scope else None,
            "queueing_lock": wake.lock,
            "args": {"scope": wake.scope} if wake.scope else {},
        }
        for wake in wakes
    ]
    if rows:
        database.rows(_WAKE, wakes=compact_json(rows))


def remind(database: Database, wake: Wake) -> None:
    """Have a job of this pump that is queued already looked at now.

    It was told of when it was queued; if the pump was working then, nobody would look
    again before the next poll. Raises DatabaseAway.
    """
    database.rows(_REMIND, queue=QUEUES[wake.task], queueing_lock=wake.lock)


def end_stalled(database: Database, stalled: timedelta) -> list[str]:
    """End pump jobs whose worker is gone; returns their tasks."""
    ended = database.rows(_END_STALLED, stalled=stalled)
    database.rows(_FORGET, stalled=stalled)
    return [row.task_name for row in ended]


def live_owners(database: Database, stalled: timedelta) -> list[int]:
    """Ids of the engine workers whose heart beats."""
    return [row.id for row in database.rows(_LIVE, stalled=stalled)]
