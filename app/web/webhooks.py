"""POST /webhooks/<source>[/<mapping>]: raw bytes to the intake, its answer back."""

from __future__ import annotations

from typing import TYPE_CHECKING

from flask import Blueprint, Response, request
from werkzeug.exceptions import ClientDisconnected

from app.domain import WebhookRequest
from app.errors import SignatureInvalid, WebhookRefused
from app.web.answers import plain
from app.web.turns import Turns

if TYPE_CHECKING:
    from collections.abc import Callable

    from app.connectors.base import WebhookReply
    from app.pipeline.intake import Intake
    from app.pipeline.waking import Waker
    from app.settings import Settings

#: Webhooks that one process reads and records at a time: one more than it has
#: connections, so that there is work while PostgreSQL has its turn.
AT_ONCE = 4
#: Longer than a connection is waited for.
LONGEST_WAIT_S = 10.0


def blueprint(intake: Intake, waker: Waker, settings: Settings) -> Blueprint:
    """The routes that senders call."""
    routes = Blueprint("webhooks", __name__, url_prefix="/webhooks")
    base = (settings.public_url or "").rstrip("/")
    turns = Turns(AT_ONCE, longest_wait_s=LONGEST_WAIT_S)

    @routes.post("/<source>")
    @routes.post("/<source>/<mapping>")
    def accept(source: str, mapping: str | None = None) -> Response:
        # A slow sender is waited for before its turn.
        body = _whole_body()
        with turns.one() as leave:
            return _taken(source, mapping, body, leave)

    def _taken(
        source: str, mapping: str | None, body: bytes, leave: Callable[[], None]
    ) -> Response:
        incoming = WebhookRequest(
            method=request.method,
            path=request.path,
            query=request.query_string.decode("latin-1"),
            headers={name.lower(): value for name, value in request.headers},
            body=body,
            url=(base or f"{request.scheme}://{request.host}")
            + request.full_path.rstrip("?"),
        )
        try:
            reply, wakes = intake.accept(source, incoming, mapping, leave)
        except SignatureInvalid:
            # The same answer everywhere: which sources there are is nobody's business.
            return plain(SignatureInvalid.status, "Unknown address, or wrong secret.")
        except WebhookRefused as error:
            shaped = intake.refusal(source, error)
            return _response(shaped) if shaped else plain(error.status, str(error))
        waker.wake(wakes)
        return _response(reply)

    return routes


def _whole_body() -> bytes:
    """The raw body. 400 or 413 for a part of one, which may be about another lead."""
    body = request.get_data(cache=False)
    length = request.content_length
    if length is None:
        # A body without a length is cut off at the limit; only reading on tells.
        request.stream.read(1)
    elif len(body) < length:
        raise ClientDisconnected
    return body


def _response(reply: WebhookReply) -> Response:
    status: int | str = reply.status
    if reply.reason:
        status = f"{reply.status} {reply.reason}"
    return Response(reply.body, status, content_type=reply.content_type)
