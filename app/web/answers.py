"""Error → HTTP answer. Never a stack trace, never a 500 for somebody's bad input."""

from __future__ import annotations

import json

import structlog
from flask import Flask, Response
from werkzeug.exceptions import HTTPException

from app.errors import AppError
from app.ledger.database import DatabaseAway

log = structlog.get_logger()

#: Senders that retry should do so after this many seconds.
RETRY_AFTER_S = 5

#: What a person can do about it, by status.
FIXES = {
    404: "There is nothing at this address. Webhooks go to /webhooks/<source>.",
    405: "This address takes POST only.",
    413: "The body is larger than MAX_BODY_BYTES allows.",
}


def plain(status: int, message: str, **headers: str) -> Response:
    """An answer in the one form that every refusal has."""
    body = json.dumps({"status": "error", "message": message}, ensure_ascii=False)
    return Response(
        body + "\n", status, content_type="application/json", headers=headers
    )


def register(flask: Flask) -> None:
    """Answer whatever a route raises."""

    @flask.errorhandler(DatabaseAway)
    def away(error: DatabaseAway) -> Response:
        log.error("not accepted", error=str(error))
        return plain(
            503,
            "The database does not answer. Nothing was taken; send it again.",
            **{"Retry-After": str(RETRY_AFTER_S)},
        )

    @flask.errorhandler(HTTPException)
    def refused(error: HTTPException) -> Response:
        status = error.code or 500
        answer = plain(status, FIXES.get(status, error.description or error.name))
        # 405 says which methods there are.
        for name, value in error.get_headers():
            if name == "Allow":
                answer.headers[name] = value
        return answer

    @flask.errorhandler(AppError)
    def failed(error: AppError) -> Response:
        log.error("request failed", error=str(error))
        return plain(503, str(error), **{"Retry-After": str(RETRY_AFTER_S)})

    @flask.errorhandler(Exception)
    def broken(error: Exception) -> Response:
        # The stack goes to the log and to Sentry; the sender gets a way to retry.
        log.error("request broke", exc_info=error)
        return plain(
            503,
            "Something broke on our side. Nothing was taken; send it again.",
            **{"Retry-After": str(RETRY_AFTER_S)},
        )
