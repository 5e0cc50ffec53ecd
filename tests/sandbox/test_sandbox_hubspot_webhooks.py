"""Webhooks of HubSpot that fire by themselves: who is told of what, and how."""

from __future__ import annotations

from typing import Any

import pytest

from tests.sandbox.hubspot_calls import APP, JANE, LI, Hooks, HubSpot
from tests.sandbox.receiver import Receiver


@pytest.fixture
def hooks(control: Any, receiver: Receiver) -> Hooks:
    control.config(hubspot={"retry_ms": 1})
    return Hooks(control, receiver)


def test_a_new_contact_is_an_event_with_the_id_of_its_subscription(
    hooks: Hooks, hubspot: HubSpot
) -> None:
    (own,) = hooks.subscribe("contact.creation")
    made = hubspot.create(email="ada@example.com")
    (event,) = hooks.events()
    assert isinstance(event.pop("eventId"), int)
    assert isinstance(event.pop("occurredAt"), int)
    assert event == {
        "subscriptionId": own,
        "portalId": 48210077,
        "appId": int(APP),
        "subscriptionType": "contact.creation",
        "attemptNumber": 0,
        "objectId": int(made),
        "changeFlag": "CREATED",
        "changeSource": "CRM_UI",
        "sourceId": "userId:71120938",
    }


def test_headers_are_those_of_hubspot(hooks: Hooks, hubspot: HubSpot) -> None:
    hooks.subscribe("contact.creation")
    hubspot.create(email="ada@example.com")
    hooks.rest()
    ((method, path, headers, _),) = hooks.receiver.got
    assert (method, path) == ("POST", "/")
    assert headers["Content-Type"] == "application/json"
    assert headers["User-Agent"].startswith("HubSpot Connect 2.0")
    assert headers["X-HubSpot-Timeout-Millis"] == "10000"
    assert headers["X-HubSpot-Signature-Version"] == "v1"


def test_changes_are_told_by_property_and_only_when_a_value_is_another(
    hooks: Hooks, hubspot: HubSpot
) -> None:
    hooks.subscribe("contact.propertyChange:city")
    hubspot.change(JANE, values={"city": "Oslo", "country": "Norway"})
    hubspot.change(JANE, values={"city": "Oslo"})
    (event,) = hooks.events()
    assert (event["propertyName"], event["propertyValue"]) == ("city", "Oslo")
    assert event["subscriptionType"] == "contact.propertyChange"
    assert "changeFlag" not in event


def test_a_name_without_a_property_is_told_of_every_change(
    hooks: Hooks, hubspot: HubSpot
) -> None:
    hooks.subscribe("contact.propertyChange")
    hubspot.change(JANE, values={"city": "Oslo", "country": "Norway"})
    assert {one["propertyName"] for one in hooks.events()} == {"city", "country"}


def test_times_are_told_in_milliseconds(hooks: Hooks, hubspot: HubSpot) -> None:
    hooks.subscribe("contact.propertyChange")
    values = {"sixsense_day": "2026-11-02", "sixsense_checked": "2026-11-02T09:15:00Z"}
    assert hubspot.update((JANE, values)).ok
    told = {one["propertyName"]: one["propertyValue"] for one in hooks.events()}
    assert told == {
        "sixsense_day": "1793577600000",
        "sixsense_checked": "1793610900000",
    }


def test_our_own_writes_come_back_as_those_of_an_integration(
    hooks: Hooks, hubspot: HubSpot
) -> None:
    hooks.subscribe("contact.propertyChange:city", "contact.creation")
    assert hubspot.update((JANE, {"city": "Oslo"})).ok
    assert hubspot.post("", {"properties": {"email": "n@example.com"}}).ok
    sources = {(one["changeSource"], one["sourceId"]) for one in hooks.events()}
    assert sources == {("INTEGRATION", APP)}


def test_the_bin_and_out_of_it_are_events(hooks: Hooks, hubspot: HubSpot) -> None:
    hooks.subscribe("contact.deletion", "contact.restore")
    hubspot.change(LI, archive=True)
    hubspot.change(LI, archive=True)
    hubspot.change(LI, archive=False)
    told = [(one["subscriptionType"], one.get("changeFlag")) for one in hooks.events()]
    assert told == [("contact.deletion", "DELETED"), ("contact.restore", None)]


def test_what_the_law_demands_is_two_events_and_no_record(
    hooks: Hooks, hubspot: HubSpot
) -> None:
    hooks.subscribe("contact.deletion", "contact.privacyDeletion")
    hubspot.change(LI, forget=True)
    names = {one["subscriptionType"] for one in hooks.events()}
    assert names == {"contact.deletion", "contact.privacyDeletion"}
    assert hubspot.get(LI).status_code == 404


def test_companies_have_events_of_their_own(hooks: Hooks, hubspot: HubSpot) -> None:
    hooks.subscribe("contact.creation", "company.creation")
    body = {"companies": [{"name": "Nordlys"}]}
    (made,) = hubspot.control.send("POST", "/hubspot/companies", body)["ids"]
    (event,) = hooks.events()
    assert (event["subscriptionType"], event["objectId"]) == (
        "company.creation",
        int(made),
    )


def test_an_event_is_told_to_every_subscription_that_wants_it(
    hooks: Hooks, hubspot: HubSpot
) -> None:
    ids = hooks.subscribe("contact.propertyChange", "contact.propertyChange:city")
    hubspot.change(JANE, values={"city": "Oslo"})
    events = hooks.events()
    assert [one["subscriptionId"] for one in events] == ids
    assert len({one["eventId"] for one in events}) == 2


def test_the_new_platform_has_other_names_and_types(
    hooks: Hooks, hubspot: HubSpot, control: Any
) -> None:
    control.config(hubspot={"object_events": True, "creation_flag": "NEW"})
    hooks.subscribe("contact.creation", "contact.propertyChange:city")
    hubspot.change(hubspot.create(email="ada@example.com"), values={"city": "Oslo"})
    created, changed = hooks.events()
    assert created["subscriptionType"] == "object.creation"
    assert (created["objectTypeId"], created["changeFlag"]) == ("0-1", "NEW")
    assert changed["subscriptionType"] == "object.propertyChange"
    assert changed["isSensitive"] is False


def test_both_forms_can_be_subscribed_to_at_once(
    hooks: Hooks, hubspot: HubSpot
) -> None:
    row = {"eventType": "object.creation", "objectTypeId": "0-1", "active": True}
    hooks.subscribe("contact.creation", row)
    hubspot.create(email="ada@example.com")
    types = [one["subscriptionType"] for one in hooks.events()]
    assert types == ["contact.creation", "object.creation"]


def test_sensitive_values_are_hidden_in_the_old_form(
    hooks: Hooks, hubspot: HubSpot, control: Any
) -> None:
    new = {
        "name": "diet", "label": "Diet", "type": "string", "fieldType": "text",
        "groupName": "contactinformation", "dataSensitivity": "sensitive",
    }  # fmt: skip
    assert hubspot.call("POST", "/crm/v3/properties/contacts", new).status_code == 201
    hooks.subscribe("contact.propertyChange:diet")
    hubspot.change(JANE, values={"diet": "vegan"})
    control.config(hubspot={"object_events": True})
    hubspot.change(JANE, values={"diet": "none"})
    told = [(e["propertyValue"], e.get("isSensitive")) for e in hooks.events()]
    assert told == [("REDACTED", None), ("none", True)]


def test_a_new_contact_may_tell_its_values_before_itself(
    hooks: Hooks, hubspot: HubSpot, control: Any
) -> None:
    control.config(hubspot={"creation_changes": True})
    hooks.subscribe("contact.creation", "contact.propertyChange:email")
    hubspot.create(email="ada@example.com")
    types = [one["subscriptionType"] for one in hooks.events()]
    assert types == ["contact.propertyChange", "contact.creation"]


@pytest.mark.parametrize(
    ("body", "problem"),
    [
        ([], "the body must be {url, subscriptions: [...]}"),
        ({"url": "http://x.example", "subscriptions": "all"}, "must be a list"),
        ({"url": "http://x.example", "subscriptions": [7]}, "a name or an object"),
        ({"url": "http://x.example", "subscriptions": ["deal.creation"]}, "no type of"),
        ({"url": "http://x.example", "subscriptions": ["contact.born"]}, "no type of"),
        (
            {"url": "http://x.example", "subscriptions": ["contact.creation:city"]},
            "contact.creation has no propertyName",
        ),
        (
            {
                "url": "http://x.example",
                "subscriptions": ["company.propertyChange:hs_lastmodifieddate"],
            },
            "can not be subscribed",
        ),
        (
            {"url": "http://x.example", "subscriptions": ["contact.creation"] * 1001},
            "maximum number allowed per application (1000)",
        ),
    ],
)
def test_what_can_not_be_subscribed_to_is_said(
    control: Any, body: Any, problem: str
) -> None:
    answer = control.send("POST", "/hubspot/webhooks", body, expect=400)
    assert problem in answer["problems"][0]
