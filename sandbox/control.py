"""`/_sandbox/`: reset, configure, script faults, look inside, call webhooks."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from flask import Blueprint, Response, request

from sandbox.bodies import Route, View, read_body, rows_of
from sandbox.fault_kinds import KINDS, read_faults
from sandbox.hubspot import control as hubspot
from sandbox.hubspot.options import SECRETS as hubspot_secrets
from sandbox.hubspot.routes import OPERATIONS as hubspot_operations
from sandbox.marketo import caller
from sandbox.marketo import operations as marketo_operations
from sandbox.marketo.campaigns import read_campaigns
from sandbox.options import RequestInvalid
from sandbox.sixsense import operations as sixsense_operations
from sandbox.state import World

ENDPOINTS = {
    "GET /_sandbox/": "this list",
    "GET /_sandbox/health": "200 as soon as the sandbox answers",
    "POST /_sandbox/reset": "forget everything; body: options, leads (all optional)",
    "POST /_sandbox/config": "change options; body: {system: options}",
    "GET /_sandbox/config": "the options in force",
    "POST /_sandbox/faults": "add faults; body: a list of faults",
    "GET /_sandbox/faults": "faults, how often each was used and is left",
    "DELETE /_sandbox/faults": "forget all faults, let held calls go",
    "POST /_sandbox/faults/release": "let held calls go",
    "GET /_sandbox/state": "counts, credits, windows, last calls; ?ids= &calls=",
    "POST /_sandbox/leads": "create Marketo leads; body: {leads} or {count, like}",
    "POST /_sandbox/marketo/change-leads": "change leads; body: {leads, source}",
    "POST /_sandbox/marketo/call-webhook": "send a webhook; body: {webhook, ids}",
    "POST /_sandbox/marketo/campaigns": "add campaigns; body: one, or a list",
    "GET /_sandbox/marketo/campaigns": "campaigns, and how often each was started",
    "DELETE /_sandbox/marketo/campaigns": "forget campaigns and calls that wait",
    **hubspot.ENDPOINTS,
}


def blueprint(world: World) -> Blueprint:
    """All control endpoints; errors are 400 with `problems`, a list of sentences."""
    pages = Blueprint("control", __name__, url_prefix="/_sandbox")

    def route(path: str, method: str) -> Callable[[View], View]:
        def register(view: View) -> View:
            def called() -> Response:
                try:
                    return shown(view())
                except RequestInvalid as invalid:
                    return shown({"problems": invalid.problems}, 400)

            pages.add_url_rule(path, f"{method} {path}", called, methods=[method])
            return view

        return register

    _settings(world, route)
    _faults(world, route)
    _records(world, route)
    hubspot.add(world, route)
    return pages


def shown(body: Any, status: int = 200) -> Response:
    """A control answer: JSON, readable."""
    text = json.dumps(body, ensure_ascii=False, indent=1, default=str) + "\n"
    return Response(text, status, mimetype="application/json")


def _settings(world: World, route: Route) -> None:
    @route("/", "GET")
    def summary() -> Any:
        return {"sandbox": "6sense, Marketo and HubSpot", "endpoints": ENDPOINTS}

    @route("/health", "GET")
    def health() -> Any:
        return {"status": "ok"}

    @route("/reset", "POST")
    def reset() -> Any:
        world.reset(read_body(default={}))
        return {"status": "reset", "leads": len(world.marketo.store.leads)}

    @route("/config", "POST")
    def configure() -> Any:
        world.configure(read_body())
        return _options(world)

    @route("/config", "GET")
    def config() -> Any:
        return _options(world)


def _options(world: World) -> dict[str, Any]:
    with world.lock:
        sixsense_options = dict(vars(world.sixsense.options))
        # Whole tokens stay inside.
        sixsense_options["tokens"] = list(sixsense_options["tokens"].values())
        marketo_options = {**vars(world.marketo.options), "client_secret": "…"}
        return {
            "sixsense": sixsense_options,
            "marketo": marketo_options,
            "hubspot": {
                **vars(world.hubspot.options),
                **dict.fromkeys(hubspot_secrets, "…"),
            },
            "clock": {"offset_s": world.clock.offset_s, "now": world.clock.today()},
        }


def _faults(world: World, route: Route) -> None:
    known = {
        "sixsense": [item.name for item in sixsense_operations.OPERATIONS],
        "marketo": marketo_operations.names(),
        "hubspot": hubspot_operations,
    }

    @route("/faults", "POST")
    def add() -> Any:
        found = read_faults(read_body(), known)
        with world.lock:
            new = world.faults.add(found)
            return {"faults": [fault.as_json() for fault in new]}

    @route("/faults", "GET")
    def listed() -> Any:
        with world.lock:
            found = [fault.as_json() for fault in world.faults.faults]
        return {"faults": found, "kinds": list(KINDS)}

    @route("/faults", "DELETE")
    def clear() -> Any:
        with world.lock:
            world.faults.clear()
        return {"status": "cleared"}

    @route("/faults/release", "POST")
    def release() -> Any:
        with world.lock:
            return {"released": world.faults.release()}


def _records(world: World, route: Route) -> None:
    @route("/state", "GET")
    def state() -> Any:
        calls = request.args.get("calls", "20")
        if not calls.isdigit():
            raise RequestInvalid("calls must be a whole number")
        with world.lock:
            asked = request.args.get
            return _state(world, int(calls), asked("ids"), asked("contacts"))

    @route("/leads", "POST")
    def leads() -> Any:
        body = read_body()
        with world.lock:
            return {"ids": world.marketo.seed(rows_of(body, "leads"))}

    @route("/marketo/call-webhook", "POST")
    def call_webhook() -> Any:
        return {"sent": caller.call_webhook(world, read_body())}

    @route("/marketo/change-leads", "POST")
    def change_leads() -> Any:
        return {"changed": caller.change_leads(world, read_body())}

    @route("/marketo/campaigns", "POST")
    def define_campaigns() -> Any:
        with world.lock:
            campaigns = world.marketo.campaigns
            campaigns.define(read_campaigns(read_body(), world.marketo.fields))
            return {"campaigns": campaigns.as_json()}

    @route("/marketo/campaigns", "GET")
    def campaigns() -> Any:
        with world.lock:
            return {"campaigns": world.marketo.campaigns.as_json()}

    @route("/marketo/campaigns", "DELETE")
    def forget_campaigns() -> Any:
        with world.lock:
            world.marketo.campaigns.forget()
        return {"status": "forgotten"}


def _state(
    world: World, calls: int, ids: str | None, contacts: str | None
) -> dict[str, Any]:
    journal, now = world.journal, world.clock.now()
    last = list(journal.last)[-calls:] if calls else []
    shown = {
        "now": world.clock.today(),
        "calls": journal.total,
        "sixsense": {**journal.of("sixsense"), **world.sixsense.as_json(now)},
        "marketo": {**journal.of("marketo"), **world.marketo.as_json()},
        "hubspot": {
            **journal.of("hubspot"),
            **world.hubspot.as_json(),
            "webhooks": world.hubspot_hooks.as_json(),
        },
        "faults": [fault.as_json() for fault in world.faults.faults],
        "last_calls": [call.as_json() for call in last],
    }
    if ids is not None:
        store = world.marketo.store
        wanted = list(store.leads) if ids == "all" else ids.split(",")
        found = store.find("id", wanted)
        shown["leads"] = {str(lead["id"]): lead for lead in found}
    if contacts is not None:
        chosen = contacts.split(",")
        shown["contacts"] = {
            own: record.properties
            for own, record in world.hubspot.records.items()
            if contacts == "all" or own in chosen
        }
    return shown
