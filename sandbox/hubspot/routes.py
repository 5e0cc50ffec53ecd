"""HubSpot over HTTP: the gate of every call, and the operations behind it."""

from __future__ import annotations

import json
import uuid
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from flask import Blueprint, Response, request

from sandbox import exchange
from sandbox.hubspot import (
    batches,
    developer,
    errors,
    gate,
    merges,
    oauth,
    records,
    schema,
    search,
)
from sandbox.hubspot.errors import Failed
from sandbox.hubspot.state import KINDS, TYPE_IDS
from sandbox.journal import Call
from sandbox.state import World

#: `v3`, and the version by date, which stands behind the kind of thing.
VERSION = "2026-09"
Work = Callable[[World, str, Any], Any]
#: (method, the rest of the path, operation, what does it)
Row = tuple[str, str, str, Work]
#: Objects may be called by the id of their type as well.
_BY_TYPE_ID = {own: kind for kind, own in TYPE_IDS.items()}
_PLURALS = {kind: plural for plural, kind in KINDS.items()}
#: Below the path of contacts or companies.
_OBJECTS: tuple[Row, ...] = (
    ("POST", "/batch/read", "batch_read", batches.batch_read),
    ("POST", "/batch/update", "batch_update", batches.batch_update),
    ("POST", "/batch/upsert", "batch_upsert", batches.batch_upsert),
    ("POST", "/batch/create", "batch_create", batches.batch_create),
    ("POST", "/search", "search", search.search),
    ("POST", "/merge", "merge", merges.merge_records),
    ("GET", "/<record>", "get", records.get_one),
    ("PATCH", "/<record>", "update", records.update_one),
    ("POST", "", "create", records.create_one),
)
#: Below the path of the properties of contacts or companies.
_PROPERTIES: tuple[Row, ...] = (
    ("GET", "", "properties", schema.properties),
    ("GET", "/<record>", "property", schema.get_property),
    ("POST", "", "create_property", schema.create_property),
)
_ACCOUNT: Row = ("GET", "/account-info/v3/details", "account", schema.account)
#: Below the path of an app of the webhooks API.
_APP: tuple[Row, ...] = (
    ("GET", "/settings", "webhook_settings", developer.get_settings),
    ("PUT", "/settings", "set_webhook_settings", developer.put_settings),
    ("GET", "/subscriptions", "subscriptions", developer.list_subscriptions),
    ("POST", "/subscriptions", "create_subscription", developer.create_subscription),
    ("POST", "/subscriptions/batch/update", "update_subscriptions",
     developer.update_subscriptions),
    ("GET", "/subscriptions/<record>", "subscription", developer.get_subscription),
    ("PATCH", "/subscriptions/<record>", "update_subscription",
     developer.update_subscription),
    ("PUT", "/subscriptions/<record>", "update_subscription",
     developer.update_subscription),
    ("DELETE", "/subscriptions/<record>", "delete_subscription",
     developer.delete_subscription),
)  # fmt: skip
#: The public client of HubSpot still asks v1.
_TOKENS: tuple[Row, ...] = tuple(
    ("POST", f"/oauth/{version}/token", "token", oauth.token)
    for version in ("v1", "v3", VERSION)
)
OPERATIONS = tuple(
    dict.fromkeys(
        row[2] for row in (*_OBJECTS, *_PROPERTIES, _ACCOUNT, *_APP, *_TOKENS)
    )
)
#: Not kept in the journal.
_HIDDEN = ("client_secret", "refresh_token", "code", "hapikey")


class _Words:
    """`exchange.Dialect` for HubSpot."""

    def __init__(self, world: World) -> None:
        self.world = world

    def status(self, status: int) -> Response:
        return answer(errors.of_status(status), status)

    def code(self, code: str, message: str | None) -> Response:
        raise NotImplementedError("HubSpot has no codes beside its statuses")

    def policy(self, call: Call, policy: str) -> Response:
        if call.operation == "search" and policy == "SECONDLY":
            return answer(errors.secondly(), 429)
        return answer(errors.limited(policy), 429)

    def expired_token(self, call: Call) -> Response:
        tokens, token = self.world.hubspot.tokens, gate.bearer()
        with self.world.lock:
            if token not in tokens:
                return answer(errors.unauthorized(), 401)
            tokens[token] = self.world.clock.now()
        return answer(errors.expired(0), 401)


@dataclass(frozen=True)
class _Operation:
    """What one path does, about which kind of object, and for whom."""

    name: str
    work: Work
    kind: str
    gate: Callable[[World, Call, str], gate.Refusal | None]

    @property
    def is_limited(self) -> bool:
        return self.gate is gate.by_token


def blueprint(world: World) -> Blueprint:
    """All operations, those of objects under both versions of their paths."""
    pages = Blueprint("hubspot", __name__)
    for part, rows in (("objects", _OBJECTS), ("properties", _PROPERTIES)):
        for plural, kind in (*KINDS.items(), *_BY_TYPE_ID.items()):
            for base in (f"/crm/v3/{part}", f"/crm/{part}/{VERSION}"):
                for row in rows:
                    _add(pages, world, f"{base}/{plural}", row, kind)
    _add(pages, world, "", _ACCOUNT, "contact")
    for row in _APP:
        _add(pages, world, "/webhooks/v3/<app>", row, "contact", gate.by_developer_key)
    for row in _TOKENS:
        _add(pages, world, "", row, "contact", gate.by_body)
    return pages


def _add(
    pages: Blueprint,
    world: World,
    base: str,
    row: Row,
    kind: str,
    check: Callable[[World, Call, str], gate.Refusal | None] = gate.by_token,
) -> None:
    method, rest, name, work = row
    path, operation = base + rest, _Operation(name, work, kind, check)
    pages.add_url_rule(
        path,
        f"{method} {path}".replace(".", "-"),
        lambda record="", app="": _called(world, operation, record, app),
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


def _called(world: World, operation: _Operation, record: str, app: str) -> Response:
    is_form = operation.gate is gate.by_body
    body = request.form.to_dict() if is_form else _body()
    query = request.args.to_dict()
    with world.lock:
        call = Call(
            "hubspot", operation.name, request.method, request.path, world.clock.now()
        )
        call.request, call.subjects = _shown(body or query), _subjects(body, record)
        world.journal.begin(call)
        refused = operation.gate(world, call, _PLURALS[operation.kind])
    if refused is not None:
        return _ended(world, call, operation, answer(*refused))
    world.wait(world.hubspot.options.latency_ms)

    def done() -> Response:
        asked = {"record": record, "app": app, "body": body, "query": query}
        with world.lock:
            try:
                made = operation.work(world, operation.kind, asked)
            except Failed as failed:
                return answer(failed.body, failed.status)
            return answer(*made)

    try:
        response = exchange.answer(world, call, _Words(world), done)
    except Exception:
        with world.lock:
            world.journal.finish(call, 0)
        raise
    return _ended(world, call, operation, response)


def _shown(given: Any) -> Any:
    """A body or query without secrets."""
    if not isinstance(given, dict):
        return given
    return {name: value for name, value in given.items() if name not in _HIDDEN}


def _subjects(body: Any, record: str) -> frozenset[str]:
    """The ids and addresses that a call is about, for faults that name one."""
    found = {record}
    if isinstance(body, dict):
        found |= {str(body.get(key, "")) for key in ("primaryObjectId", "id")}
        found.add(str(body.get("objectIdToMerge", "")))
        rows = body.get("inputs")
        for row in (body, *(rows if isinstance(rows, list) else ())):
            if isinstance(row, dict):
                values = row.get("properties")
                found.add(str(row.get("id", "")))
                found.add(str(values.get("email", "") if type(values) is dict else ""))
    return frozenset(one.lower() for one in found if one)


def _ended(
    world: World, call: Call, operation: _Operation, response: Response
) -> Response:
    with world.lock:
        world.journal.finish(call, response.status_code)
        is_told = operation.is_limited and call.operation != "search"
        if is_told and response.status_code != 401:
            told = gate.limit_headers(world.hubspot, world.clock.now())
            response.headers.update(told)
    return _stamped(response)


def _stamped(response: Response) -> Response:
    response.headers["X-HubSpot-Correlation-Id"] = str(uuid.uuid4())
    return response


def _body() -> Any:
    """The JSON of the request, None for what is none."""
    raw = request.get_data()
    try:
        found = json.loads(raw) if raw.strip() else {}
        # Half of a pair of surrogates is no text: it could not be sent back.
        json.dumps(found, ensure_ascii=False).encode()
    except ValueError:
        return None
    return found


def answer(body: Any, status: int = 200) -> Response:
    """JSON as HubSpot sends it."""
    if status == 204:
        return Response(status=status)
    text = json.dumps(body, ensure_ascii=False, separators=(",", ":"))
    kind = "application/json;charset=utf-8"
    return Response(text, status, content_type=kind)
