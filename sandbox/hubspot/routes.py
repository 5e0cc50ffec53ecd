"""HubSpot over HTTP: the gate of every call, and the operations behind it."""

from __future__ import annotations

import json
import uuid
from collections.abc import Callable
from typing import Any

from flask import Blueprint, Response, request

from sandbox import exchange
from sandbox.hubspot import batches, errors, records, schema, search
from sandbox.hubspot.errors import Failed
from sandbox.hubspot.state import KINDS, TYPE_IDS, HubSpotState
from sandbox.journal import Call, masked
from sandbox.state import World

#: `v3`, and the version by date, which stands behind the kind of thing.
VERSION = "2026-09"
Work = Callable[[World, str, Any], Any]
#: Objects may be called by the id of their type as well.
_BY_TYPE_ID = {own: kind for kind, own in TYPE_IDS.items()}
_PLURALS = {kind: plural for plural, kind in KINDS.items()}
#: Below the path of contacts or companies.
_OBJECTS: tuple[tuple[str, str, str, Work], ...] = (
    ("POST", "/batch/read", "batch_read", batches.batch_read),
    ("POST", "/batch/update", "batch_update", batches.batch_update),
    ("POST", "/batch/upsert", "batch_upsert", batches.batch_upsert),
    ("POST", "/batch/create", "batch_create", batches.batch_create),
    ("POST", "/search", "search", search.search),
    ("GET", "/<record>", "get", records.get_one),
    ("PATCH", "/<record>", "update", records.update_one),
    ("POST", "", "create", records.create_one),
)
#: Below the path of the properties of contacts or companies.
_PROPERTIES: tuple[tuple[str, str, str, Work], ...] = (
    ("GET", "", "properties", schema.properties),
    ("GET", "/<record>", "property", schema.get_property),
    ("POST", "", "create_property", schema.create_property),
)
OPERATIONS = (*(row[2] for row in (*_OBJECTS, *_PROPERTIES)), "account")


class _Words:
    """`exchange.Dialect` for HubSpot."""

    def status(self, status: int) -> Response:
        return answer(errors.of_status(status), status)

    def code(self, code: str, message: str | None) -> Response:
        raise NotImplementedError("HubSpot has no codes beside its statuses")

    def expired_token(self, call: Call) -> Response:
        return answer(errors.unauthorized(), 401)


def blueprint(world: World) -> Blueprint:
    """All operations under both versions of their paths."""
    pages = Blueprint("hubspot", __name__)
    for part, rows in (("objects", _OBJECTS), ("properties", _PROPERTIES)):
        for plural, kind in (*KINDS.items(), *_BY_TYPE_ID.items()):
            for base in (f"v3/{part}", f"{part}/{VERSION}"):
                for method, rest, operation, work in rows:
                    path = f"/crm/{base}/{plural}{rest}"
                    _add(pages, world, method, path, operation, work, kind)
    path = "/account-info/v3/details"
    _add(pages, world, "GET", path, "account", schema.account, "contact")
    return pages


def _add(
    pages: Blueprint,
    world: World,
    method: str,
    path: str,
    operation: str,
    work: Work,
    kind: str,
) -> None:
    pages.add_url_rule(
        path,
        f"{method} {path}".replace(".", "-"),
        lambda record="": _called(world, operation, work, kind, record),
        methods=[method],
        provide_automatic_options=False,
    )


def not_found(world: World, path: str) -> Response:
    """404 in HubSpot's form, for a path that it does not have."""
    with world.lock:
        call = Call("hubspot", "unknown", request.method, path, world.clock.now())
        world.journal.begin(call)
        world.journal.finish(call, 404)
    return _stamped(answer(errors.not_there().body, 404))


def _called(
    world: World, operation: str, work: Work, kind: str, record: str
) -> Response:
    body, query = _body(), request.args.to_dict()
    with world.lock:
        call = Call(
            "hubspot", operation, request.method, request.path, world.clock.now()
        )
        call.request, call.subjects = body or query, _subjects(body, record)
        world.journal.begin(call)
        refused = _gate(world, call, kind)
    if refused is not None:
        return _ended(world, call, refused)
    world.wait(world.hubspot.options.latency_ms)

    def done() -> Response:
        asked = {"record": record, "body": body, "query": query}
        with world.lock:
            try:
                made = work(world, kind, asked)
            except Failed as failed:
                return answer(failed.body, failed.status)
            return answer(*made)

    try:
        response = exchange.answer(world, call, _Words(), done)
    except Exception:
        with world.lock:
            world.journal.finish(call, 0)
        raise
    return _ended(world, call, response)


def _subjects(body: Any, record: str) -> frozenset[str]:
    """The ids and addresses that a call is about, for faults that name one."""
    rows = body.get("inputs") if isinstance(body, dict) else None
    found = {record.lower()}
    for row in rows if isinstance(rows, list) else ():
        if isinstance(row, dict):
            found.add(str(row.get("id", "")).lower())
    return frozenset(found - {""})


def _gate(world: World, call: Call, kind: str) -> Response | None:
    """Token, scopes, limits; the refusal, or None."""
    options = world.hubspot.options
    scheme, _, token = request.headers.get("Authorization", "").partition(" ")
    world.journal.name_token(call, masked(token))
    if scheme != "Bearer" or token != options.access_token:
        return answer(errors.unauthorized(), 401)
    if call.operation in options.denied:
        return answer(errors.lacks_scope(call.operation, _PLURALS[kind]), 403)
    if body := _limit(world.hubspot, call.operation, world.clock.now()):
        world.journal.refused["hubspot", "429"] += 1
        return answer(body, 429)
    return None


def _limit(state: HubSpotState, operation: str, now: float) -> dict[str, Any] | None:
    """What a call over a limit is answered; any other takes its place in the limits.

    Searches have a limit of their own instead of the rolling one.
    """
    options, day = state.options, state.day()
    if options.daily_calls and state.calls_by_day[day] >= options.daily_calls:
        return errors.limited("DAILY")
    if operation == "search":
        used = state.search_window.used(now, 1)
        if options.search_calls and used >= options.search_calls:
            return errors.secondly()
        state.search_window.add(now)
    else:
        used = state.window.used(now, options.burst_seconds)
        if options.burst_calls and used >= options.burst_calls:
            return errors.limited("TEN_SECONDLY_ROLLING")
        state.window.add(now)
    state.calls_by_day[day] += 1
    return None


def _with_limits(state: HubSpotState, response: Response, now: float) -> None:
    """The headers of the limits in force; the caller holds the lock."""
    options, name = state.options, "X-HubSpot-RateLimit-"
    told: dict[str, int] = {}
    if options.burst_calls:
        used = state.window.used(now, options.burst_seconds)
        told["Max"] = options.burst_calls
        told["Remaining"] = max(0, options.burst_calls - used)
        told["Interval-Milliseconds"] = int(options.burst_seconds * 1000)
    if options.daily_calls:
        used = state.calls_by_day[state.day()]
        told["Daily"] = options.daily_calls
        told["Daily-Remaining"] = max(0, options.daily_calls - used)
    response.headers.update({f"{name}{key}": str(told[key]) for key in told})


def _ended(world: World, call: Call, response: Response) -> Response:
    with world.lock:
        world.journal.finish(call, response.status_code)
        if call.operation != "search" and response.status_code != 401:
            _with_limits(world.hubspot, response, world.clock.now())
    return _stamped(response)


def _stamped(response: Response) -> Response:
    response.headers["X-HubSpot-Correlation-Id"] = str(uuid.uuid4())
    return response


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
