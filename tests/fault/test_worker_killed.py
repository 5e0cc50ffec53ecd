"""Workers are killed, stopped and frozen: no lead is lost, none is written wrongly."""

from __future__ import annotations

import time
from collections.abc import Callable

from tests.stack import FAST, NO_LIMITS, UNLIMITED, Process, Stack, until

STALLED_AFTER_S = float(FAST["STALLED_AFTER_S"])


def begin(stack: Callable[..., Stack], **environ: str) -> tuple[Stack, Process]:
    """Sandbox, web and one worker, with no limit on either side.

    Leases outlast the test: what is freed before, a rescue has freed.
    """
    box = stack(**{**UNLIMITED, "ENRICH_LEASE_S": "600", **environ})
    box.start_sandbox(**NO_LIMITS)
    box.start_web()
    return box, box.start_worker()


def assert_all_well(box: Stack, ids: list[int]) -> None:
    """Each lead ended once, with the right values here and there."""
    assert box.await_final(len(ids)) == {"written": len(ids)}
    box.assert_right(ids)
    box.assert_recorded_once(ids)
    assert box.refused() == {"sixsense": {}, "marketo": {}}


def test_a_batch_whose_answer_died_with_the_worker_is_sent_again_as_it_was(
    stack: Callable[..., Stack],
) -> None:
    box, worker = begin(stack)
    ids = box.seed(60)
    box.fault("marketo", "timeout_after_work", operation="sync_leads")
    assert box.post_leads(ids) == set(ids)
    box.await_held()
    # Marketo has the values; the worker that sent them will never know.
    (batch,) = box.query("select id, size from batches where settled_at is null")
    members = box.query(MEMBERS, batch=batch.id)
    box.assert_right([int(row.lead_id) for row in members])
    worker.kill()
    box.start_worker()
    assert_all_well(box, ids)
    assert box.query(MEMBERS, batch=batch.id) == members


def test_a_batch_that_marketo_never_saw_is_sent_by_the_next_worker(
    stack: Callable[..., Stack],
) -> None:
    box, worker = begin(stack)
    ids = box.seed(60)
    box.fault("marketo", "hold", operation="get_leads")
    assert box.post_leads(ids) == set(ids)
    box.await_held()
    worker.kill()
    box.end_faults()
    box.start_worker()
    assert_all_well(box, ids)


def test_another_worker_takes_over_from_one_that_dies_holding_its_locks(
    stack: Callable[..., Stack],
) -> None:
    box, first = begin(stack)
    ids = box.seed(300)
    # Both pumps of the first worker are in the middle of a call.
    box.fault("sixsense", "hold", after=150, times="forever")
    box.fault("marketo", "hold", operation="sync_leads", times="forever")
    assert box.post_leads(ids) == set(ids)
    until(
        lambda: (
            {row.lock for row in box.query(HELD_LOCKS)}
            >= {"enrich:default", "send:marketo"}
        ),
        "both pumps to run",
    )
    box.await_held(2)
    box.start_worker()
    first.kill()
    box.end_faults()
    assert_all_well(box, ids)


def test_two_workers_killed_within_the_stall_time_lose_nothing(
    stack: Callable[..., Stack],
) -> None:
    box, first = begin(stack)
    ids = box.seed(200)
    box.fault("sixsense", "hold", after=60, times=40)
    box.fault("marketo", "timeout_after_work", operation="sync_leads", times=2)
    assert box.post_leads(ids) == set(ids)
    box.await_held(20)
    second = box.start_worker()
    killed_at = time.monotonic()
    first.kill()
    second.kill()
    assert time.monotonic() - killed_at < STALLED_AFTER_S
    third = box.start_worker()
    third.kill()
    box.end_faults()
    box.start_worker()
    assert_all_well(box, ids)


def test_calls_to_6sense_that_died_with_their_worker_are_made_again(
    stack: Callable[..., Stack],
) -> None:
    box, worker = begin(stack)
    ids = box.seed(40)
    box.fault("sixsense", "hold", times="forever")
    assert box.post_leads(ids) == set(ids)
    box.await_held(20)
    (held,) = box.query("select count(*) as n from runs where owner is not null")
    assert held.n >= 20
    worker.kill()
    box.end_faults()
    box.start_worker()
    assert_all_well(box, ids)
    calls = box.state()["sixsense"]["calls"]
    assert len(ids) < calls <= len(ids) + held.n


def test_a_worker_declared_dead_by_mistake_settles_nothing_twice(
    stack: Callable[..., Stack],
) -> None:
    box, sleeper = begin(stack)
    ids = box.seed(240)
    box.fault("sixsense", "hold", after=120, times=30)
    box.fault("marketo", "hold", operation="sync_leads", times=1)
    assert box.post_leads(ids) == set(ids)
    box.await_held(31)
    (before,) = box.query(OWNED)
    assert before.runs > 0
    assert before.batches > 0
    sleeper.freeze()
    box.end_faults()
    other = box.start_worker()
    # Everything it held has gone to the other one, while it slept.
    box.await_final(len(ids))
    sleeper.thaw()
    sleeper.await_line(r"is_held\W+false", within_s=20)
    assert_all_well(box, ids)
    # And it goes on working, alone.
    other.kill()
    more = box.seed(20, first_id=5001)
    assert box.post_leads(more) == set(more)
    assert box.await_final(len(ids) + len(more)) == {"written": len(ids) + len(more)}


def test_a_worker_told_to_stop_in_the_middle_hands_over_and_leaves_in_time(
    stack: Callable[..., Stack],
) -> None:
    box, worker = begin(stack, SHUTDOWN_S="20")
    ids = box.seed(600)
    box.sandbox("config", {"sixsense": {"latency_ms": [20, 60]}})
    assert box.post_leads(ids) == set(ids)
    until(lambda: box.counts().get("written", 0) > 50, "some leads to be written")
    assert box.counts().get("written", 0) < len(ids)
    assert worker.stop(within_s=25) == 0
    (left,) = box.query(OWNED)
    assert (left.runs, left.batches) == (0, 0)
    box.start_worker()
    assert_all_well(box, ids)
    # Nothing was asked for twice: what was under way was settled first.
    assert box.state()["sixsense"]["calls"] == len(ids)


def test_a_worker_told_to_stop_does_not_wait_for_calls_that_hang(
    stack: Callable[..., Stack],
) -> None:
    box, worker = begin(stack, SHUTDOWN_S="3")
    ids = box.seed(40)
    box.fault("sixsense", "hold", after=20, times=10)
    box.fault("marketo", "hold", operation="sync_leads", times=1)
    assert box.post_leads(ids) == set(ids)
    box.await_held(11)
    assert worker.stop(within_s=3 + 5) == 0
    box.end_faults()
    box.start_worker()
    assert_all_well(box, ids)


MEMBERS = "select lead_id from runs where batch_id = :batch order by id"
HELD_LOCKS = "select lock from procrastinate_jobs where status = 'doing'"
OWNED = """
    select (select count(*) from runs where owner is not null) as runs,
           (select count(*) from batches where owner is not null) as batches
"""
