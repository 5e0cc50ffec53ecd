"""Webhooks answered with values: the reply, what it costs, and every way back."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
import requests

from tests.stack import Stack, email_of, until, values_of

PATH = "/webhooks/marketo-three"


def ask(box: Stack, lead_id: int, **more: Any) -> requests.Response:
    """The webhook of a lead, with the current value that a rule compares with."""
    lead = {"id": lead_id, "email": email_of(lead_id), "sixsenseEmployees": ""}
    return box.post({**lead, **more}, path=PATH)


def test_the_answer_carries_the_values_and_nothing_is_written_by_rest(
    box: Stack,
) -> None:
    (lead_id,) = box.seed(1)
    expected = values_of(email_of(lead_id))
    answer = ask(box, lead_id)
    said = answer.json()
    assert (answer.status_code, answer.reason) == (200, "Matched")
    assert said.pop("sixsenseCheckedAt")
    assert said == {
        "status": "matched",
        "sixsenseResult": "matched",
        "sixsenseIntent": expected["sixsenseIntent"],
        "sixsenseEmployees": expected["sixsenseEmployees"],
    }
    run = box.run_of(lead_id)
    assert (run.state, run.result, run.owner) == ("replied", "matched", None)
    assert box.query("select credits from run_lookups")[0].credits == 1
    assert box.state()["marketo"]["calls"] == 0


def test_a_repeat_gets_the_values_of_the_first_answer(box: Stack) -> None:
    (lead_id,) = box.seed(1)
    first, second = ask(box, lead_id).json(), ask(box, lead_id).json()
    assert first == second
    assert box.state()["sixsense"]["calls"] == 1
    assert box.run_of(lead_id).repeats == 1


def test_the_values_are_ours_only_after_a_read_has_confirmed_them(box: Stack) -> None:
    (lead_id,) = box.seed(1)
    said = ask(box, lead_id).json()
    assert box.query("select * from last_written") == []
    # The next event brings what the record has now: one value was taken in.
    now = {"sixsenseEmployees": str(said["sixsenseEmployees"]), "sixsenseIntent": "1"}
    box.query("update runs set last_event_at = 'epoch', finished_at = 'epoch'")
    answer = ask(box, lead_id, **now)
    assert answer.reason == "Matched"
    ours = box.query("select field from last_written")
    assert [row.field for row in ours] == ["sixsenseEmployees"]
    kept = {one["field"]: one["reason"] for one in box.run_of(lead_id).decisions}
    assert kept == {"sixsenseIntent": None, "sixsenseEmployees": "unchanged"}


def test_what_a_person_typed_is_not_in_the_answer(box: Stack) -> None:
    (lead_id,) = box.seed(1)
    said = ask(box, lead_id, sixsenseEmployees="40").json()
    assert "sixsenseEmployees" not in said
    kept = {one["field"]: one["reason"] for one in box.run_of(lead_id).decisions}
    assert kept["sixsenseEmployees"] == "edited-by-someone"


@pytest.mark.parametrize(
    ("more", "reason", "state"),
    [
        ({"email": "a@nomatch.example"}, "No match", "kept"),
        ({"email": "a@skip.example"}, "Skipped", "skipped"),
    ],
)
def test_the_reason_phrase_tells_how_it_went(
    box: Stack, more: dict[str, str], reason: str, state: str
) -> None:
    (lead_id,) = box.seed(1)
    answer = ask(box, lead_id, **more)
    assert answer.reason == reason
    assert answer.json()["status"] == reason.replace(" ", "-").lower()
    assert box.run_of(lead_id).state == state


@pytest.mark.parametrize(
    "fault",
    [
        {"kind": "status", "status": 500},
        {"kind": "status", "status": 429, "retry_after": 0},
        {"kind": "hold"},
        {"kind": "broken_json"},
    ],
    ids=lambda fault: str(fault.get("status", fault["kind"])),
)
def test_without_an_answer_in_time_the_lead_is_written_by_rest(
    box: Stack, fault: dict[str, Any]
) -> None:
    (lead_id,) = box.seed(1)
    box.faults({"system": "sixsense", **fault})
    answer = ask(box, lead_id)
    assert (answer.reason, answer.json()["status"]) == ("Accepted", "accepted")
    box.end_faults()
    box.let_waits_end()
    assert box.await_final(1) == {"written": 1}
    expected = values_of(email_of(lead_id))
    lead = box.leads([lead_id])[lead_id]
    assert lead["sixsenseIntent"] == expected["sixsenseIntent"]
    assert lead["sixsenseResult"] == "matched"


def test_without_the_current_value_the_record_is_read_and_written_by_rest(
    box: Stack,
) -> None:
    (lead_id,) = box.seed(1)
    box.type_in(lead_id, sixsenseEmployees=40)
    answer = box.post({"id": lead_id, "email": email_of(lead_id)}, path=PATH)
    assert answer.reason == "Accepted"
    assert box.await_final(1) == {"written": 1}
    assert box.leads([lead_id])[lead_id]["sixsenseEmployees"] == 40


def test_a_confirmed_reply_is_kept_fresh_by_rest(box: Stack) -> None:
    (lead_id,) = box.seed(1)
    said = ask(box, lead_id).json()
    # Marketo applied the response mapping, and 6sense learns more since.
    box.type_in(lead_id, sixsenseEmployees=said["sixsenseEmployees"])
    box.post({"id": lead_id, "email": "jo@tubes.example"}, path=PATH)
    assert box.await_final(2) == {"replied": 1, "written": 1}
    expected = values_of("jo@tubes.example")["sixsenseEmployees"]
    assert expected != said["sixsenseEmployees"]
    assert box.leads([lead_id])[lead_id]["sixsenseEmployees"] == expected


def test_held_answers_leave_threads_for_health_and_for_other_webhooks(
    box: Stack,
) -> None:
    ids = box.seed(21)
    box.faults({"system": "sixsense", "kind": "hold", "times": "forever"})
    with ThreadPoolExecutor(20) as pool:
        calls = [pool.submit(ask, box, lead_id) for lead_id in ids[:20]]
        # Each of the two processes has seats for half of its 16 threads.
        held = "select count(*) as n from runs where owner < 0"
        until(
            lambda: sum(one.done() for one in calls) + box.query(held)[0].n >= 20,
            "each to be held, or answered without values",
        )
        assert 0 < box.query(held)[0].n <= 16
        assert box.status("/healthz") == 200
        assert box.post_lead(ids[20]).json()["status"] == "accepted"
        box.end_faults()
        answers = [one.result() for one in calls]
    assert {one.status_code for one in answers} == {200}
    reasons = [one.reason for one in answers]
    assert set(reasons) <= {"Accepted", "Matched"}
    assert reasons.count("Accepted") >= 4
    box.let_waits_end()
    counts = box.await_final(21)
    assert set(counts) <= {"replied", "written"}


def test_two_people_in_one_body_are_not_answered_with_each_others_values(
    box: Stack,
) -> None:
    ids = box.seed(2)
    for lead_id in ids:
        assert ask(box, lead_id).reason == "Matched"
    both = [{"id": n, "email": email_of(n), "sixsenseEmployees": ""} for n in ids]
    answer = box.post(both, path=PATH)
    assert (answer.reason, set(answer.json())) == (
        "Repeated",
        {"status", "accepted", "repeated", "unwanted"},
    )


def test_a_read_of_other_fields_confirms_nothing(box: Stack) -> None:
    (lead_id,) = box.seed(1)
    said = ask(box, lead_id).json()
    box.query("update runs set finished_at = 'epoch', last_event_at = 'epoch'")
    box.type_in(lead_id, sixsenseEmployees=said["sixsenseEmployees"])
    # Another mapping of the source reads and writes other fields.
    event = {"id": lead_id, "email": email_of(lead_id), "event": "updated"}
    box.post(event, path="/webhooks/marketo-three/three-follow")
    box.await_final(2)
    fields = box.query("select field from last_written order by field")
    assert "sixsenseEmployees" not in {row.field for row in fields}
    replied = box.query("select reply_confirmed_at from runs where reply is not null")
    assert [row.reply_confirmed_at for row in replied] == [None]
    # Its own next read has it.
    box.post({**event, "event": "created", "email": "jo@tubes.example"}, path=PATH)
    box.await_final(3)
    fields = box.query("select field from last_written")
    assert "sixsenseEmployees" in {row.field for row in fields}
