"""HubSpot over HTTP: the gate of every call, and the operations behind it."""

from __future__ import annotations

import json
import uuid
from collections.abc import Callable
from typing import Any

from flask import Blueprint, Response, request

from sandbox import exchange
from sandbox.hubspot import objects
from sandbox.hubspot.objects import Failed
from sandbox.hubspot.state import KINDS
from sandbox.journal import Call, masked
from sandbox.state import World

#: `v3`, and the version by date, which stands behind the kind of thing.
VERSION = "2026-09"
OPERATIONS = (
    "batch_read",
    "batch_update",
    "batch_create",
    "search",
    "properties",
    "get",
    "update",
    "create",
    "account",
)
Work = Callable[[World, str, Any], Any]


class _Words:
    """`exchange.Dialect` for HubSpot."""

    def status(self, status: int) -> Response:
        if status == 429:
            return answer(objects.limited("TEN_SECONDLY_ROLLING"), 429)
        return answer(objects.error("Something went wrong", f"HTTP_{status}"), status)

    def code(self, code: str, message: str | None) -> Response:
        raise NotImplementedError("HubSpot has no codes beside its statuses")

    def expired_token(self, call: Call) -> Response:
        return answer(objects.UNAUTHORIZED, 401)


def blueprint(world: World) -> Blueprint:
    """All operations under both versions of their paths."""
    pages = Blueprint("hubspot", __name__)

    def route(method: str, rest: str, operation: str, work: Work) -> None:
        for plural in KINDS:
            tail = f"/{plural}{rest}"
            for base in (f"/crm/v3/objects{tail}", f"/crm/objects/{VERSION}{tail}"):
                _add(pages, world, method, base, operation, work)

    route("POST", "/batch/read", "batch_read", objects.batch_read)
    route("POST", "/batch/update", "batch_update", objects.batch_update)
    route("POST", "/batch/create", "batch_create", objects.batch_create)
    route("POST", "/search", "search", objects.search)
    route("GET", "/<record>", "get", objects.get_one)
    route("PATCH", "/<record>", "update", objects.update_one)
    route("POST", "", "create", objects.create_one)
    for plural in KINDS:
        for base in (
            f"/crm/v3/properties/{plural}",
            f"/crm/properties/{VERSION}/{plural}",
        ):
            _add(pages, world, "GET", base, "properties", objects.properties)
    _add(pages, world, "GET", "/account-info/v3/details", "account", objects.account)
    return pages


def _add(
    pages: Blueprint, world: World, method: str, path: str, operation: str, work: Work
) -> None:
    pages.add_url_rule(
        path,
        f"{method} {path}".replace(".", "-"),
        lambda record="": _called(world, operation, work, record),
        methods=[method],
        provide_automatic_options=False,
    )


def not_found(world: World, path: str) -> Response:
    """404 in HubSpot's form, for a path that it does not have."""
    with world.lock:
        call = Call("hubspot", "unknown", request.method, path, world.clock.now())
        world.journal.begin(call)
        world.journal.finish(call, 404)
    return answer(objects.error("resource not found", "OBJECT_NOT_FOUND"), 404)


def _called(world: World, operation: str, work: Work, record: str) -> Response:
    body = _body()
    with world.lock:
        call = Call(
            "hubspot", operation, request.method, request.path, world.clock.now()
        )
        call.request, call.subjects = body, objects.subjects(body, record)
        world.journal.begin(call)
        refused = _gate(world, call)
    if refused is not None:
        return _ended(world, call, refused)
    world.wait(world.hubspot.options.latency_ms)

    def done() -> Response:
        with world.lock:
            try:
                made = work(world, _kind(), {"record": record, "body": body})
            except Failed as failed:
                return answer(failed.body, failed.status)
            return answer(*made)

    try:
        response = exchange.answer(world, call, _Words(), done)
    except Exception:
        with world.lock:
            world.journal.finish(call, 0)
        raise
    return _ended(world, call, _with_limits(world, operation, response))


def _gate(world: World, call: Call) -> Response | None:
    """Token, scopes, limits; the refusal, or None."""
    state, now = world.hubspot, world.clock.now()
    scheme, _, token = request.headers.get("Authorization", "").partition(" ")
    world.journal.name_token(call, masked(token))
    if scheme != "Bearer" or token != state.options.access_token:
        return answer(objects.UNAUTHORIZED, 401)
    if call.operation in state.options.denied:
        return answer(objects.SCOPES, 403)
    options = state.options
    if call.operation == "search":
        used = state.search_window.used(now, 1)
        if options.search_calls and used >= options.search_calls:
            world.journal.refused["hubspot", "429"] += 1
            return answer(objects.SECONDLY, 429)
        state.search_window.add(now)
    if options.daily_calls and state.calls_today >= options.daily_calls:
        world.journal.refused["hubspot", "429"] += 1
        return answer(objects.limited("DAILY"), 429)
    used = state.window.used(now, options.burst_seconds)
    if options.burst_calls and used >= options.burst_calls:
        world.journal.refused["hubspot", "429"] += 1
        return answer(objects.limited("TEN_SECONDLY_ROLLING"), 429)
    state.window.add(now)
    state.calls_today += 1
    return None


def _with_limits(world: World, operation: str, response: Response) -> Response:
    options, state = world.hubspot.options, world.hubspot
    response.headers["X-HubSpot-Correlation-Id"] = str(uuid.uuid4())
    if operation != "search" and options.burst_calls:
        with world.lock:
            used = state.window.used(world.clock.now(), options.burst_seconds)
            left = options.daily_calls - state.calls_today
        response.headers["X-HubSpot-RateLimit-Max"] = str(options.burst_calls)
        response.headers["X-HubSpot-RateLimit-Remaining"] = str(
            max(0, options.burst_calls - used)
        )
        interval = str(int(options.burst_seconds * 1000))
        response.headers["X-HubSpot-RateLimit-Interval-Milliseconds"] = interval
        response.headers["X-HubSpot-RateLimit-Daily"] = str(options.daily_calls)
        response.headers["X-HubSpot-RateLimit-Daily-Remaining"] = str(max(0, left))
    return response


def _ended(world: World, call: Call, response: Response) -> Response:
    with world.lock:
        world.journal.finish(call, response.status_code)
    return response


def _kind() -> str:
    found = [one for plural, one in KINDS.items() if f"/{plural}" in request.path]
    return found[0] if found else "contact"


def _body() -> Any:
    raw = request.get_data()
    try:
        return json.loads(raw) if raw.strip() else {}
    except ValueError:
        return None


def answer(body: Any, status: int = 200) -> Response:
    """JSON as HubSpot sends it."""
    text = json.dumps(body, ensure_ascii=False, separators=(",", ":"))
    kind = "application/json;charset=utf-8"
    return Response(text, status, content_type=kind)
