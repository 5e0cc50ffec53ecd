"""`/identity/oauth/token`: the one token of the API user."""

from __future__ import annotations

import json
from typing import Any

from flask import Response, request

from sandbox import exchange
from sandbox.journal import Call
from sandbox.marketo.envelope import MESSAGES, Words, dressed, failed
from sandbox.marketo.state import MarketoState
from sandbox.state import World


def identity(world: World) -> Response:
    """A token by client credentials; not counted, same token while it lives."""
    values = {**request.args.to_dict(), **request.form.to_dict()}
    call = Call(
        "marketo", "token", request.method, request.path, world.clock.now(),
        request={k: v for k, v in values.items() if k != "client_secret"},
    )  # fmt: skip
    with world.lock:
        world.journal.begin(call)

    def work() -> Response:
        with world.lock:
            return _token(world.marketo, values)

    status = 0
    try:
        response = exchange.answer(world, call, Words(world), work)
        status = response.status_code
    finally:
        with world.lock:
            world.journal.finish(call, status)
    return dressed(world.marketo.options, response)


def _token(marketo: MarketoState, values: dict[str, str]) -> Response:
    options, client = marketo.options, values.get("client_id", "")
    if request.method not in ("GET", "POST"):
        return failed("605", MESSAGES["605"].format(request.method))
    if values.get("grant_type") != "client_credentials":
        words = f"Unsupported grant type: {values.get('grant_type', '')}"
        return _refused(400, "unsupported_grant_type", words)
    if client != options.client_id:
        words = f"No client with requested id: {client}"
        return _refused(401, "unauthorized", words)
    if values.get("client_secret") != options.client_secret:
        return _refused(401, "invalid_client", "Bad client credentials")
    now = marketo.clock.now()
    token, left = marketo.token.current(now, options.token_lifetime_s)
    return _oauth(
        {
            "access_token": token,
            "token_type": "bearer",
            "expires_in": left,
            "scope": options.api_user,
        },
        200,
    )


def _refused(status: int, error: str, words: str) -> Response:
    # No `success` and no `requestId` here, unlike anywhere else.
    return _oauth({"error": error, "error_description": words}, status)


def _oauth(body: dict[str, Any], status: int) -> Response:
    response = Response(
        json.dumps(body), status, content_type="application/json;charset=UTF-8"
    )
    response.headers["Cache-Control"] = "no-store"
    response.headers["Pragma"] = "no-cache"
    return response
