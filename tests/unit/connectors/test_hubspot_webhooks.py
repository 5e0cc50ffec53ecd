"""Bodies of HubSpot's webhooks, as far as odd ones go: nothing is taken for another."""

from __future__ import annotations

import json
from typing import Any

import pytest

from app.connectors.hubspot import HubSpot
from app.domain import LeadEvent, WebhookRequest
from app.errors import PayloadInvalid


def parsed(shown: Any, **settings: str) -> list[LeadEvent]:
    body = shown if isinstance(shown, bytes) else json.dumps(shown).encode()
    connector = HubSpot("hubspot", {"ACCESS_TOKEN": "a", **settings})
    return connector.parse(WebhookRequest("POST", "/webhooks/hubspot", "", {}, body))


def event(**more: Any) -> dict[str, Any]:
    return {
        "eventId": 7,
        "portalId": 48210077,
        "occurredAt": 1793610900000,
        "subscriptionType": "contact.creation",
        "objectId": 1001,
        **more,
    }


def told(shown: Any, **settings: str) -> list[tuple[str, str | None, str]]:
    found = parsed(shown, **settings)
    return [(one.object, one.record_id, one.event) for one in found]


def test_an_event_of_another_account_is_nobodys() -> None:
    events = [event(), event(portalId=999), event(portalId="48210077")]
    kinds = [row[2] for row in told(events, PORTAL_ID="48210077")]
    assert kinds == ["created", "elsewhere", "created"]
    assert [row[2] for row in told(events)] == ["created"] * 3


@pytest.mark.parametrize("name", ["portal-id", "portalId"])
def test_nor_is_what_a_workflow_of_another_account_sends(name: str) -> None:
    body = {"vid": 1001, name: 999, "properties": {"email": {"value": "a@b.example"}}}
    assert told(body, PORTAL_ID="48210077") == [("contact", "1001", "elsewhere")]
    assert told(body) == [("contact", "1001", "created")]


def test_a_company_of_a_workflow_is_no_contact() -> None:
    deep = {"hs_object_id": {"value": "5001"}, "domain": {"value": "acme.example"}}
    (found,) = parsed({"companyId": 5001, "properties": deep})
    assert (found.object, found.record_id) == ("company", "5001")
    assert found.lead["domain"] == "acme.example"
    flat = {"hs_object_id": "5001", "object": "Company", "event": "updated"}
    assert told(flat) == [("company", "5001", "updated")]


def test_an_event_that_does_not_say_of_what_fits_no_mapping() -> None:
    found = told([event(subscriptionType="object.creation"), event(eventId=8)])
    assert found == [("unknown", "1001", "created"), ("contact", "1001", "created")]


@pytest.mark.parametrize("own", ["9" * 5000, 10**30, 1.5, True, None, "x", -1, 0, []])
def test_an_id_that_is_none_costs_its_own_event_only(own: Any) -> None:
    assert told([event(objectId=own), event()]) == [
        ("contact", None, "without an id"),
        ("contact", "1001", "created"),
    ]
    with pytest.raises(PayloadInvalid, match="no objectId"):
        parsed([event(objectId=own)])


def test_a_number_with_a_fraction_of_nothing_is_an_id() -> None:
    assert told([event(objectId=1001.0)]) == [("contact", "1001", "created")]


def test_what_is_about_no_record_is_there_and_wanted_by_nobody() -> None:
    association = {
        "eventId": 7,
        "subscriptionType": "contact.associationChange",
        "fromObjectId": 1001,
        "toObjectId": 1002,
    }
    assert told([association]) == [("contact", None, "associationChange")]


@pytest.mark.parametrize(
    "body",
    [
        b'{"hs_object_id": "1001", "score": NaN}',
        b'{"hs_object_id": "1001", "score": 1e999}',
        b'{"hs_object_id": "1001", "score": -Infinity}',
    ],
)
def test_a_number_that_nothing_can_keep_is_refused(body: bytes) -> None:
    with pytest.raises(PayloadInvalid, match="too large"):
        parsed(body)


def test_texts_lose_what_the_ledger_cannot_keep() -> None:
    (found,) = parsed({"hs_object_id": "1001", "a\0b": "x\0y\ud83d"})
    assert found.lead["ab"] == "xy?"
