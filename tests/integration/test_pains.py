"""What breaks when Marketo calls 6sense itself, each shown solved.

The numbers are those of the table in docs/migration.md.
"""

from __future__ import annotations

from typing import Any

from tests.stack import Stack, email_of, until, values_of


def lead(box: Stack, lead_id: int) -> dict[str, Any]:
    found: dict[str, Any] = box.leads([lead_id])[lead_id]
    return found


def test_pain_1_scores_are_picked_by_product_whatever_their_order(box: Stack) -> None:
    box.sandbox("config", {"sixsense": {"shuffle_scores": True}})
    ids = box.seed(8)
    box.post_leads(ids)
    assert box.await_final(8) == {"written": 8}
    box.assert_right(ids)


def test_pain_2_all_segments_are_there_as_one_text(box: Stack) -> None:
    (lead_id,) = box.seed(1, email="jo@acme.example")
    box.post({"id": lead_id, "email": "jo@acme.example"})
    box.await_final(1)
    segments = lead(box, lead_id)["sixsenseSegments"]
    assert segments == values_of("jo@acme.example")["sixsenseSegments"]
    assert segments.count("; ") >= 1


def test_pain_3_texts_become_the_numbers_and_words_that_fields_take(box: Stack) -> None:
    (lead_id,) = box.seed(1)
    box.post_lead(lead_id)
    box.await_final(1)
    assert isinstance(lead(box, lead_id)["sixsenseEmployees"], int)
    assert lead(box, lead_id)["sixsenseStage"][:4] in (
        "1 - ",
        "2 - ",
        "3 - ",
        "4 - ",
        "5 - ",
    )


def test_pain_4_a_lead_whose_call_failed_is_asked_about_again(box: Stack) -> None:
    (lead_id,) = box.seed(1)
    box.faults(
        {"system": "sixsense", "kind": "drop_connection"},
        {"system": "sixsense", "kind": "status", "status": 503},
        {"system": "sixsense", "kind": "status", "status": 429, "retry_after": 0},
    )
    box.post_lead(lead_id)
    until(lambda: box.counts() != {"ready": 1} or _waits(box), "a failure or an end")
    for _ in range(5):
        box.let_waits_end()
        if box.counts() == {"written": 1}:
            break
        until(lambda: box.counts() != {"ready": 1} or _waits(box), "the next try")
    assert box.await_final(1) == {"written": 1}
    box.assert_right([lead_id])


def _waits(box: Stack) -> bool:
    rows = box.query("select 1 from runs where due_at > now() and owner is null")
    return bool(rows) or bool(box.pauses())


def test_pain_5_each_way_to_end_has_its_own_word_in_the_record(box: Stack) -> None:
    match, no_match, refused = box.seed(3)
    box.faults(
        {"system": "sixsense", "kind": "status", "status": 422, "times": "forever",
         "match": {"email": email_of(refused)}}
    )  # fmt: skip
    box.post_lead(match)
    box.post({"id": no_match, "email": "a@nomatch.example"})
    box.post_lead(refused)
    box.await_final(3)
    words = [lead(box, n)["sixsenseResult"] for n in (match, no_match, refused)]
    assert words == ["matched", "no-match", "failed"]


def test_pain_7_a_flow_waits_for_nothing_and_people_share_calls(box: Stack) -> None:
    ids = box.seed(60)
    box.faults({"system": "sixsense", "kind": "hold", "times": "forever"})
    # 6sense answers nobody, and every webhook is taken all the same.
    assert box.post_leads(ids) == set(ids)
    box.pause("source", "marketo")
    box.end_faults()
    until(lambda: box.counts() == {"enriched": 60}, "all to wait for the source")
    box.let_waits_end()
    assert box.await_final(60) == {"written": 60}
    assert box.state()["marketo"]["operations"]["sync_leads"] == 1


def test_pain_8_people_from_before_are_caught_up_with_by_their_ids(box: Stack) -> None:
    ids = box.seed(40)
    box.pause("source", "marketo")
    for lead_id in ids:
        box.post({"id": lead_id})
    box.let_waits_end()
    assert box.await_final(40) == {"written": 40}
    box.assert_right(ids)
    # Their fields were fetched together.
    assert box.state()["marketo"]["operations"]["get_leads"] <= 4


def test_pain_9_good_data_is_not_overwritten_nor_blanked(box: Stack) -> None:
    typed, blank = box.seed(2)
    box.type_in(typed, sixsenseEmployees=40)
    box.type_in(blank, sixsenseIndustry="Retail")
    box.post_lead(typed)
    box.post({"id": blank, "email": "a@nomatch.example"})
    box.await_final(2)
    assert lead(box, typed)["sixsenseEmployees"] == 40
    assert lead(box, blank)["sixsenseIndustry"] == "Retail"


def test_pain_10_untidy_input_is_read_and_nothing_is_invented(box: Stack) -> None:
    (lead_id,) = box.seed(1)
    email = email_of(lead_id)
    body = (
        f'{{"id": {lead_id}, "email": ""{email}"",\n'
        '"company": "Jack & "JJ" Sons", "country": }'
    )
    assert box.post(body).json()["status"] == "accepted"
    assert box.await_final(1) == {"written": 1}
    (asked,) = box.query("select asked from run_lookups")
    assert asked.asked == {"email": email, "company": 'Jack & "JJ" Sons'}


def test_pain_11_the_next_step_begins_when_the_values_are_there(box: Stack) -> None:
    (lead_id,) = box.seed(1)
    box.faults({"system": "marketo", "operation": "request_campaign", "kind": "hold"})
    box.post(
        {"id": lead_id, "email": email_of(lead_id), "event": "updated"},
        path="/webhooks/marketo-three/three-follow",
    )
    box.await_held()
    expected = values_of(email_of(lead_id))["sixsenseIntent"]
    assert lead(box, lead_id)["sixsenseIntent"] == expected
    box.sandbox("faults/release", {})
    until(lambda: box.state()["marketo"]["campaign_requests"] != [], "the campaign")


def test_pain_12_each_field_has_a_reason_and_a_question_costs_once(box: Stack) -> None:
    (lead_id,) = box.seed(1)
    for title in ("Buyer", "Chief Buyer"):
        box.post_lead(lead_id, title=title)
    box.await_final(1)
    run = box.run_of(lead_id)
    shown = box.command("runs", "show", str(run.id))
    for name in (
        "sixsenseEmployees",
        "sixsenseIntent",
        "lead-scoring-and-firmographics",
    ):
        assert name in shown
    charged = sum(
        one["credits_used"] for one in box.state()["sixsense"]["tokens"].values()
    )
    assert charged == 1
