"""6sense over HTTP: routing, the gate of every call, the journal."""

from __future__ import annotations

import re
from typing import Any

from flask import Blueprint, Response, request

from sandbox import exchange
from sandbox.journal import Call, masked
from sandbox.sixsense import answers
from sandbox.sixsense.operations import OPERATIONS
from sandbox.sixsense.question import JSON, Operation, Question
from sandbox.sixsense.state import TokenState, read_apis
from sandbox.state import World

ANY_METHOD = ("GET", "POST", "PUT", "PATCH", "DELETE")
_TOKEN = re.compile(r"[A-Za-z0-9]{40}")
#: Names, one hyphen, and the token; the names may hold hyphens, so they stay one.
_CUSTOM_ID = re.compile(r"(\S.*)-[A-Za-z0-9]{40}")


class _Words:
    """`exchange.Dialect` for 6sense."""

    def __init__(self, world: World) -> None:
        self.world = world

    def status(self, status: int) -> Response:
        if status in (202, 204):
            return Response(status=status)
        return answers.error(status) if status >= 400 else answers.answer({}, status)

    def code(self, code: str, message: str | None) -> Response:
        raise NotImplementedError("6sense has no codes inside its answers")

    def policy(self, call: Call, policy: str) -> Response:
        raise NotImplementedError("6sense has no names for its limits")

    def expired_token(self, call: Call) -> Response:
        return answers.error(401)


def blueprint(world: World) -> Blueprint:
    """All operations of 6sense under their own paths."""
    pages = Blueprint("sixsense", __name__)
    for operation in OPERATIONS:
        pages.add_url_rule(
            operation.path,
            operation.name,
            lambda operation=operation: _called(world, operation),
            methods=ANY_METHOD,
            provide_automatic_options=False,
        )
        for path in operation.short_paths:
            pages.add_url_rule(
                path,
                f"{operation.name} {path}",
                lambda operation=operation: _called_short(world, operation),
                methods=ANY_METHOD,
                provide_automatic_options=False,
                strict_slashes=True,
            )
        if operation.method == "GET" and operation.encoding is None:
            pages.add_url_rule(
                operation.path,
                f"{operation.name} preflight",
                lambda operation=operation: _preflight(world, operation),
                methods=["OPTIONS"],
                provide_automatic_options=False,
            )
    return pages


def not_found(world: World, path: str) -> Response:
    """404 in the documented error form, for a path 6sense does not have."""
    with world.lock:
        call = Call("sixsense", "unknown", request.method, path, world.clock.now())
        world.journal.begin(call)
        world.journal.finish(call, 404)
    return answers.error(404, answers.UNKNOWN_PATH)


def _called_short(world: World, operation: Operation) -> Response:
    """A path that a few of 6sense's samples have; its table does not."""
    if world.sixsense.options.short_paths:
        return _called(world, operation)
    return not_found(world, request.path)


def _preflight(world: World, operation: Operation) -> Response:
    """What a browser asks before it lets a page call."""
    if not (_is_for_pages(operation) and world.sixsense.options.cors):
        return answers.error(405)
    response = Response(status=204)
    response.headers["Access-Control-Allow-Methods"] = "GET, OPTIONS"
    response.headers["Access-Control-Allow-Headers"] = request.headers.get(
        "Access-Control-Request-Headers", "Authorization"
    )
    return _shared(response)


def _is_for_pages(operation: Operation) -> bool:
    """Only Company Identification is used in browsers."""
    return operation.name == "company_identification_v3"


def _shared(response: Response) -> Response:
    """With credentials, as 6sense's own script sends them, the origin is named."""
    response.headers["Access-Control-Allow-Origin"] = request.headers.get("Origin", "*")
    response.headers["Access-Control-Allow-Credentials"] = "true"
    return response


def _called(world: World, operation: Operation) -> Response:
    inputs = _inputs(operation)
    about = (inputs.get(name) for name in ("email", "ip", "domain", "domainName"))
    call = Call(
        "sixsense", operation.name, request.method, request.path, world.clock.now(),
        request=inputs,
        subjects=frozenset(one.lower() for one in about if one and type(one) is str),
    )  # fmt: skip
    with world.lock:
        journal = world.journal
        journal.begin(call)
    status = 0
    try:
        response = _gated(world, operation, call, inputs)
        status = response.status_code
    finally:
        with world.lock:
            journal.finish(call, status)
    is_shared = _is_for_pages(operation) and world.sixsense.options.cors
    return _shared(response) if is_shared and "Origin" in request.headers else response


def _inputs(operation: Operation) -> dict[str, Any]:
    """What was sent; of a body that is no object nothing."""
    given: Any = request.form if operation.encoding else request.args
    if operation.encoding == JSON and not request.form:
        given = request.get_json(force=True, silent=True)
        given = given if isinstance(given, dict) else {}
    inputs = {_trimmed(name): _trimmed(value) for name, value in given.items()}
    return {**_headers(operation), **inputs}


def _trimmed(value: Any) -> Any:
    """Postman samples end in line breaks, and half a surrogate is no text."""
    if isinstance(value, list):
        return [_trimmed(one) for one in value]
    if isinstance(value, str):
        return value.encode("utf-8", "replace").decode().strip()
    return value


def _headers(operation: Operation) -> dict[str, str]:
    """What is asked by headers: the visitor, the cookie, on whose behalf."""
    headers = request.headers
    forwarded = headers.get("X-Forwarded-For", "").partition(",")[0].strip()
    if not _is_for_pages(operation):
        return {"ip": forwarded} if forwarded else {}
    found = {"ip": forwarded or request.remote_addr or ""}
    if "EpsilonCookie" in headers:
        found["EpsilonCookie"] = headers["EpsilonCookie"]
    if "X-6s-CustomID" in headers:
        names = _CUSTOM_ID.fullmatch(headers["X-6s-CustomID"])
        # The token at its end is nobody's business; "" says that it was wrong.
        found["custom_id"] = names[1] if names else ""
    return found


def _gated(
    world: World, operation: Operation, call: Call, inputs: dict[str, Any]
) -> Response:
    token = _token(world)
    if token is None:
        return answers.error(401)
    refusal = _admit(world, operation, call, token)
    if refusal is not None:
        return refusal
    options = world.sixsense.options
    world.wait(options.latency_ms)

    def work() -> Response:
        if request.method != operation.method:
            return answers.error(405)
        wrong_type = operation.encoding and request.mimetype != operation.encoding
        if wrong_type and not options.any_content_type:
            return answers.error(422)
        if operation.encoding == JSON and _is_broken():
            return answers.error(422)
        return operation.work(Question(world, call, token, operation, inputs))

    return exchange.answer(world, call, _Words(world), work)


def _is_broken() -> bool:
    """A body that is no JSON object; a form is read if that is switched on."""
    body = request.get_json(force=True, silent=True)
    return not isinstance(body, dict) and not request.form


def _token(world: World) -> str | None:
    """The caller's token, if it is one the sandbox knows or accepts."""
    scheme, _, token = request.headers.get("Authorization", "").partition(" ")
    options = world.sixsense.options
    # `Bearer`, `token` and two blanks are refused, as is white space inside.
    if scheme != "Token" or not token:
        return None
    if token in options.tokens:
        return token
    return token if options.accept_any_token and _TOKEN.fullmatch(token) else None


def _admit(
    world: World, operation: Operation, call: Call, token: str
) -> Response | None:
    """403 or 429, or None and the call has taken its place in the window."""
    with world.lock:
        state, options, now = world.sixsense, world.sixsense.options, world.clock.now()
        label = state.entitlement(token, "name", masked(token))
        mine = state.tokens.setdefault(token, TokenState(label))
        world.journal.name_token(call, mine.label)
        mine.calls += 1
        apis = read_apis(state.entitlement(token, "apis", None))
        if apis is not None and operation.name not in apis:
            return answers.error(403)
        limit, seconds = options.rate_calls, options.rate_seconds
        wait_s = mine.window.free_in_s(now, limit, seconds) if limit else 0.0
        if wait_s:
            mine.refused_429 += 1
            world.journal.refused["sixsense", "429"] += 1
            return _too_many(options.retry_after, wait_s)
        mine.window.add(now)
    return None


def _too_many(retry_after: Any, wait_s: float) -> Response:
    response = answers.error(429)
    if retry_after is not False:
        seconds = int(wait_s) + 1 if retry_after is True else retry_after
        response.headers["Retry-After"] = str(seconds)
    return response
