"""HubSpot's own limits, and what can be made to go wrong with it."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
import requests

from tests.sandbox.hubspot_calls import JANE, LI, TOKEN, HubSpot

OSLO = {"city": "Oslo"}


@pytest.fixture
def fault(control: Any) -> Any:
    def add(kind: str, **more: Any) -> None:
        control.fault(system="hubspot", kind=kind, **more)

    return add


def is_written(hubspot: HubSpot) -> bool:
    return hubspot.kept(JANE).get("city") == "Oslo"


def test_a_bad_token_is_401_and_takes_no_place(hubspot: HubSpot, control: Any) -> None:
    for token in ("", "another"):
        answer = hubspot.post("/batch/read", {"inputs": []}, token=token)
        body = answer.json()
        assert (answer.status_code, body["category"]) == (401, "INVALID_AUTHENTICATION")
        assert "X-HubSpot-RateLimit-Max" not in answer.headers
    path = f"{hubspot.url}/crm/v3/objects/contacts/{JANE}"
    headers = {"Authorization": f"Basic {TOKEN}"}
    answer = hubspot.session.get(path, headers=headers, timeout=10)
    assert answer.status_code == 401
    assert control.state()["hubspot"]["in_window"] == 0


@pytest.mark.parametrize(
    ("operation", "scope"),
    [
        ("batch_update", "crm.objects.contacts.write"),
        ("batch_read", "crm.objects.contacts.read"),
        ("properties", "crm.schemas.contacts.read"),
        ("create_property", "crm.schemas.contacts.write"),
        ("merge", "crm.objects.contacts.write"),
    ],
)
def test_what_is_denied_lacks_a_scope(
    hubspot: HubSpot, control: Any, operation: str, scope: str
) -> None:
    control.config(hubspot={"denied": [operation]})
    properties = "/crm/v3/properties/contacts"
    calls = {
        "batch_update": lambda: hubspot.update((JANE, OSLO)),
        "batch_read": lambda: hubspot.read(JANE),
        "properties": lambda: hubspot.call("GET", properties),
        "create_property": lambda: hubspot.call("POST", properties, {}),
        "merge": lambda: hubspot.post("/merge", {}),
    }
    answer = calls[operation]()
    body = answer.json()
    assert (answer.status_code, body["category"]) == (403, "MISSING_SCOPES")
    assert body["errors"][0]["context"] == {"requiredGranularScopes": [scope]}
    assert not is_written(hubspot)


def test_the_rolling_limit_is_told_by_headers_and_its_policy(
    hubspot: HubSpot, control: Any
) -> None:
    control.config(hubspot={"burst_calls": 2})
    answers = [hubspot.update((JANE, {"city": str(n)})) for n in range(3)]
    assert [one.status_code for one in answers] == [200, 200, 429]
    told = {
        name: answers[1].headers[f"X-HubSpot-RateLimit-{name}"]
        for name in ("Max", "Remaining", "Interval-Milliseconds", "Daily")
    }
    assert told == {
        "Max": "2", "Remaining": "0", "Interval-Milliseconds": "10000",
        "Daily": "625000",
    }  # fmt: skip
    body = answers[2].json()
    assert body["policyName"] == "TEN_SECONDLY_ROLLING"
    assert body["message"] == "You have reached your ten_secondly_rolling limit."
    assert "Retry-After" not in answers[2].headers
    assert control.state()["hubspot"]["refused"] == {"429": 1}
    control.config(clock={"advance_s": 11})
    assert hubspot.read(JANE).status_code == 200


def test_the_daily_limit_lasts_until_midnight_of_the_account(
    hubspot: HubSpot, control: Any
) -> None:
    control.config(hubspot={"daily_calls": 1})
    assert hubspot.read(JANE).headers["X-HubSpot-RateLimit-Daily-Remaining"] == "0"
    refused = hubspot.search()
    assert (refused.status_code, refused.json()["policyName"]) == (429, "DAILY")
    control.config(clock={"advance_s": 86_400})
    assert hubspot.read(JANE).status_code == 200


@pytest.mark.parametrize("policy", ["TEN_SECONDLY_ROLLING", "SECONDLY", "DAILY"])
def test_a_fault_names_the_policy_of_its_429(
    hubspot: HubSpot, control: Any, fault: Any, policy: str
) -> None:
    fault("policy", policy=policy)
    answer = hubspot.update((JANE, OSLO))
    body = answer.json()
    assert (answer.status_code, body["policyName"]) == (429, policy)
    assert body["message"] == f"You have reached your {policy.lower()} limit."
    assert "Retry-After" not in answer.headers
    assert not is_written(hubspot)
    # No real limit is to blame.
    assert control.state()["hubspot"]["refused"] == {}
    assert hubspot.update((JANE, OSLO)).status_code == 200


def test_a_search_tells_its_limit_in_another_form(hubspot: HubSpot, fault: Any) -> None:
    fault("policy", policy="SECONDLY")
    assert hubspot.search().json()["category"] == "RATE_LIMITS"
    fault("policy", policy="DAILY")
    assert hubspot.search().json()["policyName"] == "DAILY"


def test_policies_are_hubspots_alone(control: Any) -> None:
    for row, problem in (
        ({"system": "marketo", "policy": "DAILY"}, "exists for hubspot only"),
        ({"system": "hubspot", "policy": "YEARLY"}, "'TEN_SECONDLY_ROLLING' or"),
        ({"system": "hubspot"}, "policy is missing"),
    ):
        answer = control.send("POST", "/faults", [{"kind": "policy", **row}], 400)
        assert problem in answer["problems"][0]


@pytest.mark.parametrize("status", [423, 477, 500, 502, 503, 504, 521, 524])
@pytest.mark.parametrize("is_late", [False, True])
def test_a_status_comes_before_or_after_the_work(
    hubspot: HubSpot, fault: Any, status: int, is_late: bool
) -> None:
    fault("status", status=status, operation="batch_update", after_work=is_late)
    answer = hubspot.update((JANE, OSLO))
    assert (answer.status_code, answer.json()["status"]) == (status, "error")
    assert is_written(hubspot) is is_late
    assert hubspot.update((JANE, OSLO)).status_code == 200


def test_477_says_for_how_many_seconds(hubspot: HubSpot, fault: Any) -> None:
    fault("status", status=477, retry_after=3600)
    answer = hubspot.read(JANE)
    assert (answer.status_code, answer.headers["Retry-After"]) == (477, "3600")


@pytest.mark.parametrize(
    ("status", "category"),
    [(401, "INVALID_AUTHENTICATION"), (403, "MISSING_SCOPES"),
     (404, "OBJECT_NOT_FOUND")],
)  # fmt: skip
def test_known_statuses_have_their_own_bodies(
    hubspot: HubSpot, fault: Any, status: int, category: str
) -> None:
    fault("status", status=status)
    assert hubspot.read(JANE).json()["category"] == category


def test_an_answer_may_be_slow(hubspot: HubSpot, fault: Any) -> None:
    fault("hold")
    with ThreadPoolExecutor(1) as pool:
        called = pool.submit(hubspot.update, (JANE, OSLO))
        while not hubspot.control.send("POST", "/faults/release")["released"]:
            assert not called.done()
        assert called.result().status_code == 200
    fault("latency", ms=1)
    assert hubspot.read(JANE).status_code == 200


def test_a_connection_ends_before_or_after_the_work(
    hubspot: HubSpot, fault: Any
) -> None:
    fault("drop_connection")
    with pytest.raises(requests.ConnectionError):
        hubspot.update((JANE, OSLO))
    assert not is_written(hubspot)
    fault("timeout_after_work", hold_s=0.01)
    with pytest.raises(requests.ConnectionError):
        hubspot.update((JANE, OSLO))
    assert is_written(hubspot)


def test_an_answer_may_be_half_or_a_page(hubspot: HubSpot, fault: Any) -> None:
    fault("broken_json")
    answer = hubspot.update((JANE, OSLO))
    assert answer.status_code == 200
    with pytest.raises(ValueError, match=r"Expecting|Unterminated"):
        answer.json()
    assert is_written(hubspot)
    fault("html", status=503)
    answer = hubspot.read(JANE)
    assert (answer.status_code, "<html>" in answer.text) == (503, True)


@pytest.mark.parametrize(
    ("match", "call"),
    [
        ({"id": LI}, lambda one: one.update((JANE, {}), (LI, {}))),
        ({"id": LI}, lambda one: one.get(LI)),
        ({"id": LI}, lambda one: one.post("/merge", {"objectIdToMerge": LI})),
        ({"email": "a@b.example"}, lambda one: one.upsert(("A@b.example", {}))),
        (
            {"email": "a@b.example"},
            lambda one: one.post("", {"properties": {"email": "a@b.example"}}),
        ),
    ],
)
def test_a_fault_may_name_a_record(
    hubspot: HubSpot, fault: Any, match: Any, call: Any
) -> None:
    fault("status", status=503, match=match)
    assert hubspot.update((JANE, OSLO)).status_code == 200
    assert call(hubspot).status_code == 503


def test_it_may_be_narrowed_to_an_operation_of_hubspot(
    hubspot: HubSpot, control: Any, fault: Any
) -> None:
    fault("status", status=503, operation="search")
    assert (hubspot.read(JANE).status_code, hubspot.search().status_code) == (200, 503)
    row = {"system": "hubspot", "kind": "html", "operation": "serch"}
    answer = control.send("POST", "/faults", [row], 400)
    assert "did you mean 'search'?" in answer["problems"][0]


def test_whose_account_it_is(hubspot: HubSpot) -> None:
    body = hubspot.call("GET", "/account-info/v3/details").json()
    assert (body["portalId"], body["timeZone"]) == (48210077, "Europe/Oslo")
