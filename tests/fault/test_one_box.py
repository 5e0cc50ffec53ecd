"""`leadbridge up`: whatever of it is killed comes back, and nothing is lost."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from tests.one_box import OneBox
from tests.stack import NO_LIMITS, UNLIMITED, Process, until

KNOWN = "select count(*) as n from runs"


@pytest.fixture
def box(tmp_path: Path) -> Iterator[OneBox]:
    """An installation with its sandbox; `up` is not started yet."""
    made = OneBox(tmp_path, **UNLIMITED)
    try:
        made.start_sandbox(**NO_LIMITS)
        yield made
    finally:
        made.close()


def assert_all_well(box: OneBox, ids: list[int]) -> None:
    """Each lead ended once, with the right values here and there."""
    assert box.await_final(len(ids)) == {"written": len(ids)}
    box.assert_right(ids)
    box.assert_recorded_once(ids)


def is_ready(box: OneBox) -> bool:
    """Whether web takes webhooks."""
    return box.status("/readyz") == 200


@pytest.mark.parametrize("as_init", [False, True], ids=["beside_others", "as_init"])
def test_a_killed_database_comes_back_and_has_all_that_was_acknowledged(
    box: OneBox, as_init: bool
) -> None:
    # What was claimed is given back by its worker, and does not wait for its lease.
    box.environ["ENRICH_LEASE_S"] = "600"
    up = box.start_up(as_init=as_init)
    ids = box.seed(400)
    killed = box.postmaster()
    with ThreadPoolExecutor(1) as pool:
        sent = pool.submit(box.post_leads, ids)
        until(lambda: int(box.query(KNOWN)[0].n) > 100, "a burst")
        os.kill(killed, signal.SIGKILL)
        until(lambda: box.status("/readyz") == 503, "web to say that it is away")
        taken = sent.result()
    assert taken < set(ids)
    until(lambda: is_ready(box), "the database to be back", within_s=30)
    assert box.postmaster() != killed
    until(box.database.is_up, "our own connections to be new ones")
    found = {int(row.lead_id) for row in box.query("select lead_id from runs")}
    assert taken <= found, f"{len(taken - found)} acknowledged leads lost"
    left = [n for n in ids if n not in taken]
    assert box.post_leads(left) == set(left)
    assert_all_well(box, ids)
    assert up.popen.poll() is None


def test_web_and_worker_are_started_again_when_they_are_killed(box: OneBox) -> None:
    up = box.start_up()
    ids = box.seed(200)
    assert box.post_leads(ids[:100]) == set(ids[:100])
    for part, line in (("worker", "worker started"), ("web", "web listens")):
        os.kill(box.part(up, part), signal.SIGKILL)
        until(lambda line=line: up.say().count(line) == 2, f"{part} to come back")
        box.note_family(up)
    assert box.post_leads(ids[100:]) == set(ids[100:])
    assert_all_well(box, ids)


def test_up_told_to_stop_leaves_in_time_and_leaves_nothing_behind(box: OneBox) -> None:
    box.environ["SHUTDOWN_S"] = "20"
    up = box.start_up()
    ids = box.seed(300)
    box.sandbox("config", {"sixsense": {"latency_ms": 100}})
    assert box.post_leads(ids) == set(ids)
    family = box.note_family(up)
    assert len(family) > 5
    assert up.stop(within_s=25) == 0
    box.await_gone(family, within_s=1)
    # The same folder serves again, and goes on where it was.
    box.start_up()
    assert_all_well(box, ids)


def test_up_killed_takes_its_parts_along_and_starts_again_on_its_folder(
    box: OneBox,
) -> None:
    up = box.start_up()
    ids = box.seed(300)
    box.sandbox("config", {"sixsense": {"latency_ms": 50}})
    assert box.post_leads(ids) == set(ids)
    parts = [
        each
        for each in box.note_family(up)
        if each.pid in {box.part(up, "web"), box.part(up, "worker")}
    ]
    assert len(parts) == 2
    up.kill()
    box.await_gone(parts, within_s=25)
    again = box.start_up()
    assert_all_well(box, ids)
    # The database that was left behind is the new one's to stop.
    family = box.note_family(again)
    assert again.stop(within_s=25) == 0
    box.await_gone(family, within_s=1)


def test_up_killed_and_started_at_once_gets_its_port_and_its_work(box: OneBox) -> None:
    up = box.start_up()
    ids = box.seed(100)
    assert box.post_leads(ids[:50]) == set(ids[:50])
    up.kill()
    again: Process = box.start_up()
    assert box.post_leads(ids[50:]) == set(ids[50:])
    assert_all_well(box, ids)
    assert again.popen.poll() is None
