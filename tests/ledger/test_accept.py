"""Accepting deliveries: repeats, takeovers, and many of them at the same instant."""

from __future__ import annotations

from app.ledger.runs import Settled
from tests.ledger_parts import LEASE, Desk, at_once, event

THREADS = 12


def test_identical_webhooks_at_the_same_instant_are_one_run(desk: Desk) -> None:
    for lead_id in range(5):
        found = at_once(THREADS, lambda _, lead_id=lead_id: desk.accept(event(lead_id)))
        assert sum(one.accepted for one in found) == 1
        assert sum(one.repeated for one in found) == THREADS - 1
    assert [run.repeats for run in desk.runs()] == [THREADS - 1] * 5
    assert desk.query("select count(*) as n from deliveries")[0].n == 5 * THREADS


def test_different_webhooks_of_one_lead_at_the_same_instant_are_one_waiting_run(
    desk: Desk,
) -> None:
    found = at_once(THREADS, lambda number: desk.accept(event(7, str(number))))
    assert sum(one.accepted for one in found) == THREADS
    (run,) = desk.runs()
    newest = desk.query("select id from deliveries where id = :id", id=run.delivery_id)
    assert len(newest) == 1


def test_the_same_leads_in_other_orders_at_the_same_instant_do_not_block_each_other(
    desk: Desk,
) -> None:
    events = [event(number) for number in range(30)]

    def work(number: int) -> int:
        turned = [*events[number:], *events[:number]]
        return desk.accept(*turned).accepted

    assert sum(at_once(THREADS, work)) == len(events)
    assert len(desk.runs()) == len(events)


def test_a_claimed_run_is_not_taken_over_but_followed(desk: Desk) -> None:
    owner = desk.hire()
    desk.accept(event(1, "a"))
    (claimed,) = desk.ledger.runs.claim_unplanned(
        "default", owner=owner, count=1, lease=LEASE
    )
    assert desk.accept(event(1, "b")).accepted == 1
    first, second = desk.runs()
    assert (first.id, first.lead["inputs"], first.owner) == (claimed.id, "a", owner)
    assert (second.lead["inputs"], second.owner) == ("b", None)


def test_a_takeover_and_a_claim_at_the_same_instant_never_both_have_the_run(
    desk: Desk,
) -> None:
    for lead_id in range(30):
        desk.accept(event(lead_id, "a"))
        owner = desk.hire()

        def work(number: int, lead_id: int = lead_id, owner: int = owner) -> object:
            return desk.accept(event(lead_id, "b")) if number else desk.plan(owner)

        planned, _ = at_once(2, work)
        claimed = {run.id: run.lead["inputs"] for run in planned}
        runs = desk.query("select * from runs where lead_id = :id", id=str(lead_id))
        by_inputs = {run.lead["inputs"]: run for run in runs}
        # Whoever won, the newer inputs wait, and no question of the older ones
        # hangs on a run that has the newer.
        assert by_inputs["b"].state == "ready"
        if len(runs) == 1 and claimed.get(runs[0].id) != "b":
            assert runs[0].lookup_key is None
        for run in runs:
            if run.lookup_key is not None:
                assert run.lookup_key == f"{lead_id} {run.lead['inputs']}"


def test_a_takeover_forgets_what_the_older_inputs_had_brought(desk: Desk) -> None:
    desk.enrich(event(1, "a"))
    assert desk.states() == ["enriched"]
    assert desk.accept(event(1, "b")).accepted == 1
    (run,) = desk.runs()
    assert (run.state, run.asked, run.lookup_key) == ("ready", 0, None)
    assert desk.query("select 1 from run_lookups") == []


def test_a_repeat_of_a_failed_run_starts_it_again_but_one_of_a_written_run_does_not(
    desk: Desk,
) -> None:
    for state, expected in (("written", (0, 1)), ("kept", (0, 1)), ("failed", (1, 0))):
        desk.clear()
        owner = desk.hire()
        desk.accept(event(1))
        runs = desk.ledger.runs.claim_unplanned(
            "default", owner=owner, count=1, lease=LEASE
        )
        desk.ledger.runs.settle([Settled(runs[0].id, state)], owner=owner)
        found = desk.accept(event(1))
        assert (found.accepted, found.repeated) == expected
        assert len(desk.runs()) == 1


def test_a_run_that_is_started_again_has_left_its_old_batch(desk: Desk) -> None:
    desk.enrich(event(1))
    owner = desk.hire()
    batch = desk.batch(owner)
    assert batch is not None
    desk.settle(owner, batch, "failed")
    assert desk.accept(event(1)).accepted == 1
    (run,) = desk.runs()
    assert (run.state, run.batch_id, run.finished_at) == ("ready", None, None)


def test_there_and_back_again_in_the_window_is_three_runs(desk: Desk) -> None:
    for inputs in ("a", "b", "a"):
        assert desk.accept(event(1, inputs)).accepted == 1
        owner = desk.hire()
        runs = desk.ledger.runs.claim_unplanned(
            "default", owner=owner, count=1, lease=LEASE
        )
        desk.ledger.runs.settle([Settled(runs[0].id, "written")], owner=owner)
    assert [run.lead["inputs"] for run in desk.runs()] == ["a", "b", "a"]


def test_sources_and_mappings_do_not_see_each_others_runs(desk: Desk) -> None:
    desk.accept(event(1), event(1, mapping="other"))
    desk.accept(event(1), source="marketo-eu")
    assert len(desk.runs()) == 3
    found = desk.accept(event(1), event(1, mapping="other"))
    assert (found.accepted, found.repeated) == (0, 2)


def test_an_unreadable_body_is_kept_once_however_many_come_at_once(desk: Desk) -> None:
    def work(number: int) -> int:
        return desk.ledger.deliveries.keep_unreadable(
            "marketo",
            headers={},
            body=b"?",
            status=400,
            content_hash="the same",
            error="odd",
        )

    ids = at_once(THREADS, work)
    assert len(set(ids)) == 1
    assert desk.query("select seen from deliveries")[0].seen == THREADS


# Held for a reply with values


def held(lead_id: int, inputs: str = "a", **more: object) -> dict[str, object]:
    return event(lead_id, inputs, hold_s=60, **more)


def test_a_held_run_is_no_pumps_until_its_lease_ends(desk: Desk) -> None:
    accepted = desk.accept(held(1), owner=-7)
    (one,) = accepted.answerable
    (run,) = desk.runs()
    assert (one.run, one.held, run.owner) == (run.id, True, -7)
    owner = desk.hire()
    assert desk.plan(owner) == []
    # Web processes have no heartbeat, and their owners are no dead workers.
    assert desk.sweep() == 0
    desk.query("update runs set lease_until = now() - interval '1 second'")
    assert desk.sweep() == 1
    assert [run.id for run in desk.plan(owner)] == [one.run]


def test_without_an_owner_nothing_is_held(desk: Desk) -> None:
    (one,) = desk.accept(held(1)).answerable
    assert (one.held, desk.runs()[0].owner) == (False, None)


def test_while_an_older_run_is_under_way_the_newer_one_is_not_answered(
    desk: Desk,
) -> None:
    desk.accept(event(1, "a"))
    desk.plan(desk.hire())
    desk.query("update runs set owner = 1")
    (one,) = desk.accept(held(1, "b"), owner=-7).answerable
    assert not one.held
    assert [run.owner for run in desk.runs()] == [1, None]


def test_a_repeat_brings_what_the_first_was_answered(desk: Desk) -> None:
    desk.accept(held(1), owner=-7)
    (run,) = desk.runs()
    ends = Settled(run.id, "replied", result="matched", reply={"score": 7})
    assert desk.ledger.runs.settle([ends], owner=-7) == 1
    (one,) = desk.accept(held(1), owner=-8).answerable
    assert (one.run, one.reply, one.result) == (run.id, {"score": 7}, "matched")


# Loops, and records found by asking


def test_the_eleventh_run_of_a_record_in_a_day_is_one_problem(desk: Desk) -> None:
    owner = desk.hire()
    for number in range(14):
        desk.accept(event(1, f"inputs {number}"))
        runs = desk.query("select id from runs where state = 'ready'")
        desk.query("update runs set owner = :owner where state = 'ready'", owner=owner)
        desk.ledger.runs.settle([Settled(r.id, "kept") for r in runs], owner=owner)
    states = desk.states()
    assert states == ["kept"] * 10 + ["failed"]
    last = desk.runs()[-1]
    assert (last.cause, last.repeats) == ("loop", 3)
    assert "10 runs in a day" in last.reason
    # Another record is not touched by it, and a day later neither is this one.
    assert desk.accept(event(2)).accepted == 1
    desk.query("update runs set received_at = received_at - interval '25 hours'")
    assert desk.accept(event(1, "a day later")).accepted == 1
    assert desk.states()[-1] == "ready"


def test_what_is_found_is_a_run_only_where_none_has_come(desk: Desk) -> None:
    desk.accept(event(1))
    found = desk.accept(event(1, "x"), event(2, "x"), is_found=True)
    assert (found.accepted, found.repeated) == (1, 1)
    assert desk.accept(event(2, "y"), is_found=True).accepted == 0
    outcomes = desk.query("select outcome from deliveries order by id")
    # A search that finds nothing leaves nothing.
    assert [row.outcome for row in outcomes] == ["accepted", "found"]


def test_an_old_run_does_not_stand_for_what_came_since(desk: Desk) -> None:
    desk.enrich(event(1))
    desk.query("update runs set last_event_at = now() - interval '1 hour'")
    assert desk.accept(event(1, "x"), is_found=True).accepted == 1


def test_a_run_is_not_held_while_an_even_older_one_is_being_written(
    desk: Desk,
) -> None:
    desk.enrich(event(1, "a"))
    assert desk.batch(desk.hire()) is not None
    (second,) = desk.accept(held(1, "b"), owner=-7).answerable
    (third,) = desk.accept(held(1, "c"), owner=-8).answerable
    assert (second.held, third.held) == (False, False)
    assert third.run == second.run
    assert desk.states() == ["sending", "ready"]


def test_a_change_just_after_a_found_one_is_found_as_well(desk: Desk) -> None:
    at = "2026-11-23T10:00:{:02}Z"
    desk.accept(event(1, "a", event_at=at.format(0)), is_found=True)
    desk.query("update runs set state = 'written', finished_at = now()")
    again = desk.accept(event(1, "a", event_at=at.format(0)), is_found=True)
    assert (again.accepted, again.repeated) == (0, 1)
    later = desk.accept(event(1, "b", event_at=at.format(30)), is_found=True)
    assert (later.accepted, later.repeated) == (1, 0)


def test_a_loop_that_is_told_keeps_what_came_last(desk: Desk) -> None:
    for number in range(13):
        desk.accept(event(1, f"inputs {number}"))
        desk.query(
            "update runs set state = 'kept', finished_at = now() where state = 'ready'"
        )
    last = desk.runs()[-1]
    assert (last.cause, last.lead["inputs"]) == ("loop", "inputs 12")
