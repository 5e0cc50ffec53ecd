"""The database goes away and comes back: no 2xx in between, and no lead lost."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest
import requests
import sqlalchemy as sa

from tests.stack import NO_LIMITS, UNLIMITED, Stack, until


@pytest.fixture
def admin(server_url: str) -> Iterator[sa.Connection]:
    engine = sa.create_engine(server_url, isolation_level="AUTOCOMMIT")
    with engine.connect() as connection:
        yield connection
    engine.dispose()


@contextmanager
def away(admin: sa.Connection, box: Stack) -> Iterator[None]:
    """Nobody gets into this installation's database, and who is in is put out."""
    name = sa.engine.make_url(box.database_url).database
    admin.execute(sa.text(f'alter database "{name}" allow_connections false'))
    put_out(admin, box)
    try:
        yield
    finally:
        admin.execute(sa.text(f'alter database "{name}" allow_connections true'))
        # Our own connections are dead as well.
        box.database.close()


def put_out(admin: sa.Connection, box: Stack) -> None:
    """End every connection to this installation's database."""
    admin.execute(
        sa.text(
            "select pg_terminate_backend(pid) from pg_stat_activity"
            " where datname = :name"
        ),
        {"name": sa.engine.make_url(box.database_url).database},
    )


def test_nothing_is_acknowledged_while_the_database_is_away_and_all_is_well_after(
    stack: Callable[..., Stack], admin: sa.Connection
) -> None:
    # What was claimed when it went away is free again after the lease.
    lease = {"ENRICH_LEASE_S": "4", "SIXSENSE_TIMEOUT_S": "1", "SETTLE_EVERY_S": "0.2"}
    box = stack(**UNLIMITED, **lease)
    box.start_sandbox(**NO_LIMITS)
    box.start_web()
    worker = box.start_worker()
    before, during, after = (box.seed(4, first_id=first) for first in (1, 11, 21))
    box.fault("sixsense", "hold", times=2)
    assert box.post_leads(before) == set(before)
    box.await_held(2)
    with away(admin, box):
        for lead_id in during:
            answer = box.post_lead(lead_id)
            assert answer.status_code == 503
            assert int(answer.headers["Retry-After"]) > 0
            assert "send it again" in answer.json()["message"]
        # Not kept either, and still no 2xx: nothing can be written down.
        assert box.post(b"{").status_code == 503
        assert requests.get(f"{box.web_url}/healthz", timeout=10).ok
        ready = requests.get(f"{box.web_url}/readyz", timeout=10)
        assert ready.status_code == 503
        assert "does not answer" in ready.json()["problem"]
        # Answers come back, and there is nowhere to store them.
        box.end_faults()
    # A process may find out with its next use that its connections are dead.
    until(lambda: box.status("/readyz") == 200, "web to be ready again")
    assert box.post_leads(after) == set(after)
    expected = {*before, *after}
    counts = box.await_final(len(expected))
    assert counts == {"written": len(expected)}
    assert worker.popen.poll() is None
    assert {
        int(row.lead_id) for row in box.query("select lead_id from runs")
    } == expected
    box.assert_right(sorted(expected))
    assert box.post_leads(during) == set(during)
    box.await_final(len(expected) + len(during))
    box.assert_right(during)


def test_connections_that_died_unnoticed_cost_no_webhook(
    stack: Callable[..., Stack], admin: sa.Connection
) -> None:
    box = stack(**UNLIMITED)
    box.start_sandbox(**NO_LIMITS)
    box.start_web()
    ids = box.seed(20)
    assert box.post_leads(ids[:10]) == set(ids[:10])
    put_out(admin, box)
    box.database.close()
    # Every pooled connection is dead; the first to use one tries once more.
    assert box.post_leads(ids[10:]) == set(ids[10:])
    assert box.counts() == {"ready": 20}
