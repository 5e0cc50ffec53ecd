"""After a write: the campaign that goes on, and word of a long wait."""

from __future__ import annotations

from typing import Any

from app.ledger import wakeups
from app.ledger.wakeups import Wake
from tests.stack import Stack, email_of, until

PATH = "/webhooks/marketo-three/three-follow"


def update(box: Stack, lead_id: int, **more: Any) -> None:
    lead = {"id": lead_id, "email": email_of(lead_id), "event": "updated", **more}
    assert box.post(lead, path=PATH).json()["status"] == "accepted"


def requested(box: Stack) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = box.state()["marketo"]["campaign_requests"]
    return found


def open_follow_ups(box: Stack) -> int:
    rows = box.query("select count(*) as n from follow_ups where ended_at is null")
    return int(rows[0].n)


def await_followed(box: Stack, count: int) -> None:
    rows = "select count(*) as n from follow_ups"
    until(
        lambda: box.query(rows)[0].n == count and not open_follow_ups(box),
        f"{count} follow-ups to end",
    )


def test_the_campaign_is_requested_after_the_write_and_in_batches(box: Stack) -> None:
    ids = box.seed(130)
    box.pause("source", "marketo-three")
    for lead_id in ids:
        update(box, lead_id)
    until(lambda: box.counts() == {"enriched": 130}, "all to wait for the source")
    box.let_waits_end()
    box.await_final(130)
    await_followed(box, 130)
    calls = requested(box)
    assert [len(one["leads"]) for one in calls] in ([100, 30], [30, 100])
    assert {one["campaign"] for one in calls} == {"1234"}
    assert sorted(n for one in calls for n in one["leads"]) == ids


def test_it_goes_on_whatever_came_of_the_lead(box: Stack) -> None:
    one, two, three = box.seed(3)
    update(box, one, email="a@skip.example")
    update(box, two, email="a@nomatch.example")
    box.faults(
        {
            "system": "sixsense",
            "kind": "status",
            "status": 422,
            "match": {"email": email_of(three)},
        }
    )
    update(box, three)
    box.await_final(3)
    await_followed(box, 3)
    leads = box.leads([one, two, three])
    results = [leads[n]["sixsenseResult"] for n in (one, two, three)]
    assert results == ["skipped", "no-match", "failed"]
    assert sorted(n for call in requested(box) for n in call["leads"]) == [
        one,
        two,
        three,
    ]


def test_a_record_that_is_gone_does_not_keep_its_neighbours_from_it(box: Stack) -> None:
    ids = box.seed(5)
    box.pause("source", "marketo-three")
    for lead_id in ids:
        update(box, lead_id)
    until(lambda: box.counts() == {"enriched": 5}, "all to wait for the source")
    # Deleted between the write and the request.
    box.faults(
        {
            "system": "marketo",
            "operation": "request_campaign",
            "kind": "code",
            "code": "1004",
            "match": {"id": ids[2]},
            "times": "forever",
        }
    )
    box.let_waits_end()
    box.await_final(5)
    await_followed(box, 5)
    errors = box.query("select record_id, error from follow_ups order by record_id")
    assert [row.error is None for row in errors] == [True, True, False, True, True]
    done = {n for call in requested(box) for n in call["leads"]}
    assert done == set(ids) - {ids[2]}


def test_a_passing_trouble_is_waited_for(box: Stack) -> None:
    (lead_id,) = box.seed(1)
    box.faults(
        {
            "system": "marketo",
            "operation": "request_campaign",
            "kind": "code",
            "code": "611",
            "times": 2,
        }
    )
    update(box, lead_id)
    box.await_final(1)
    await_followed(box, 1)
    assert [one["leads"] for one in requested(box)] == [[lead_id]]


def test_a_campaign_that_cannot_be_requested_is_told_and_given_up(box: Stack) -> None:
    (lead_id,) = box.seed(1)
    box.sandbox("config", {"marketo": {"batch_campaigns": ["1234"]}})
    update(box, lead_id)
    assert box.await_final(1) == {"written": 1}
    await_followed(box, 1)
    assert "1003" in box.query("select error from follow_ups")[0].error


def test_a_run_that_waits_for_long_has_a_word_in_its_outcome_field(box: Stack) -> None:
    (lead_id,) = box.seed(1)
    box.pause("pool", "enrichment")
    box.post_lead(lead_id)
    box.query("update runs set last_event_at = now() - interval '2 hours'")
    box.query("delete from installation where name like 'turn:waiting%'")
    wakeups.wake(box.database, [Wake("send", "marketo")])

    def word() -> Any:
        return box.leads([lead_id])[lead_id].get("sixsenseResult")

    until(lambda: word() == "waiting", "the word")
    assert box.counts() == {"ready": 1}
    box.let_waits_end()
    assert box.await_final(1) == {"written": 1}
    assert word() == "matched"
