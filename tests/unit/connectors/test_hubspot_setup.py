"""Set-up of HubSpot: subscriptions and scopes for just what mapping files read."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

from app.connectors.guide import Block, Guide, Route, Section, Table, Variables
from app.connectors.hubspot import HubSpot

BASE = "https://leads.example.com/webhooks/hubspot"


def route(mapping: str, object: str, events: tuple[str, ...], *reads: str) -> Route:
    return Route("hubspot", mapping, object, f"{BASE}/{mapping}", events, reads)


def section(guide: Guide, title: str) -> Section:
    return next(one for one in guide.sections if one.title == title)


def subscriptions(*routes: Route) -> dict[str, Any]:
    guide = HubSpot.setup(routes, Variables("HUBSPOT_"))
    (block,) = (
        one for one in section(guide, "Webhooks").parts if isinstance(one, Block)
    )
    found: dict[str, Any] = json.loads(block.text)["config"]
    return found


def test_one_mapping_is_one_subscription_to_its_address() -> None:
    found = subscriptions(route("new", "contact", ("created",), "id", "email"))
    assert found["settings"]["targetUrl"] == f"{BASE}/new"
    assert found["subscriptions"]["crmObjects"] == [
        {"subscriptionType": "object.creation", "objectType": "contact", "active": True}
    ]


def test_changes_are_subscribed_by_property_and_share_one_address() -> None:
    found = subscriptions(
        route("new", "contact", ("created",), "id", "email"),
        route("changes", "contact", ("updated",), "id", "email", "city"),
        route("companies", "company", ("created", "updated"), "domain"),
    )
    assert found["settings"]["targetUrl"] == BASE
    told = {
        (one["objectType"], one["subscriptionType"], one.get("propertyName"))
        for one in found["subscriptions"]["crmObjects"]
    }
    assert told == {
        ("contact", "object.creation", None),
        ("contact", "object.propertyChange", "email"),
        ("contact", "object.propertyChange", "city"),
        ("company", "object.creation", None),
        ("company", "object.propertyChange", "domain"),
    }


def test_scopes_are_those_of_the_objects() -> None:
    routes = [route("companies", "company", ("created",), "domain")]
    guide = HubSpot.setup(routes, Variables("HUBSPOT_"))
    (table,) = section(guide, "Scopes").parts
    assert isinstance(table, Table)
    assert {row[0] for row in table.rows} == {
        "crm.objects.companies.read",
        "crm.objects.companies.write",
        "crm.schemas.companies.read",
        "crm.schemas.companies.write",
    }


def test_the_body_of_a_workflow_has_all_that_is_read_and_what_it_is_about() -> None:
    guide = HubSpot.setup(
        [
            route("new", "contact", ("created",), "id", "email"),
            route("firms", "company", ("updated",), "hs_object_id", "domain"),
        ],
        Variables("HUBSPOT_"),
    )
    blocks = [
        one
        for one in section(guide, "Or from a workflow").parts
        if isinstance(one, Block)
    ]
    assert [json.loads(one.text) for one in blocks] == [
        {"hs_object_id": "Record ID", "email": "email"},
        {
            "hs_object_id": "Record ID",
            "domain": "domain",
            "object": "company",
            "event": "updated",
        },
    ]


def test_without_webhooks_there_is_nothing_to_subscribe() -> None:
    routes = [route("new", "contact", ("created",), "email")]
    guide = HubSpot.setup(routes, Variables("HUBSPOT_", {"WEBHOOK_AUTH": "off"}))
    said = repr(section(guide, "Webhooks"))
    assert "HUBSPOT_WEBHOOK_AUTH is off" in said
    assert BASE not in said
    assert not any(one.title == "Or from a workflow" for one in guide.sections)


def test_what_we_write_and_what_never_changes_is_not_subscribed() -> None:
    reads = ("id", "email", "sixsense_stage", "hs_lastmodifieddate")
    changes = replace(
        route("changes", "contact", ("updated",), *reads), writes=("sixsense_hot",)
    )
    # Written by another file of the same object.
    new = replace(
        route("new", "contact", ("created",), "email"), writes=("sixsense_stage",)
    )
    told = subscriptions(new, changes)["subscriptions"]["crmObjects"]
    assert [one["propertyName"] for one in told if "propertyName" in one] == ["email"]
