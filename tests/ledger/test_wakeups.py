"""Waking pumps through the engine's tables, held against the installed engine."""

from __future__ import annotations

import asyncio
import json
from datetime import timedelta

import procrastinate
import psycopg
import pytest
from procrastinate import App, PsycopgConnector

from app.ledger import wakeups
from app.ledger.database import Database
from app.ledger.wakeups import Wake
from app.pipeline import engine
from tests.ledger_parts import STALLED, Desk, at_once


def jobs(desk: Desk) -> list[tuple[str, str]]:
    rows = desk.query("select task_name, status from procrastinate_jobs order by id")
    return [tuple(row) for row in rows]


def worked_off(database: Database, *, pump: str = "send") -> list[str]:
    """Have the engine itself run what is queued for a pump; the scopes it was given."""
    url = database.url.replace("postgresql+psycopg://", "postgresql://")
    app = App(connector=PsycopgConnector(conninfo=url, min_size=1, max_size=2))
    seen: list[str] = []

    @app.task(name=pump, queue=wakeups.QUEUES[pump])
    def work(scope: str = "") -> None:
        seen.append(scope)

    async def run() -> None:
        async with app.open_async():
            await app.run_worker_async(
                queues=[wakeups.QUEUES[pump]], wait=False, delete_jobs="always"
            )

    asyncio.run(run())
    return seen


def test_the_engine_runs_what_was_woken_once_for_each_scope(desk: Desk) -> None:
    for _ in range(3):
        wakeups.wake(desk.database, [Wake("send", "marketo"), Wake("send", "hubspot")])
    assert sorted(worked_off(desk.database)) == ["hubspot", "marketo"]
    assert jobs(desk) == []


def test_wake_ups_at_the_same_instant_queue_one_job(desk: Desk) -> None:
    at_once(8, lambda _: wakeups.wake(desk.database, [Wake("enrich", "default")]))
    assert jobs(desk) == [("enrich", "todo")]


def test_a_pump_that_is_working_can_be_woken_for_another_turn(desk: Desk) -> None:
    owner = desk.hire()
    wakeups.wake(desk.database, [Wake("send", "marketo")])
    desk.query(
        "update procrastinate_jobs set status = 'doing', worker_id = :owner",
        owner=owner,
    )
    wakeups.wake(desk.database, [Wake("send", "marketo")])
    assert jobs(desk) == [("send", "doing"), ("send", "todo")]
    # The engine's lock keeps the second one back while the first works.
    assert worked_off(desk.database) == []


def test_who_was_woken_while_it_worked_is_told_again_after_its_turn(desk: Desk) -> None:
    url = desk.database.url.replace("postgresql+psycopg://", "postgresql://")
    send = Wake("send", "marketo")
    with psycopg.connect(url, autocommit=True) as ear:
        ear.execute('listen "procrastinate_queue_v1#send"')

        def heard() -> list[str]:
            told = ear.notifies(timeout=0.2)
            return [json.loads(one.payload)["type"] for one in told]

        wakeups.remind(desk.database, send)
        assert heard() == []
        wakeups.wake(desk.database, [send])
        assert heard() == ["job_inserted"]
        # Queued already, so that nobody hears of it.
        wakeups.wake(desk.database, [send])
        assert heard() == []
        wakeups.remind(desk.database, send)
        assert heard() == ["job_inserted"]


def test_the_job_of_a_dead_worker_is_ended_and_its_pump_runs_again(desk: Desk) -> None:
    dead, alive = desk.hire(), desk.hire()
    for scope, owner in (("marketo", dead), ("hubspot", alive)):
        wakeups.wake(desk.database, [Wake("send", scope)])
        desk.query(
            "update procrastinate_jobs set status = 'doing', worker_id = :owner"
            " where status = 'todo'",
            owner=owner,
        )
    # Already woken again: a retry of the dead one would meet this queueing lock.
    wakeups.wake(desk.database, [Wake("send", "marketo")])
    assert wakeups.end_stalled(desk.database, STALLED) == []
    desk.bury(dead)
    assert wakeups.end_stalled(desk.database, STALLED) == ["send"]
    assert worked_off(desk.database) == ["marketo"]


def test_only_owners_whose_heart_beats_are_alive(desk: Desk) -> None:
    dead, alive = desk.hire(), desk.hire()
    desk.bury(dead)
    assert wakeups.live_owners(desk.database, STALLED) == [alive]


def test_rows_of_long_dead_workers_are_forgotten(desk: Desk) -> None:
    dead, alive = desk.hire(), desk.hire()
    desk.bury(dead)
    wakeups.end_stalled(desk.database, timedelta(seconds=1))
    left = desk.query("select id from procrastinate_workers")
    assert [row.id for row in left] == [alive]


@pytest.mark.parametrize("task", wakeups.QUEUES)
def test_every_pump_waits_in_a_queue_that_somebody_works_on(task: str) -> None:
    assert wakeups.QUEUES[task] in engine.SLOTS


def test_the_engine_is_the_one_whose_tables_we_write(desk: Desk) -> None:
    (row,) = desk.query("select value from installation where name = 'engine_schema'")
    assert row.value == procrastinate.__version__
