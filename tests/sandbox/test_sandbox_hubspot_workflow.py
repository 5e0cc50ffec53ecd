"""The action "Send a webhook" of HubSpot's workflows."""

from __future__ import annotations

import json
import time
from types import SimpleNamespace
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import pytest
from hubspot.utils.signature import Signature

from tests.sandbox.hubspot_calls import JANE, LI, SECRET, HubSpot
from tests.sandbox.receiver import Receiver


class Workflow:
    """Calls the receiver for records."""

    def __init__(self, control: Any, receiver: Receiver) -> None:
        self.control, self.receiver = control, receiver
        control.config(hubspot={"retry_ms": 1})

    def send(self, *ids: Any, path: str = "/wf", **more: Any) -> list[dict[str, Any]]:
        body = {"url": self.receiver.url + path, "ids": list(ids), **more}
        found = self.control.send("POST", "/hubspot/call-workflow", body)["sent"]
        return list(found)

    def bodies(self) -> list[Any]:
        return [json.loads(body) for _, _, _, body in self.receiver.got]


@pytest.fixture
def workflow(control: Any, receiver: Receiver) -> Workflow:
    return Workflow(control, receiver)


def is_signed(receiver: Receiver) -> bool:
    ((method, path, headers, body),) = receiver.got
    assert headers["X-HubSpot-Signature-Version"] == "v2"
    assert "X-HubSpot-Signature-v3" not in headers
    return Signature.is_valid(
        signature=headers["X-HubSpot-Signature"],
        client_secret=SECRET,
        request_body=body.decode(),
        http_uri=receiver.url + path,
        http_method=method,
        signature_version="v2",
    )


def test_each_record_is_one_call_with_a_flat_body(workflow: Workflow) -> None:
    workflow.receiver.answer = (200, b'{"stage": "open"}')
    sent = workflow.send(JANE, int(LI), properties=["email", "city"])
    assert [(one["id"], one["status"], one["error"]) for one in sent] == [
        (JANE, 200, ""), (LI, 200, ""),
    ]  # fmt: skip
    assert sent[0]["response"] == '{"stage": "open"}'
    by_id = {one["hs_object_id"]: one for one in workflow.bodies()}
    assert by_id == {
        JANE: {"hs_object_id": JANE, "email": "jane.doe@acme.example", "city": ""},
        LI: {"hs_object_id": LI, "email": "li@nomatch.example", "city": ""},
    }


def test_values_are_texts_and_what_is_written_in_comes_as_it_is(
    workflow: Workflow,
) -> None:
    workflow.send(
        JANE, properties=["sixsense_employees"], extra={"from": "Ærø", "n": 1}
    )
    assert workflow.bodies() == [
        {"hs_object_id": JANE, "sixsense_employees": "40", "from": "Ærø", "n": 1}
    ]
    assert is_signed(workflow.receiver)


@pytest.mark.parametrize(
    ("nulls", "city"), [("empty", {"city": ""}), ("null", {"city": None}),
                        ("absent", {})],
)  # fmt: skip
def test_what_has_no_value_comes_in_three_ways(
    workflow: Workflow, control: Any, nulls: str, city: Any
) -> None:
    control.config(hubspot={"workflow_nulls": nulls})
    workflow.send(JANE, properties=["city"])
    assert workflow.bodies() == [{"hs_object_id": JANE, **city}]


def test_get_has_the_values_in_its_query(workflow: Workflow) -> None:
    workflow.send(JANE, path="/wf?a=b%20c", method="GET", properties=["email", "city"])
    ((method, path, headers, body),) = workflow.receiver.got
    assert (method, body) == ("GET", b"")
    assert "Content-Type" not in headers
    query = dict(parse_qsl(urlsplit(path).query, keep_blank_values=True))
    assert query == {
        "a": "b c",
        "hs_object_id": JANE,
        "email": "jane.doe@acme.example",
        "city": "",
    }
    assert is_signed(workflow.receiver)


def test_it_may_come_without_a_signature(workflow: Workflow) -> None:
    workflow.send(JANE, auth="none")
    ((_, _, headers, _),) = workflow.receiver.got
    assert not [name for name in headers if name.startswith("X-HubSpot")]


def test_all_properties_come_as_v1_had_them(
    workflow: Workflow, hubspot: HubSpot
) -> None:
    lost = hubspot.create(email="jane@old.example")
    hubspot.change(lost, merge_into=JANE)
    hubspot.change(JANE, values={"city": "Oslo"})
    hubspot.update((JANE, {"city": "Bergen"}))
    workflow.send(JANE, legacy=True)
    (body,) = workflow.bodies()
    assert (body["vid"], body["canonical-vid"]) == (int(JANE), int(JANE))
    assert (body["portal-id"], body["is-contact"]) == (48210077, True)
    assert body["merged-vids"] == [int(lost)]
    city = body["properties"]["city"]
    assert city["value"] == "Bergen"
    versions = [(one["value"], one["source-type"]) for one in city["versions"]]
    assert versions == [("Bergen", "INTEGRATION"), ("Oslo", "CRM_UI")]
    assert all(isinstance(one["timestamp"], int) for one in city["versions"])
    identities = body["identity-profiles"][0]["identities"]
    assert [(one["value"], one["is-primary"]) for one in identities] == [
        ("jane.doe@acme.example", True), ("jane@old.example", False),
    ]  # fmt: skip
    assert is_signed(workflow.receiver)


@pytest.mark.parametrize(
    ("first", "statuses"),
    [
        ([(429, {"Retry-After": "1"}), (200, {})], [429, 200]),
        ([(500, {}), (503, {}), (200, {})], [500, 503, 200]),
        ([(302, {}), (204, {})], [302, 204]),
        ([(500, {})] * 4, [500, 500, 500]),
        ([(400, {}), (200, {})], [400]),
        ([(401, {}), (200, {})], [401]),
    ],
)
def test_a_4xx_is_final_and_other_failures_are_sent_again_when_asked(
    workflow: Workflow, first: Any, statuses: list[int]
) -> None:
    workflow.receiver.first.extend(first)
    (sent,) = workflow.send(JANE, retries=2)
    assert (sent["statuses"], sent["status"]) == (statuses, statuses[-1])


def test_the_wait_of_a_429_is_in_milliseconds(
    workflow: Workflow, monkeypatch: Any
) -> None:
    waits: list[float] = []
    clock = SimpleNamespace(monotonic=time.monotonic, sleep=waits.append)
    monkeypatch.setattr("sandbox.hubspot.workflow.time", clock)
    workflow.receiver.first.extend([(429, {"Retry-After": "1500"}), (500, {})])
    workflow.send(JANE, retries=2)
    assert waits == [1.5, 0.002]


def test_without_retries_it_is_called_once(workflow: Workflow) -> None:
    workflow.receiver.answer = (503, b"")
    (sent,) = workflow.send(JANE)
    assert (sent["statuses"], sent["error"]) == ([503], "Service Unavailable")


def test_no_answer_is_an_error_too(workflow: Workflow, control: Any) -> None:
    workflow.receiver.gate.clear()
    (sent,) = workflow.send(JANE, read_s=0.05)
    assert (sent["status"], sent["error"]) == (None, "timeout")
    body = {"url": "http://127.0.0.1:9", "ids": [JANE], "retries": 1}
    (sent,) = control.send("POST", "/hubspot/call-workflow", body)["sent"]
    assert (sent["statuses"], sent["error"]) == ([None, None], "no connection")


@pytest.mark.parametrize(
    ("body", "problem"),
    [
        ([], "the body must be"),
        ({"ids": [JANE]}, "url is missing"),
        ({"url": "http://x.example", "ids": []}, "ids must be a list of ids"),
        ({"url": "nowhere", "ids": [JANE]}, "url can not be called"),
        ({"url": "http://[", "ids": [JANE]}, "url can not be called"),
        ({"url": "http://x.example", "ids": ["9"]}, "no record has the id 9"),
        ({"url": "http://x.example", "ids": [JANE], "verb": "GET"}, "'verb' is no key"),
        ({"url": "http://x.example", "ids": [JANE], "method": "PUT"}, "'POST' or"),
        (
            {"url": "http://x.example", "ids": [JANE], "properties": ["citty"]},
            "'citty' is no property of a contact; did you mean 'city'?",
        ),
        (
            {"url": "http://x.example", "ids": [JANE], "legacy": True, "method": "GET"},
            "legacy is for contacts, and for POST",
        ),
    ],
)
def test_what_is_wrong_with_a_call_is_said(
    control: Any, body: Any, problem: str
) -> None:
    answer = control.send("POST", "/hubspot/call-workflow", body, expect=400)
    assert problem in answer["problems"][0]
