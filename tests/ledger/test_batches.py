"""Batches: one record once, the same members until the outcome is known."""

from __future__ import annotations

from datetime import timedelta

from app.ledger.batches import Waiting
from app.ledger.runs import Retry, Settled
from app.ledger.written import Write
from tests.ledger_parts import LEASE, Desk, at_once, event

THREADS = 6


def ids(desk: Desk, state: str) -> set[int]:
    return {run.id for run in desk.runs() if run.state == state}


def test_two_runs_of_one_record_are_never_in_one_batch(desk: Desk) -> None:
    desk.enrich(event(1), event(1, mapping="other"), event(2))
    owner = desk.hire()
    first = desk.batch(owner)
    assert first is not None
    assert sorted(run.record_id for run in first.runs) == ["1", "2"]
    # The other run of record 1 waits until the outcome of the first is known.
    assert desk.batch(owner) is None
    desk.settle(owner, first)
    second = desk.batch(owner)
    assert second is not None
    assert [run.record_id for run in second.runs] == ["1"]


def test_two_runs_of_one_record_are_never_in_two_batches_at_once(desk: Desk) -> None:
    for lead_id in range(10):
        desk.enrich(*[event(lead_id, mapping=f"m{n}") for n in range(THREADS)])
    owners = [desk.hire() for _ in range(THREADS)]
    at_once(THREADS, lambda number: desk.batch(owners[number], 7))
    twice = desk.query(
        "select record_id from runs where state = 'sending'"
        " group by record_id having count(*) > 1"
    )
    assert twice == []
    assert len(ids(desk, "sending")) > 0


def test_batches_formed_at_the_same_instant_share_the_runs(desk: Desk) -> None:
    desk.enrich(*[event(number) for number in range(50)])
    owners = [desk.hire() for _ in range(THREADS)]
    batches = at_once(THREADS, lambda number: desk.batch(owners[number], 10))
    members = [run.id for batch in batches if batch for run in batch.runs]
    assert len(members) == len(set(members)) == len(ids(desk, "sending"))


def test_a_batch_of_a_dead_owner_goes_again_with_the_same_members(desk: Desk) -> None:
    desk.enrich(*[event(number) for number in range(5)])
    dead, heir = desk.hire(), desk.hire()
    batch = desk.batch(dead)
    assert batch is not None
    assert desk.again(heir) is None
    desk.enrich(event(9))
    desk.bury(dead)
    desk.sweep()
    again = desk.again(heir)
    assert again is not None
    assert again.id == batch.id
    assert {run.id for run in again.runs} == {run.id for run in batch.runs}
    assert again.match_by == batch.match_by


def test_a_batch_that_lapsed_during_its_call_is_settled_by_its_heir_alone(
    desk: Desk,
) -> None:
    desk.enrich(event(1))
    late, heir = desk.hire(), desk.hire()
    waiting = Waiting("lead", "id", 1, 0, 0)
    batch = desk.ledger.batches.claim(
        "marketo", waiting, owner=late, count=9, lease=timedelta(seconds=-1)
    )
    assert batch is not None
    desk.sweep()
    again = desk.again(heir)
    assert again is not None
    before = desk.runs()
    write = Write(
        batch.runs[0].id, batch.id, "marketo", "lead", "1", None, {"a": 1}, {}
    )
    ends = [Settled(batch.runs[0].id, "written")]
    batches = desk.ledger.batches
    assert not batches.settle(batch, ends, owner=late, writes=[write])
    batches.postpone(batch, owner=late, delay_s=9, cause="x", message="y")
    batches.split(batch, owner=late, error="z")
    assert not batches.note_sent(batch, {}, owner=late, lease=LEASE)
    assert desk.runs() == before
    for table in ("updates", "last_written", "attempts"):
        assert desk.query(f"select 1 from {table}") == [], table  # noqa: S608
    assert desk.query("select count(*) as n from batches")[0].n == 1
    assert desk.settle(heir, again)
    assert desk.states() == ["written"]


def test_a_postponed_batch_waits_and_keeps_its_members(desk: Desk) -> None:
    desk.enrich(event(1), event(2))
    owner = desk.hire()
    batch = desk.batch(owner)
    assert batch is not None
    desk.ledger.batches.postpone(
        batch, owner=owner, delay_s=60, cause="Unreachable", message="no answer"
    )
    assert desk.again(owner) is None
    assert desk.batch(owner) is None
    desk.query("update batches set due_at = now()")
    again = desk.again(owner)
    assert again is not None
    assert (again.id, again.attempts, len(again.runs)) == (batch.id, 1, 2)
    (attempt,) = desk.query("select * from attempts")
    assert (attempt.batch_id, attempt.cause) == (batch.id, "Unreachable")


def test_a_split_batch_is_two_that_hold_every_member_once(desk: Desk) -> None:
    desk.enrich(*[event(number) for number in range(5)])
    owner = desk.hire()
    batch = desk.batch(owner)
    assert batch is not None
    desk.ledger.batches.split(batch, owner=owner, error="refused")
    halves = [desk.again(owner), desk.again(owner)]
    assert desk.again(owner) is None
    members = [run.id for half in halves if half for run in half.runs]
    assert sorted(len(half.runs) for half in halves if half) == [2, 3]
    assert set(members) == {run.id for run in batch.runs}
    (old,) = desk.query("select * from batches where id = :id", id=batch.id)
    assert old.settled_at is not None


def test_each_member_ends_in_its_own_way_and_a_retried_one_leaves_the_batch(
    desk: Desk,
) -> None:
    desk.enrich(event(1), event(2), event(3))
    owner = desk.hire()
    batch = desk.batch(owner)
    assert batch is not None
    one, two, three = sorted(run.id for run in batch.runs)
    ends = [Settled(one, "written"), Settled(two, "failed", reason="no")]
    retries = [Retry(three, 60, "send", "RecordRetriable", "in use")]
    write = Write(one, batch.id, "marketo", "lead", "1", None, {"a": 1}, {"a": None})
    desk.ledger.batches.settle(
        batch, ends, owner=owner, writes=[write], retries=retries
    )
    assert desk.states() == ["written", "failed", "enriched"]
    assert desk.runs()[2].batch_id is None
    assert desk.again(owner) is None
    assert desk.query("select values from updates")[0].values == {
        "a": {"value": 1, "before": None}
    }
    last = desk.ledger.written.last("marketo", "lead", ["1", "2"])
    assert last["1"]["a"].equals("1")
    assert not last["1"]["a"].equals(2)


def test_what_was_sent_is_known_to_the_next_try_and_forgotten_with_the_outcome(
    desk: Desk,
) -> None:
    desk.enrich(event(1))
    dead, heir = desk.hire(), desk.hire()
    batch = desk.batch(dead)
    assert batch is not None
    sent = {str(batch.runs[0].id): {"a": {"value": 1, "before": None}}}
    assert desk.ledger.batches.note_sent(batch, sent, owner=dead, lease=LEASE)
    desk.bury(dead)
    desk.sweep()
    again = desk.again(heir)
    assert again is not None
    assert again.sent == sent
    desk.settle(heir, again)
    assert desk.query("select sent from batches")[0].sent is None


def test_written_values_are_kept_as_a_hash_and_replaced_by_the_next(desk: Desk) -> None:
    for value in ("Tubes", "Mills"):
        desk.enrich(event(1, value))
        owner = desk.hire()
        batch = desk.batch(owner)
        assert batch is not None
        write = Write(
            batch.runs[0].id, batch.id, "marketo", "lead", "1", None, {"a": value}, {}
        )
        ends = [Settled(batch.runs[0].id, "written")]
        desk.ledger.batches.settle(batch, ends, owner=owner, writes=[write])
    (row,) = desk.query("select * from last_written")
    assert "Mills" not in str(row)
    last = desk.ledger.written.last("marketo", "lead", ["1"])["1"]["a"]
    assert last.equals("Mills")
    assert not last.equals("Tubes")
