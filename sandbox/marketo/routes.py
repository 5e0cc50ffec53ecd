"""Marketo over HTTP: routing, the gate of every REST call, counting."""

from __future__ import annotations

from collections import Counter
from typing import Any

from flask import Blueprint, Response, request

from sandbox import exchange
from sandbox.journal import Call, masked
from sandbox.marketo import sync
from sandbox.marketo.envelope import MESSAGES, Refused, Words, dressed, failed
from sandbox.marketo.identity import identity
from sandbox.marketo.operations import OPERATIONS, Asked, Operation
from sandbox.marketo.state import MarketoState
from sandbox.state import World

ANY_METHOD = ("GET", "POST", "PUT", "PATCH", "DELETE")
FORM = "application/x-www-form-urlencoded"
LONGEST_URI = 8 * 1024
LONGEST_BODY = 1024 * 1024
#: Calls answered with these count neither for the rate nor for the day.
UNCOUNTED = frozenset({"601", "602", "604", "605", "608", "611"})

_TABLE = {(operation.path, operation.method): operation for operation in OPERATIONS}


def blueprint(world: World) -> Blueprint:
    """Identity and the lead database under their own paths."""
    pages = Blueprint("marketo", __name__)
    pages.add_url_rule(
        "/identity/oauth/token", "token", lambda: identity(world),
        methods=ANY_METHOD, provide_automatic_options=False,
    )  # fmt: skip
    for path in dict.fromkeys(operation.path for operation in OPERATIONS):
        pages.add_url_rule(
            path, path.replace(".", "_"),
            lambda key="", path=path: _called(world, path, str(key)),
            methods=ANY_METHOD, provide_automatic_options=False,
        )  # fmt: skip
    return pages


def not_found(world: World, path: str) -> Response:
    """Code 610 for a path that Marketo does not have; it needs no token."""
    call = Call("marketo", "unknown", request.method, path, world.clock.now())
    options = world.marketo.options
    with world.lock:
        world.journal.begin(call)
        world.journal.finish(call, options.unknown_path_status, "610")
    return dressed(options, failed("610", status=options.unknown_path_status))


def _called(world: World, path: str, key: str) -> Response:
    """One REST call, from the in-flight count to the journal."""
    method = _method()
    operation = _TABLE.get((path, method))
    name = operation.name if operation else "unknown"
    call = Call("marketo", name, method, request.path, world.clock.now())
    with world.lock:
        marketo, journal = world.marketo, world.journal
        journal.begin(call)
        marketo.in_flight.enter()
    status, code = 0, ""
    try:
        response = _gated(world, call, operation, key)
        status, code = response.status_code, getattr(response, "code", "")
    finally:
        with world.lock:
            marketo.in_flight.leave()
            journal.finish(call, status, code)
    return dressed(marketo.options, response)


def _method() -> str:
    """The verb that is meant: `_method` in the query or in a form overrides POST."""
    override = request.args.get("_method") or request.form.get("_method")
    if request.method == "POST" and override:
        return override.upper()
    return request.method


def _gated(world: World, call: Call, operation: Operation | None, key: str) -> Response:
    """Size, token, limits; then the faults and the work."""
    if len(request.full_path) > LONGEST_URI:
        return Words(world).status(414)
    if (request.content_length or 0) > LONGEST_BODY:
        return Words(world).status(413)
    code = _admit(world, call)
    if code:
        return Words(world).code(code, None)
    world.wait(world.marketo.options.latency_ms)
    try:
        if operation is None:
            raise Refused("605", MESSAGES["605"].format(request.method))
        if operation.name in world.marketo.options.denied:
            raise Refused("603")
        asked = _asked(world, call, operation, key)
        response = exchange.answer(
            world, call, Words(world), lambda: _worked(operation, asked)
        )
    except Refused as refused:
        response = failed(refused.code, refused.message)
    _count(world, getattr(response, "code", ""))
    return response


def _worked(operation: Operation, asked: Asked) -> Response:
    # Inside the exchange, so that a fault after the work sees refusals too.
    try:
        return operation.work(asked)
    except Refused as refused:
        return failed(refused.code, refused.message)


def _admit(world: World, call: Call) -> str:
    """The code of the first limit that refuses the call, or ""."""
    with world.lock:
        marketo, now = world.marketo, world.clock.now()
        options = marketo.options
        given = _bearer(marketo)
        if wrong := marketo.token.judge(given, now):
            return wrong
        world.journal.name_token(call, masked(given))
        code = _limit(marketo, now)
        if not code or options.refused_calls_count:
            marketo.window.add(now)
            marketo.calls_by_day[marketo.day()] += 1
        if code:
            world.journal.refused["marketo", code] += 1
            _note_error(marketo, code)
        return code


def _limit(marketo: MarketoState, now: float) -> str:
    options = marketo.options
    if options.in_flight and marketo.in_flight.now > options.in_flight:
        return "615"
    used = marketo.window.used(now, options.rate_seconds)
    if options.rate_calls and used >= options.rate_calls:
        return "606"
    today = marketo.calls_by_day[marketo.day()]
    if options.daily_quota and today >= options.daily_quota:
        return "607"
    return ""


def _count(world: World, code: str) -> None:
    """Note an error code; take back the place of a call that does not count."""
    if not code:
        return
    with world.lock:
        marketo = world.marketo
        _note_error(marketo, code)
        if code in UNCOUNTED:
            marketo.window.take_back()
            marketo.calls_by_day[marketo.day()] -= 1


def _note_error(marketo: MarketoState, code: str) -> None:
    marketo.errors_by_day.setdefault(marketo.day(), Counter())[code] += 1


def _bearer(marketo: MarketoState) -> str:
    """The token of the call; the old parameter only by switch."""
    scheme, _, token = request.headers.get("Authorization", "").partition(" ")
    if scheme == "Bearer":
        return token.strip()
    if marketo.options.legacy_token_parameter:
        return request.args.get("access_token") or request.form.get("access_token", "")
    return ""


def _asked(world: World, call: Call, operation: Operation, key: str) -> Asked:
    """The call's query and body, checked for form.

    Raises:
        Refused: 612 for another content type, 609 for JSON that cannot be read.
    """
    given = {**request.args.to_dict(flat=False), **request.form.to_dict(flat=False)}
    given.pop("access_token", None)
    # A parameter sent several times is one with commas, as the peer client sends it.
    query = {name: ",".join(values) for name, values in given.items()}
    body = _json() if operation.writes_json else {}
    call.request = body or query
    call.subjects = _subjects(query, body, key)
    return Asked(world, call, query, body, key)


def _json() -> dict[str, Any]:
    if request.mimetype != "application/json":
        raise Refused("612")
    body = request.get_json(silent=True)
    if not isinstance(body, dict):
        raise Refused("609")
    return body


def _subjects(query: dict[str, str], body: dict[str, Any], key: str) -> frozenset[str]:
    found = {key, *query.get("filterValues", "").split(",")}
    records = body.get("input")
    if isinstance(records, dict):
        records = records.get("leads")
    for record in records if isinstance(records, list) else []:
        found.update(sync.subjects(record))
    return frozenset(text.strip().lower() for text in found if text)
