"""`/_sandbox/hubspot/`: records, what people do to them, webhooks."""

from __future__ import annotations

from typing import Any

from sandbox.bodies import Route, read_body, rows_of
from sandbox.hubspot import by_hand, workflow
from sandbox.state import World

ENDPOINTS = {
    "POST /_sandbox/hubspot/contacts": "create contacts; {contacts}, or {count, like}",
    "POST /_sandbox/hubspot/companies": "create companies; {companies}, or as above",
    "POST /_sandbox/hubspot/change": "by hand; {id, values}, {id, merge_into} ...",
    "POST /_sandbox/hubspot/webhooks": "subscribe; body: {url, subscriptions}",
    "POST /_sandbox/hubspot/call-workflow": "send a webhook; {url, ids, properties}",
}


def add(world: World, route: Route) -> None:
    """Add HubSpot's endpoints to the others."""

    @route("/hubspot/contacts", "POST")
    def contacts() -> Any:
        rows = _listed(read_body(), "contacts")
        with world.lock:
            return {"ids": world.hubspot.seed("contact", rows)}

    @route("/hubspot/companies", "POST")
    def companies() -> Any:
        rows = _listed(read_body(), "companies")
        with world.lock:
            return {"ids": world.hubspot.seed("company", rows)}

    @route("/hubspot/change", "POST")
    def change_record() -> Any:
        body = read_body()
        with world.lock:
            return {"changed": by_hand.change(world.hubspot, body)}

    @route("/hubspot/webhooks", "POST")
    def subscribe() -> Any:
        body = read_body()
        with world.lock:
            world.hubspot_hooks.define(body)
            return world.hubspot_hooks.as_json()

    @route("/hubspot/call-workflow", "POST")
    def call_workflow() -> Any:
        return {"sent": workflow.call_workflow(world, read_body())}


def _listed(body: Any, key: str) -> list[Any]:
    return body if isinstance(body, list) else rows_of(body, key)
