"""Webhooks as Marketo sends them: what is on the wire, what comes of answers."""

from __future__ import annotations

import json
import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from typing import Any

import pytest

from sandbox import senders
from sandbox.senders import MarketoWebhook, Scope, TemplateInvalid, render
from tests.sandbox.receiver import Receiver

#: The person of the contract's table of encodings.
ZOE = {
    "id": 318581, "firstName": "Zoë", "company": 'Jack & "JJ" Sons',
    "comments": "line 1\nline 2", "leadScore": 42, "unsubscribed": False,
    "email": "zoe@ex.example", "createdAt": "2026-03-01T14:28:16Z",
    "sixsenseRevenue": 12.5, "sixsenseHot": True,
}  # fmt: skip


@pytest.mark.parametrize(
    ("encoding", "template", "wire"),
    [
        ("JSON", '{"company": {{company.Company Name}}}',
         r'{"company": "Jack & \"JJ\" Sons"}'),
        ("JSON", '{"company": "{{company.Company Name}}"}',
         r'{"company": ""Jack & \"JJ\" Sons""}'),
        ("JSON", '{"c": {{lead.Comments}}}', r'{"c": "line 1\nline 2"}'),
        ("JSON", '{"score": {{lead.Lead Score}}, "unsub": {{lead.Unsubscribed}}}',
         '{"score": 42, "unsub": false}'),
        ("JSON", '{"c": {{lead.Created At}}}', '{"c": "2026-03-01 14:28:16"}'),
        ("JSON", '{"title": {{lead.Job Title}}}', '{"title": ""}'),
        ("JSON", '{"r": {{lead.6sense Intent}}}', '{"r": ""}'),
        ("JSON", '{"r": {{lead.6sense Revenue}}}', '{"r": 12.5}'),
        ("JSON", '{"n": {{lead.First Name}}}', r'{"n": "Zo\u00eb"}'),
        ("Form", "company={{company.Company Name}}&email={{lead.Email Address}}",
         "company=Jack+%26+%22JJ%22+Sons&email=zoe%40ex.example"),
        ("Form", "n={{lead.First Name}}&t={{lead.Job Title}}&s={{lead.Lead Score}}",
         "n=Zo%C3%AB&t=&s=42"),
        ("Form", "c={{lead.Comments}}&h={{lead.6sense Hot}}",
         "c=line+1%0Aline+2&h=true"),
        ("None", '{"company": "{{company.Company Name}}"}',
         '{"company": "Jack & "JJ" Sons"}'),
        ("None", '{"c": "{{lead.Comments}}"}', '{"c": "line 1\nline 2"}'),
        ("None", "company={{company.Company Name}}&email={{lead.Email Address}}",
         'company=Jack & "JJ" Sons&email=zoe@ex.example'),
    ],
)  # fmt: skip
def test_what_arrives_on_the_wire(encoding: Any, template: str, wire: str) -> None:
    assert render(template, ZOE, encoding) == wire


def test_a_correct_template_is_json_again() -> None:
    template = """{"id": {{lead.Id}}, "email": {{lead.Email Address}},
        "company": {{company.Company Name}}, "alias": {{lead.Company Name}},
        "comments": {{lead.Comments}}, "hot": {{lead.6sense Hot}}}"""
    assert json.loads(render(template, ZOE, "JSON")) == {
        "id": 318581, "email": "zoe@ex.example", "company": 'Jack & "JJ" Sons',
        "alias": 'Jack & "JJ" Sons', "comments": "line 1\nline 2", "hot": True,
    }  # fmt: skip


def test_defaults_stand_in_for_empty_fields_only() -> None:
    template = "{{lead.Country:default=USA}} {{lead.First Name:default=Friend}}"
    assert render(template, ZOE, "None") == "USA Zoë"
    assert render("{{lead.Country:default=USA}}", ZOE, "JSON") == '"USA"'
    assert render("{{lead.Country:default=}}", ZOE, "JSON") == '""'


def test_tokens_of_campaign_and_system() -> None:
    scope = Scope(
        campaign={"id": 1207, "name": "New leads"}, my={"Key": "k"},
        now=datetime(2026, 3, 1, 14, 28, 16, tzinfo=UTC),
    )  # fmt: skip
    template = (
        "{{campaign.id}} {{campaign.name}} {{my.Key}} {{system.munchkinId}} "
        "{{system.dateTime}}"
    )
    wire = '1207 "New leads" "k" "123-ABC-456" "2026-03-01 14:28:16"'
    assert render(template, ZOE, "JSON", scope) == wire


@pytest.mark.parametrize(
    "token",
    ["{{lead.email}}", "{{lead.Nothing}}", "{{company.Email Address}}",
     "{{campaign.id}}", "{{my.Key}}", "{{system.nothing}}", "{{other.Thing}}",
     "{{trigger.Name}}"],
)  # fmt: skip
def test_unresolved_tokens_stay_as_they_are(token: str) -> None:
    assert render(f"a {token} b", ZOE, "JSON") == f"a {token} b"


def test_how_empty_numbers_look_is_a_setting() -> None:
    scope = Scope(empty_as="")
    assert render('{"s": {{lead.6sense Intent}}}', ZOE, "JSON", scope) == '{"s": }'
    assert render('{"s": {{lead.Job Title}}}', ZOE, "JSON", scope) == '{"s": ""}'


def test_slash_sequences_become_real_characters_before_sending() -> None:
    assert render(r"a\tb\nc\\n\"\'", {}, "None") == "a\tb\nc\\n\"'"
    with pytest.raises(TemplateInvalid, match="unknown sequence"):
        render(r"\x", {}, "None")


@pytest.mark.parametrize(
    "settings",
    [{"verb": "HEAD"}, {"encoding": "Url"}, {"response_type": "YAML"},
     {"template": "\\d"}],
)  # fmt: skip
def test_a_webhook_the_editor_refuses_is_no_webhook(settings: Any) -> None:
    with pytest.raises(TemplateInvalid):
        MarketoWebhook("http://receiver.invalid", **settings)


def test_the_request_has_what_was_configured_and_no_more(receiver: Receiver) -> None:
    webhook = MarketoWebhook(
        receiver.url + "/hooks/{{lead.Id}}?c={{company.Company Name}}&x=%26",
        template='{"email": {{lead.Email Address}}}',
        headers={"X-Key": "k-{{lead.Id}}", "Content-Type": "application/json"},
    )
    sent = senders.send(webhook, ZOE)
    assert (sent.ok, sent.status, sent.response, sent.lead_id) == (
        True, 200, "{}", 318581,
    )  # fmt: skip
    ((verb, path, headers, body),) = receiver.got
    assert verb == "POST"
    assert path == "/hooks/318581?c=Jack+%26+%22JJ%22+Sons&x=%26"
    assert headers["X-Key"] == "k-318581"
    assert body == b'{"email": "zoe@ex.example"}'
    assert set(headers) == {"Host", "X-Key", "Content-Type", "Content-Length"}


def test_no_content_type_is_sent_unless_configured(receiver: Receiver) -> None:
    senders.send(MarketoWebhook(receiver.url, template="a=1", encoding="Form"), ZOE)
    assert "Content-Type" not in receiver.got[0][2]


@pytest.mark.parametrize("verb", ["GET", "POST", "PUT", "PATCH", "DELETE"])
def test_all_verbs_but_get_carry_the_template(receiver: Receiver, verb: str) -> None:
    senders.send(MarketoWebhook(receiver.url, template="a=1", verb=verb), ZOE)
    assert (receiver.got[0][0], receiver.got[0][3]) == (
        verb,
        b"" if verb == "GET" else b"a=1",
    )


ANSWER = {
    "status": "enriched", "company": {"industry": "Software", "employeeCount": 480,
                                      "text": "480", "none": None},
    "segments": {"joined": "EMEA;Enterprise", "list": ["EMEA"]},
    "scores": [{"product": "Core", "intent": 81}, {"product": "Addon", "intent": 12}],
}  # fmt: skip


@pytest.mark.parametrize(
    ("path", "soap", "writes"),
    [
        ("company.industry", "Industry", {"industry": "Software"}),
        ("company.employeeCount", "NumberOfEmployees", {"numberOfEmployees": 480}),
        ("scores[0].intent", "sixsenseIntent", {"sixsenseIntent": 81}),
        ("scores[1].intent", "sixsenseIntent", {"sixsenseIntent": 12}),
        ("segments.list[0]", "sixsenseSegments", {"sixsenseSegments": "EMEA"}),
        ("segments.joined", "Industry", {"industry": "EMEA;Enterprise"}),
        # No conversion, no wildcard, no negative index, no list into a text.
        ("company.text", "NumberOfEmployees", {}),
        ("company.employeeCount", "Industry", {}),
        ("scores[-1].intent", "sixsenseIntent", {}),
        ("scores[9].intent", "sixsenseIntent", {}),
        ("scores[*].intent", "sixsenseIntent", {}),
        ("segments.list", "sixsenseSegments", {}),
        ("company.none", "Industry", {}),
        ("nothing.there", "Industry", {}),
        # SOAP names, not REST names.
        ("company.industry", "industry", {}),
    ],
)  # fmt: skip
def test_response_mappings(
    receiver: Receiver, path: str, soap: str, writes: Any
) -> None:
    receiver.answer = (200, json.dumps(ANSWER).encode())
    webhook = MarketoWebhook(receiver.url, mappings={path: soap})
    assert senders.send(webhook, ZOE).writes == writes


def test_xml_answers_are_mapped_by_their_full_path(receiver: Receiver) -> None:
    receiver.answer = (200, b"<a><n>Acme</n><i>7</i><i>8</i><b>true</b></a>")
    mappings = {
        "a.n": "Industry", "a.i[1]": "sixsenseIntent", "a.b": "sixsenseHot",
    }  # fmt: skip
    webhook = MarketoWebhook(receiver.url, response_type="XML", mappings=mappings)
    expected = {"industry": "Acme", "sixsenseIntent": 8, "sixsenseHot": True}
    assert senders.send(webhook, ZOE).writes == expected
    receiver.answer = (200, b"<a><n>")
    assert senders.send(webhook, ZOE).writes == {}


@pytest.mark.parametrize(
    ("status", "body", "error"),
    [
        (200, b"", "1001"), (204, b"", "1001"), (201, b"{}", ""),
        (500, b"x", "Internal Server Error"), (404, b"{}", "Not Found"),
        (302, b"x", "Found"),
    ],
)  # fmt: skip
def test_only_2xx_with_a_body_counts_and_nothing_is_repeated(
    receiver: Receiver, status: int, body: bytes, error: str
) -> None:
    receiver.answer = (status, body)
    webhook = MarketoWebhook(receiver.url, mappings={"a": "Industry"})
    sent = senders.send(webhook, ZOE)
    assert (sent.status, sent.error, dict(sent.writes)) == (status, error, {})
    assert len(receiver.got) == 1


def test_a_batch_campaign_is_1000_without_a_call(receiver: Receiver) -> None:
    sent = senders.send(MarketoWebhook(receiver.url), ZOE, batch=True)
    assert (sent.error, sent.ok, receiver.got) == ("1000", False, [])


def test_a_slow_receiver_is_given_up_and_an_absent_one_said(
    receiver: Receiver,
) -> None:
    assert MarketoWebhook(receiver.url).timeout_s == 30
    receiver.gate.clear()
    sent = senders.send(MarketoWebhook(receiver.url, timeout_s=0.05), ZOE)
    assert (sent.error, sent.status) == ("timeout", None)
    sent = senders.send(MarketoWebhook("http://127.0.0.1:1"), ZOE)
    assert sent.error == "no connection"


def test_at_most_twenty_calls_are_open(receiver: Receiver) -> None:
    receiver.gate.clear()
    leads = [{"id": n} for n in range(50)]
    done: list[senders.Sent] = []
    webhook = MarketoWebhook(receiver.url, template="{{lead.Id}}")

    def open_when_full() -> None:
        while receiver.open < senders.OPEN_CALLS:
            pass
        receiver.gate.set()

    opener = threading.Thread(target=open_when_full)
    opener.start()
    results = senders.send_all(webhook, leads, sent=done.append)
    opener.join()
    assert receiver.most == 20
    assert [sent.lead_id for sent in results] == list(range(50))
    assert len(done) == len(receiver.got) == 50


def test_all_webhooks_of_the_instance_share_the_twenty(
    control: Any, receiver: Receiver
) -> None:
    like = {"email": "p{n}@bulk.example"}
    control.send("POST", "/leads", {"count": 30, "first_id": 1, "like": like})
    receiver.gate.clear()
    order = {"webhook": {"url": receiver.url}, "ids": list(range(1, 31))}
    with ThreadPoolExecutor(2) as pool:
        path = "/marketo/call-webhook"
        both = [pool.submit(control.send, "POST", path, order) for _ in range(2)]
        while receiver.open < senders.OPEN_CALLS:
            pass
        receiver.gate.set()
        assert all(len(call.result()["sent"]) == 30 for call in both)
    assert (receiver.most, len(receiver.got)) == (20, 60)


def test_curl_can_fire_a_webhook_for_leads(
    control: Any, marketo: Any, receiver: Receiver
) -> None:
    receiver.answer = (200, b'{"stage": "Decision"}')
    body = {
        "webhook": {
            "url": receiver.url,
            "template": '{"id": {{lead.Id}}, "c": {{campaign.id}}, '
            '"m": {{system.munchkinId}}}',
            "mappings": {"stage": "sixsenseStage"},
        },
        "ids": [318581, 318582],
        "campaign": {"id": 1207},
    }
    sent = control.send("POST", "/marketo/call-webhook", body)["sent"]
    assert [call["lead_id"] for call in sent] == [318581, 318582]
    assert all(call["ok"] for call in sent)
    bodies = sorted((json.loads(got[3]) for got in receiver.got), key=str)
    assert bodies[0] == {"id": 318581, "c": 1207, "m": "123-ABC-456"}
    assert marketo.lead(318581, "sixsenseStage")["sixsenseStage"] == "Decision"
    log = control.state()["marketo"]["webhooks"]
    assert [entry["response"] for entry in log] == ['{"stage": "Decision"}'] * 2


@pytest.mark.parametrize(
    ("body", "problem"),
    [
        ({"ids": [1]}, "the body must be {webhook: {url, ...}, ids: [...]}"),
        ({"webhook": {"url": "http://x.invalid"}}, "ids must be a list of lead ids"),
        ({"webhook": {"url": "http://x.invalid"}, "ids": [7]}, "no lead has the id 7"),
        ({"webhook": {}, "ids": [318581]}, "webhook: url is missing"),
        ({"webhook": {"url": "x", "verbb": "GET"}, "ids": [318581]},
         "'verbb' is no setting of a webhook; did you mean 'verb'?"),
        ({"webhook": {"url": "x", "verb": "GOT"}, "ids": [318581]},
         "webhook: verb must be one of GET, POST, PUT, PATCH, DELETE"),
        ({"webhook": {"url": "x"}, "ids": [318581], "campaing": {}},
         "'campaing' is no key; did you mean 'campaign'?"),
        ({"webhook": {"url": "x"}, "ids": [318581], "my": 5},
         "my must be an object of token names"),
    ],
)  # fmt: skip
def test_a_bad_order_to_call_is_refused_in_words(
    control: Any, body: Any, problem: str
) -> None:
    answer = control.send("POST", "/marketo/call-webhook", body, expect=400)
    assert answer["problems"] == [problem]
