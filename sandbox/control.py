"""`/_sandbox/`: reset, configure, script faults, look inside, call webhooks."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from flask import Blueprint, Response, request

from sandbox import options
from sandbox.fault_kinds import KINDS, read_faults
from sandbox.hubspot.routes import OPERATIONS as hubspot_operations
from sandbox.marketo import caller
from sandbox.marketo import operations as marketo_operations
from sandbox.marketo.campaigns import read_campaigns
from sandbox.options import RequestInvalid
from sandbox.sixsense import operations as sixsense_operations
from sandbox.state import World

View = Callable[[], Any]
Route = Callable[[str, str], Callable[[View], View]]

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
    "POST /_sandbox/hubspot/contacts": "create contacts; {contacts}, or {count, like}",
    "POST /_sandbox/hubspot/companies": "create companies; {companies}, or as above",
    "POST /_sandbox/hubspot/change": "by hand; {id, values}, {id, merge_into} ...",
    "POST /_sandbox/hubspot/webhooks": "subscribe; body: {url, subscriptions}",
    "POST /_sandbox/marketo/change-leads": "change leads; body: {leads, source}",
    "POST /_sandbox/marketo/call-webhook": "send a webhook; body: {webhook, ids}",
    "POST /_sandbox/marketo/campaigns": "add campaigns; body: one, or a list",
    "GET /_sandbox/marketo/campaigns": "campaigns, and how often each was started",
    "DELETE /_sandbox/marketo/campaigns": "forget campaigns and calls that wait",
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
    _hubspot(world, route)
    return pages


def shown(body: Any, status: int = 200) -> Response:
    """A control answer: JSON, readable."""
    text = json.dumps(body, ensure_ascii=False, indent=1, default=str) + "\n"
    return Response(text, status, mimetype="application/json")


def _body(default: Any = None) -> Any:
    """The JSON body, whatever the content type.

    Raises:
        RequestInvalid: no body where one is needed, or no JSON.
    """
    raw = request.get_data()
    if not raw.strip():
        if default is None:
            raise RequestInvalid("a JSON body is missing")
        return default
    try:
        return json.loads(raw)
    except ValueError as error:
        raise RequestInvalid(f"the body is not JSON: {error}") from error


def _settings(world: World, route: Route) -> None:
    @route("/", "GET")
    def summary() -> Any:
        return {"sandbox": "6sense, Marketo and HubSpot", "endpoints": ENDPOINTS}

    @route("/health", "GET")
    def health() -> Any:
        return {"status": "ok"}

    @route("/reset", "POST")
    def reset() -> Any:
        world.reset(_body(default={}))
        return {"status": "reset", "leads": len(world.marketo.store.leads)}

    @route("/config", "POST")
    def configure() -> Any:
        world.configure(_body())
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
                "access_token": "…",
                "client_secret": "…",
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
        found = read_faults(_body(), known)
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
        body = _body()
        with world.lock:
            return {"ids": world.marketo.seed(_rows(body, "leads"))}

    @route("/marketo/call-webhook", "POST")
    def call_webhook() -> Any:
        return {"sent": caller.call_webhook(world, _body())}

    @route("/marketo/change-leads", "POST")
    def change_leads() -> Any:
        return {"changed": caller.change_leads(world, _body())}

    @route("/marketo/campaigns", "POST")
    def define_campaigns() -> Any:
        with world.lock:
            campaigns = world.marketo.campaigns
            campaigns.define(read_campaigns(_body(), world.marketo.fields))
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


def _hubspot(world: World, route: Route) -> None:
    @route("/hubspot/contacts", "POST")
    def contacts() -> Any:
        body = _body()
        with world.lock:
            return {"ids": world.hubspot.seed("contact", _listed(body, "contacts"))}

    @route("/hubspot/companies", "POST")
    def companies() -> Any:
        body = _body()
        with world.lock:
            return {"ids": world.hubspot.seed("company", _listed(body, "companies"))}

    @route("/hubspot/change", "POST")
    def change_record() -> Any:
        body = _body()
        with world.lock:
            return {"changed": world.hubspot.change_by_hand(body)}

    @route("/hubspot/webhooks", "POST")
    def subscribe() -> Any:
        with world.lock:
            world.hubspot_hooks.define(_body())
            return world.hubspot_hooks.as_json()


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


def _listed(body: Any, key: str) -> list[Any]:
    return body if isinstance(body, list) else _rows(body, key)


def _rows(body: Any, key: str) -> list[Any]:
    """The records to create: those under `key`, or `count` copies of `like`.

    In texts of `like`, `{n}` is 1, 2, 3 ...; `first_id` numbers the records.
    """
    if not isinstance(body, dict):
        raise RequestInvalid(f"the body must be {{{key}: [...]}} or {{count, like}}")
    if key in body:
        rows: list[Any] = body[key]
        return rows
    for name in body:
        if name not in ("count", "like", "first_id"):
            raise RequestInvalid(
                options.unknown(name, [key, "count", "like", "first_id"], "key")
            )
    count, like = body.get("count", -1), body.get("like")
    if options.count(count) or not isinstance(like, dict):
        raise RequestInvalid("count must be a whole number, and like a record")
    first = body.get("first_id")
    if first is not None and options.count(first):
        raise RequestInvalid("first_id must be a whole number")
    numbered = []
    for n in range(1, count + 1):
        row = {
            name: value.replace("{n}", str(n)) if isinstance(value, str) else value
            for name, value in like.items()
        }
        numbered.append(row if first is None else {"id": first + n - 1, **row})
    return numbered
