"""The same event again, a newer one, and one event for two mapping files."""

from __future__ import annotations

from tests.stack import Stack, email_of, until

TWO = "/webhooks/marketo-two"


def said(answer: dict[str, int]) -> tuple[int, int]:
    return answer["accepted"], answer["repeated"]


def test_a_repeat_within_the_window_is_counted_and_not_run(box: Stack) -> None:
    (lead_id,) = box.seed(1)
    answers = [box.post_lead(lead_id).json() for _ in range(3)]
    assert [said(one) for one in answers] == [(1, 0), (0, 1), (0, 1)]
    assert box.await_final(1) == {"written": 1}
    assert box.post_lead(lead_id).json()["status"] == "repeated"
    assert box.run_of(lead_id).repeats == 3
    assert box.state()["sixsense"]["calls"] == 1


def test_after_the_window_the_same_event_is_a_run_again(box: Stack) -> None:
    (lead_id,) = box.seed(1)
    box.post_lead(lead_id)
    assert box.await_final(1) == {"written": 1}
    box.query(
        "update runs set last_event_at = last_event_at - interval '11 minutes',"
        " finished_at = finished_at - interval '11 minutes'"
    )
    assert said(box.post_lead(lead_id).json()) == (1, 0)
    assert box.await_final(2) == {"written": 1, "kept": 1}


def test_there_and_back_again_is_three_runs(box: Stack) -> None:
    (lead_id,) = box.seed(1)
    for count, title in enumerate(("Buyer", "Chief Buyer", "Buyer"), start=1):
        assert said(box.post_lead(lead_id, title=title).json()) == (1, 0)
        box.await_final(count)
    assert box.query("select sum(repeats) as n from runs")[0].n == 0


def test_a_newer_event_takes_over_the_run_that_waits(box: Stack) -> None:
    (lead_id,) = box.seed(1)
    box.pause("source", "marketo")
    box.post_lead(lead_id, title="Buyer")
    until(lambda: box.counts() == {"enriched": 1}, "the run to wait for the source")
    first = box.run_of(lead_id)
    assert said(box.post_lead(lead_id, title="Chief Buyer").json()) == (1, 0)
    box.let_waits_end()
    assert box.await_final(1) == {"written": 1}
    run = box.run_of(lead_id)
    assert (run.id, run.lead["title"]) == (first.id, "Chief Buyer")
    asked = box.query("select asked from run_lookups where run_id = :id", id=run.id)
    assert [row.asked["title"] for row in asked] == ["Chief Buyer"]


def test_a_newer_event_of_a_run_under_way_comes_after_it(box: Stack) -> None:
    (lead_id,) = box.seed(1)
    lead = {"id": lead_id, "email": email_of(lead_id)}
    path = f"{TWO}/two-scores"
    # The older run is asked under another address, and hangs at 6sense.
    box.faults(
        {"system": "sixsense", "kind": "hold", "match": {"email": "o@o.example"}}
    )
    box.post({**lead, "email": "o@o.example", "title": "old"}, path=path)
    box.await_held()
    assert said(box.post({**lead, "title": "new"}, path=path).json()) == (1, 0)
    until(
        lambda: box.run_of(lead_id).state != "ready",
        "the newer run to have its answer",
    )
    box.sandbox("faults/release", {})
    assert box.await_final(2) == {"written": 2}
    assert box.leads([lead_id])[lead_id]["sixsenseProfileFit"] == "new"


def test_a_repeat_of_a_failed_run_starts_it_again(box: Stack) -> None:
    (lead_id,) = box.seed(1)
    box.faults({"system": "sixsense", "kind": "status", "status": 422})
    box.post_lead(lead_id)
    assert box.await_final(1) == {"failed": 1}
    failed = box.run_of(lead_id)
    assert box.leads([lead_id])[lead_id]["sixsenseResult"] == "failed"
    assert said(box.post_lead(lead_id).json()) == (1, 0)
    until(lambda: box.counts() == {"written": 1}, "the failed run to be run again")
    run = box.run_of(lead_id)
    assert (run.id, run.verdict, run.reason, run.cause) == (failed.id, None, None, None)
    assert box.leads([lead_id])[lead_id]["sixsenseResult"] == "matched"


def test_one_event_is_a_run_in_each_mapping_file_and_one_question(box: Stack) -> None:
    (lead_id,) = box.seed(1)
    box.sandbox("config", {"marketo": {"company_fields": "accept"}})
    lead = {"id": lead_id, "email": email_of(lead_id), "title": "Buyer"}
    assert said(box.post(lead, path=TWO).json()) == (2, 0)
    assert box.await_final(2) == {"written": 2}
    assert said(box.post(lead, path=TWO).json()) == (0, 2)
    assert box.state()["sixsense"]["calls"] == 1
    found = box.leads([lead_id])[lead_id]
    assert {
        "sixsenseIntent",
        "sixsenseProfileFit",
        "industry",
        "sixsenseRegion",
    } <= set(found)
