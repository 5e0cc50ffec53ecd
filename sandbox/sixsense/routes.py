"""6sense over HTTP: routing, the gate of every call, the journal."""

from __future__ import annotations

import re
from typing import Any

from flask import Blueprint, Response, request

from sandbox import exchange
from sandbox.journal import Call, masked
from sandbox.sixsense import answers
from sandbox.sixsense.operations import OPERATIONS, Operation, Question
from sandbox.sixsense.state import TokenState, read_apis
from sandbox.state import World

ANY_METHOD = ("GET", "POST", "PUT", "PATCH", "DELETE")
_TOKEN = re.compile(r"[A-Za-z0-9]{40}")


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
    return pages


def not_found(world: World, path: str) -> Response:
    """404 in the documented error form, for a path 6sense does not have."""
    with world.lock:
        call = Call("sixsense", "unknown", request.method, path, world.clock.now())
        world.journal.begin(call)
        world.journal.finish(call, 404)
    return answers.error(404, answers.UNKNOWN_PATH)


def _called(world: World, operation: Operation) -> Response:
    inputs = _inputs(operation)
    call = Call(
        "sixsense", operation.name, request.method, operation.path, world.clock.now(),
        request=inputs,
        subjects=frozenset(filter(None, [inputs.get("email", "").lower()])),
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
    return response


def _inputs(operation: Operation) -> dict[str, str]:
    given: Any = request.form if operation.encoding else request.args
    # Postman samples end in line breaks; the real API is said to trim.
    return {name: value.strip() for name, value in given.items()}


def _gated(
    world: World, operation: Operation, call: Call, inputs: dict[str, str]
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
        return operation.work(operation, Question(world, call, token, inputs))

    return exchange.answer(world, call, _Words(world), work)


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
