"""/healthz: the process lives. /readyz: it can accept. /metrics: for Prometheus."""

from __future__ import annotations

import hmac
import json
from typing import TYPE_CHECKING, Any

from flask import Blueprint, Response, request

from app import __version__
from app.ledger import reports
from app.ledger.database import DatabaseAway, schema_state
from app.web.answers import plain

if TYPE_CHECKING:
    from app.pipeline.parts import Parts


def blueprint(parts: Parts) -> Blueprint:
    """The routes that platforms and monitors call."""
    routes = Blueprint("health", __name__)
    database, settings, stalled = parts.ledger.database, parts.settings, parts.stalled

    @routes.get("/healthz")
    def alive() -> Response:
        # Says nothing of the database: a restart would not bring that back.
        return _json(200, {"status": "ok", "version": __version__})

    @routes.get("/readyz")
    def ready() -> Response:
        try:
            problem = schema_state(database)
            health = None if problem else reports.health(database, stalled=stalled)
        except DatabaseAway:
            # Anybody may ask: who is told where the database is reads the log.
            problem, health = "The database does not answer.", None
        if health is None:
            return _json(503, {"status": "not ready", "problem": problem})
        return _json(200, {"status": "ready", **_for(health, is_known=_is_known())})

    def _is_known() -> bool:
        given = request.headers.get("Authorization", "")
        expected = f"Bearer {settings.metrics_token or ''}"
        is_same = hmac.compare_digest(given.encode(), expected.encode())
        return is_same and settings.metrics_token is not None

    @routes.get("/metrics")
    def metrics() -> Response:
        if settings.metrics_token is None:
            return plain(404, "Set METRICS_TOKEN to have metrics here.")
        if not _is_known():
            return plain(401, "Send Authorization: Bearer with METRICS_TOKEN.")
        from app.web.metrics import CONTENT_TYPE, render

        return Response(render(parts), 200, content_type=CONTENT_TYPE)

    return routes


def _for(health: dict[str, Any], *, is_known: bool) -> dict[str, Any]:
    """Pauses by number for anybody; with names and reasons for who has the token."""
    if is_known:
        return health
    return {**health, "pauses": len(health["pauses"])}


def _json(status: int, shown: dict[str, object]) -> Response:
    body = json.dumps(shown, default=str) + "\n"
    return Response(body, status, content_type="application/json")
