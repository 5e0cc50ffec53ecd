"""Owners: claims exclude each other, and who holds nothing changes nothing."""

from __future__ import annotations

from datetime import timedelta

from app.ledger.runs import Retry, Settled
from tests.ledger_parts import LEASE, TOKEN, Desk, answer, at_once, event, question

THREADS = 8


def test_claims_at_the_same_instant_share_the_runs_and_no_run_is_claimed_twice(
    desk: Desk,
) -> None:
    desk.accept(*[event(number) for number in range(200)])
    owners = [desk.hire() for _ in range(THREADS)]
    planned = at_once(THREADS, lambda number: desk.plan(owners[number], 25))
    ids = [run.id for runs in planned for run in runs]
    assert len(ids) == len(set(ids)) == 200
    claimed = at_once(THREADS, lambda number: desk.claim(owners[number], 25))
    ids = [run.id for runs in claimed for run in runs]
    assert len(ids) == len(set(ids))
    for owner, runs in zip(owners, claimed, strict=True):
        rows = desk.query("select id from runs where owner = :owner", owner=owner)
        assert {row.id for row in rows} == {run.id for run in runs}


def test_live_runs_are_claimed_before_bulk_however_long_those_have_waited(
    desk: Desk,
) -> None:
    desk.accept(*[event(number, is_bulk=True) for number in range(50)])
    desk.accept(event("live"))
    owner = desk.hire()
    desk.plan(owner, 100)
    assert [run.lead_id for run in desk.claim(owner, 1)] == ["live"]


def test_of_one_question_one_run_asks_and_the_others_get_its_answer(desk: Desk) -> None:
    desk.accept(*[event(number) for number in range(6)])
    owner = desk.hire()
    runs = desk.ledger.runs.claim_unplanned(TOKEN, owner=owner, count=9, lease=LEASE)
    desk.ledger.runs.plan([question(run, "the same") for run in runs], owner=owner)
    (asking,) = desk.claim(owner)
    assert desk.claim(desk.hire()) == []
    assert desk.answer(owner, [asking]) == {"marketo"}
    assert desk.states() == ["enriched"] * 6
    rows = desk.query("select is_reused, credits from run_lookups order by is_reused")
    assert [tuple(row) for row in rows] == [(False, 1), *[(True, 0)] * 5]
    assert desk.query("select count(*) as n from enrichments")[0].n == 1


def test_a_wrong_owner_settles_retries_releases_and_plans_nothing(desk: Desk) -> None:
    desk.accept(event(1))
    owner, other = desk.hire(), desk.hire()
    (run,) = desk.ledger.runs.claim_unplanned(TOKEN, owner=owner, count=1, lease=LEASE)
    before = desk.runs()
    runs = desk.ledger.runs
    assert runs.settle([Settled(run.id, "written")], owner=other) == 0
    runs.retry([Retry(run.id, 60, "enrich", "test", "no")], owner=other)
    runs.release([run.id], owner=other)
    runs.plan([question(run)], owner=other)
    assert desk.runs() == before
    assert runs.settle([Settled(run.id, "written")], owner=owner) == 1


def test_an_answer_of_a_wrong_owner_is_kept_but_its_run_is_left_alone(
    desk: Desk,
) -> None:
    desk.accept(event(1))
    owner, other = desk.hire(), desk.hire()
    desk.plan(owner)
    (run,) = desk.claim(owner)
    before = desk.runs()
    assert desk.ledger.enrichments.record([answer(run)], owner=other) == set()
    assert desk.runs() == before
    assert desk.query("select 1 from run_lookups") == []
    # It was paid for: the run that asks next finds it.
    assert desk.query("select credits from enrichments")[0].credits == 1


def test_a_retry_waits_counts_and_tells_why(desk: Desk) -> None:
    desk.accept(event(1))
    owner = desk.hire()
    desk.plan(owner)
    (run,) = desk.claim(owner)
    retry = Retry(run.id, 60, "enrich", "RemoteFault 500", "it broke")
    desk.ledger.runs.retry([retry], owner=owner)
    assert desk.claim(owner) == []
    (row,) = desk.runs()
    assert (row.state, row.owner, row.attempts) == ("ready", None, 1)
    (attempt,) = desk.query("select * from attempts")
    assert (attempt.run_id, attempt.cause) == (run.id, "RemoteFault 500")
    assert row.due_at == attempt.next_at


def test_a_hold_counts_no_attempt(desk: Desk) -> None:
    desk.accept(event(1))
    owner = desk.hire()
    desk.plan(owner)
    (run,) = desk.claim(owner)
    held = Retry(run.id, 0, "enrich", "QuotaSpent 402", "no credits", counts=False)
    desk.ledger.runs.retry([held], owner=owner)
    assert desk.runs()[0].attempts == 0
    assert len(desk.claim(owner)) == 1


def test_a_run_that_fails_after_a_newer_event_gives_way_to_it(desk: Desk) -> None:
    desk.accept(event(1, "a"))
    owner = desk.hire()
    desk.plan(owner)
    (run,) = desk.claim(owner)
    desk.accept(event(1, "b"))
    desk.ledger.runs.retry([Retry(run.id, 60, "enrich", "x", "y")], owner=owner)
    older, newer = desk.runs()
    assert (older.state, newer.state) == ("skipped", "ready")
    assert older.reason.endswith(f"run {newer.id}")


def test_an_older_run_is_never_sent_after_a_newer_one_of_its_lead(desk: Desk) -> None:
    desk.accept(event(1, "a"))
    slow = desk.hire()
    desk.plan(slow)
    (older,) = desk.claim(slow)
    desk.enrich(event(1, "b"))
    assert desk.states() == ["ready", "enriched"]
    sender = desk.hire()
    assert desk.batch(sender) is None
    desk.answer(slow, [older])
    order = []
    while (batch := desk.batch(sender)) is not None:
        order += [run.lead["inputs"] for run in batch.runs]
        desk.settle(sender, batch)
    assert order == ["a", "b"]


def test_what_a_dead_owner_held_is_freed_and_a_live_ones_is_not(desk: Desk) -> None:
    desk.accept(event(1), event(2))
    dead, alive = desk.hire(), desk.hire()
    for owner in (dead, alive):
        desk.ledger.runs.claim_unplanned(TOKEN, owner=owner, count=1, lease=LEASE)
    assert desk.sweep() == 0
    desk.bury(dead)
    assert desk.sweep() == 1
    owners = desk.query("select owner from runs where owner is not null")
    assert [row.owner for row in owners] == [alive]


def test_a_lapsed_lease_is_freed_though_its_owner_lives(desk: Desk) -> None:
    desk.accept(event(1))
    owner = desk.hire()
    nothing = timedelta(seconds=-1)
    desk.ledger.runs.claim_unplanned(TOKEN, owner=owner, count=1, lease=nothing)
    assert desk.sweep() == 1
    assert desk.runs()[0].owner is None


def test_due_names_each_pump_that_has_something_to_do(desk: Desk) -> None:
    due = desk.ledger.runs.due
    assert due() == []
    desk.accept(event(1, state="received"))
    assert due() == [("complete", "marketo")]
    desk.accept(event(2))
    assert sorted(due()) == [("complete", "marketo"), ("enrich", TOKEN)]
    desk.clear()
    desk.enrich(event(3))
    assert due() == [("send", "marketo")]
    owner = desk.hire()
    batch = desk.batch(owner)
    assert due() == []
    assert batch is not None
    desk.bury(owner)
    desk.sweep()
    assert due() == [("send", "marketo")]
    desk.query("update batches set due_at = now() + interval '1 hour'")
    assert due() == []
