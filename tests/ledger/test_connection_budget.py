"""A hosted PostgreSQL of 20 connections is enough: web takes 3 a process, worker 10."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable

from app import runtime
from app.pipeline import engine
from tests.stack import NO_LIMITS, UNLIMITED, Stack, until

LEADS = 500
WEB_PROCESSES = 2


def test_web_and_worker_stay_within_their_connections_while_500_leads_drain(
    stack: Callable[..., Stack],
) -> None:
    box = stack(**UNLIMITED, WEB_CONCURRENCY=str(WEB_PROCESSES))
    box.start_sandbox(**NO_LIMITS)
    box.start_web()
    box.start_worker()
    ids = box.seed(LEADS)
    seen: list[Counter[str]] = []

    def is_drained() -> bool:
        seen.append(connections(box))
        return box.counts() == {"written": LEADS}

    assert box.post_leads(ids, at_once=16) == set(ids)
    seen.append(connections(box))
    until(is_drained, "all leads to be written", within_s=60)
    most = {name: max(counts[name] for counts in seen) for name in ("web", "worker")}
    assert 0 < most["web"] <= 3 * WEB_PROCESSES, seen
    # More than our own: the engine's listeners are counted too.
    assert 5 < most["worker"] <= 10, seen


def test_what_the_pools_may_open_stays_within_the_budget() -> None:
    assert runtime.WEB_CONNECTIONS <= 3
    assert runtime.WORKER_CONNECTIONS + engine.CONNECTIONS <= 10


def connections(box: Stack) -> Counter[str]:
    """How many connections web has, and the worker: all that web has not.

    The engine's own carry no name of ours.
    """
    rows = box.query(
        "select application_name as name, count(*) as n from pg_stat_activity"
        " where datname = current_database() and pid <> pg_backend_pid()"
        " and backend_type = 'client backend' group by 1"
    )
    by_name = {row.name: row.n for row in rows if row.name != "tests"}
    web = by_name.pop("leadbridge web", 0)
    # Whatever is left is the worker's: nobody else is connected here.
    return Counter(web=web, worker=sum(by_name.values()))
