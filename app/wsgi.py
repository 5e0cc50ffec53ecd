"""gunicorn's entry: `gunicorn 'app.wsgi:create()'`. `leadbridge web` is the usual way.

Nothing is read or connected at import.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from flask import Flask

    from app.runtime import Runtime


def create(runtime: Runtime | None = None) -> Flask:
    """The WSGI application; without a runtime, of this process's environment."""
    from app import web

    if runtime is None:
        from app import __version__, logs, sentry
        from app import runtime as runtimes
        from app.settings import Settings

        settings = Settings.load(os.environ)
        logs.configure(settings.log_level, settings.log_format)
        sentry.init(settings.sentry_dsn, release=__version__)
        runtime = runtimes.build(settings, role="web")
    return web.build(runtime.settings, intake=runtime.intake, waker=runtime.waker)
