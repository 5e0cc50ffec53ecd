"""The only folder that knows Flask: requests in, answers out, nothing decided."""

from __future__ import annotations

from typing import TYPE_CHECKING

from flask import Flask
from werkzeug.middleware.proxy_fix import ProxyFix

from app.web import answers, health, webhooks

if TYPE_CHECKING:
    from app.pipeline.intake import Intake
    from app.pipeline.waking import Waker
    from app.settings import Settings


def build(settings: Settings, *, intake: Intake, waker: Waker) -> Flask:
    """The WSGI application, of parts that the runtime has made."""
    flask = Flask("app.web", static_folder=None)
    flask.config["MAX_CONTENT_LENGTH"] = settings.max_body_bytes
    # Form bodies are read as raw bytes: neither limit may cut them short first.
    flask.config["MAX_FORM_MEMORY_SIZE"] = None
    flask.url_map.strict_slashes = False
    flask.register_blueprint(webhooks.blueprint(intake, waker, settings))
    flask.register_blueprint(health.blueprint(intake.parts))
    answers.register(flask)
    if settings.trusted_proxies:
        hops = settings.trusted_proxies
        flask.wsgi_app = ProxyFix(  # type: ignore[method-assign]  # Flask's own way
            flask.wsgi_app, x_for=hops, x_proto=hops, x_host=hops
        )
    return flask
