"""Webhooks over HTTP: what is taken, what is refused, and what the sender is told."""

from __future__ import annotations

import socket
from urllib.parse import urlsplit

import pytest
import requests

from sandbox import people
from tests.integration.conftest import NEXT_SECRET, sender
from tests.stack import HEADERS, SECRET, Stack, email_of

COMPANY = 'Jack & "JJ" Sons'
TEMPLATES = {
    "JSON": '{"id": {{lead.Id}}, "email": {{lead.Email Address}},'
    ' "company": {{company.Company Name}}, "title": {{lead.Job Title}}}',
    "Form": "id={{lead.Id}}&\nemail={{lead.Email Address}}&\n"
    "company={{company.Company Name}}&\ntitle={{lead.Job Title}}",
    "None": '{"id": {{lead.Id}}, "email": "{{lead.Email Address}}",'
    ' "company": "{{company.Company Name}}", "title": "{{lead.Job Title}}"}',
}


def asked(box: Stack) -> list[dict[str, str]]:
    """What 6sense was asked, in order."""
    rows = box.query("select asked from run_lookups order by run_id, position")
    return [row.asked for row in rows]


# What is taken


@pytest.mark.parametrize("encoding", TEMPLATES)
def test_marketos_own_sender_is_understood_in_every_encoding(
    box: Stack, encoding: str
) -> None:
    (lead_id,) = box.seed(1, company=COMPANY)
    webhook = sender(box, TEMPLATES[encoding], encoding)
    sent = box.sandbox("marketo/call-webhook", {"webhook": webhook, "ids": [lead_id]})
    assert [one["status"] for one in sent["sent"]] == [200], sent
    assert box.await_final(1) == {"written": 1}
    assert asked(box) == [{"email": email_of(lead_id), "company": COMPANY}]
    scores = people.scores_for(email_of(lead_id))[0]
    lead = box.leads([lead_id])[lead_id]
    assert lead["sixsenseIntent"] == scores["company_intent_score"]
    assert lead["sixsenseGrade"] == scores["contact_grade"]


def test_a_template_with_the_id_alone_is_completed_in_one_call(box: Stack) -> None:
    ids = box.seed(3, company=COMPANY)
    webhook = sender(box, '{"id": {{lead.Id}}}')
    box.pause("source", "marketo")
    box.sandbox("marketo/call-webhook", {"webhook": webhook, "ids": ids})
    assert box.counts() == {"received": 3}
    box.let_waits_end()
    assert box.await_final(3) == {"written": 3}
    assert box.logged("records fetched")[-1]["records"] == 3
    assert {"email": email_of(ids[0]), "company": COMPANY} in asked(box)


def test_an_event_that_no_mapping_wants_is_answered_and_counted(box: Stack) -> None:
    (lead_id,) = box.seed(1)
    lead = {"id": lead_id, "event": "updated"}
    answer = box.post(lead, path="/webhooks/marketo-two")
    assert answer.status_code == 200
    assert answer.json()["status"] == "unwanted"
    (delivery,) = box.query("select * from deliveries")
    assert (delivery.outcome, delivery.unwanted) == ("unwanted", 1)
    assert box.counts() == {}


def test_a_list_of_leads_is_a_run_each_and_the_last_of_one_lead_counts(
    box: Stack,
) -> None:
    first, second = box.seed(2)
    rows = [
        {"id": first, "email": "old@c.example"},
        {"id": second, "email": email_of(second)},
        {"id": first, "email": email_of(first)},
    ]
    answer = box.post(rows).json()
    assert (answer["accepted"], answer["repeated"]) == (2, 1)
    assert box.await_final(2) == {"written": 2}
    assert [one["email"] for one in asked(box)] == [email_of(first), email_of(second)]


def test_characters_that_postgresql_cannot_hold_are_left_out(box: Stack) -> None:
    first, second = box.seed(2)
    odd = "T\\u0000ubes \\ud800& Z\\u00f6e \\ud83d\\ude00"
    lead = f'"id": {first}, "email": "{email_of(first)}", "company": "{odd}"'
    body = f'{{{lead}, "\\u0000\\udc00": 1}}'
    assert box.post(body).status_code == 200
    email = email_of(second).replace("@", "%40")
    assert box.post(f"id={second}&email={email}&company=A%00B").status_code == 200
    assert box.await_final(2) == {"written": 2}
    assert [one["company"] for one in asked(box)] == ["Tubes ?& Zöe 😀", "AB"]
    (delivery,) = box.query(
        "select body from deliveries where id = :id", id=box.run_of(first).delivery_id
    )
    assert bytes(delivery.body) == body.encode()


def test_deep_json_is_run_or_refused_but_never_breaks(box: Stack) -> None:
    statuses = {}
    for depth in (10, 100, 200, 300, 350, 400, 450, 480, 500, 1_000, 20_000):
        deep = "[" * depth + '"é"' + "]" * depth
        body = f'{{"id": 1001, "email": "p{depth}@c.example", "deep": {deep}}}'
        statuses[depth] = box.post(body.encode()).status_code
    assert set(statuses.values()) == {200, 400}, statuses
    assert (statuses[100], statuses[20_000]) == (200, 400)


def test_the_largest_id_is_an_id_and_the_next_one_is_none(box: Stack) -> None:
    assert box.post({"id": 2**63 - 1, "email": email_of(1)}).status_code == 200
    refused = [2**63, 10**400, -1, 0, 1.5, True, [7], {"id": 7}, "7; drop", "\u0667"]
    for wrong in refused:
        answer = box.post({"id": wrong, "email": email_of(1)})
        assert answer.status_code == 400, wrong
        assert answer.json()["status"] == "refused"
    assert [row.lead_id for row in box.query("select lead_id from runs")] == [
        str(2**63 - 1)
    ]


# What is refused


def test_without_the_secret_every_address_gives_the_same_answer(box: Stack) -> None:
    lead = {"id": 1, "email": email_of(1)}
    seen = set()
    for path in ("marketo", "marketo/marketo", "marketo/nope", "nope", "hubspot/x"):
        for secret in ("", "wrong", SECRET[:-1], f"{SECRET},{NEXT_SECRET}", "ä"):
            headers = {"X-Leadbridge-Secret": secret.encode()}
            answer = requests.post(
                f"{box.web_url}/webhooks/{path}", json=lead, headers=headers, timeout=10
            )
            seen.add((answer.status_code, answer.text, answer.headers["Content-Type"]))
        bare = requests.post(f"{box.web_url}/webhooks/{path}", json=lead, timeout=10)
        seen.add((bare.status_code, bare.text, bare.headers["Content-Type"]))
    assert len(seen) == 1, seen
    assert {status for status, _, _ in seen} == {401}
    assert box.query("select 1 from deliveries") == []


def test_both_secrets_are_taken_during_a_change(box: Stack) -> None:
    lead = {"id": 1, "email": email_of(1)}
    for secret in (SECRET, NEXT_SECRET):
        answer = box.post(lead, **{"X-Leadbridge-Secret": secret})
        assert answer.status_code == 200


def test_names_of_mappings_are_told_only_to_who_knows_the_secret(box: Stack) -> None:
    lead = {"id": 1, "email": email_of(1)}
    answer = box.post(lead, path="/webhooks/marketo-two/nope")
    assert answer.status_code == 404
    assert "two-company, two-scores" in answer.text
    stranger = requests.post(
        f"{box.web_url}/webhooks/marketo-two/nope", json=lead, timeout=10
    )
    assert stranger.status_code == 401
    assert "two-" not in stranger.text


def test_an_address_with_a_mapping_serves_that_one_alone(box: Stack) -> None:
    (lead_id,) = box.seed(1)
    lead = {"id": lead_id, "email": email_of(lead_id)}
    assert (
        box.post(lead, path="/webhooks/marketo-two/two-scores").json()["accepted"] == 1
    )
    assert box.await_final(1) == {"written": 1}
    assert box.run_of(lead_id).mapping == "two-scores"


def test_other_methods_and_addresses_are_told_what_to_do(box: Stack) -> None:
    answer = requests.get(f"{box.web_url}/webhooks/marketo", timeout=10)
    assert answer.status_code == 405
    assert "POST" in answer.headers["Allow"]
    assert "POST" in answer.json()["message"]
    answer = requests.get(f"{box.web_url}/", timeout=10)
    assert answer.status_code == 404
    assert "/webhooks/<source>" in answer.json()["message"]


def test_a_body_that_is_too_large_is_413_with_and_without_its_length(
    box: Stack,
) -> None:
    large = b'{"id": 1, "x": "' + b"x" * 100_000 + b'"}'
    answer = box.post(large)
    assert answer.status_code == 413
    assert "MAX_BODY_BYTES" in answer.json()["message"]
    chunked = requests.post(
        f"{box.web_url}/webhooks/marketo",
        data=iter([large[:50_000], large[50_000:]]),
        headers=HEADERS,
        timeout=10,
    )
    assert chunked.status_code == 413
    assert box.query("select 1 from deliveries") == []


UNREADABLE = {
    "empty": b"",
    "blank": b" \r\n",
    "not UTF-8": b'{"id": 1, "email": "\xff\xfe"}',
    "half": b'{"id": 1, "email": "p1@c1.exa',
    "no id": b'{"id": "", "email": ""}',
    "XML": b"<lead><id>1</id></lead>",
    "a number": b"17",
    "empty list": b"[]",
    "list of numbers": b"[1, 2]",
    "two ids": b'{"id": 1, "leadId": 2}',
    "infinite": b'{"id": 1, "email": "p1@c1.example", "n": 1e999}',
    "odd event": b'{"id": 1, "event": "deleted"}',
    "raw form": b"id=1&company=A & B&email=p1@c1.example",
}


def test_what_cannot_be_read_is_kept_once_per_content_and_listed(box: Stack) -> None:
    for name, body in UNREADABLE.items():
        for _ in range(2):
            answer = box.post(body)
            assert answer.status_code == 400, name
            assert answer.json()["status"] == "refused", name
            assert answer.json()["message"], name
    rows = box.query("select * from deliveries order by id")
    assert [bytes(row.body) for row in rows] == list(UNREADABLE.values())
    assert {(row.outcome, row.status, row.seen) for row in rows} == {
        ("unreadable", 400, 2)
    }
    assert box.counts() == {}
    listed = box.command("runs")
    assert f"{len(rows)} webhook bodies could not be read" in listed
    assert listed.count("2 times") == len(rows)
    assert "The body is not UTF-8." in listed


def test_a_sender_that_hangs_up_half_way_leaves_nothing_behind(box: Stack) -> None:
    place = urlsplit(box.web_url)
    head = (
        f"POST /webhooks/marketo HTTP/1.1\r\nHost: x.example\r\nContent-Length: 500\r\n"
        f"X-Leadbridge-Secret: {SECRET}\r\n\r\n"
    )
    with socket.create_connection((place.hostname, place.port), timeout=10) as wire:
        wire.sendall(head.encode() + b'{"id": 1, "email": "p1@c1.example"}')
        wire.shutdown(socket.SHUT_WR)
        status = wire.makefile("rb").readline()
    assert b" 400 " in status
    assert box.post_lead(2).status_code == 200
    assert [row.lead_id for row in box.query("select lead_id from runs")] == ["2"]


def test_an_event_that_names_no_record_is_kept_as_well(box: Stack) -> None:
    answer = box.post({"email": "jo@acme.example", "company": "Acme"})
    assert answer.status_code == 400
    assert "no id of a record" in answer.json()["message"]
    (row,) = box.query("select outcome, error from deliveries")
    assert row.outcome == "unreadable"
    assert "no id of a record" in row.error


def test_a_body_of_very_many_events_is_refused_before_it_locks_anything(
    box: Stack,
) -> None:
    answer = box.post([{"id": n, "email": "jo@acme.example"} for n in range(1, 1002)])
    assert answer.status_code == 400
    assert "1001 events in one body" in answer.json()["message"]
    assert box.counts() == {}
