"""gunicorn, run from Python: preloaded, threads, and no connection shared by a fork."""

from __future__ import annotations

import gc
from pathlib import Path
from typing import TYPE_CHECKING, Any

import structlog
from gunicorn.app.base import BaseApplication

from app import logs
from app import runtime as runtimes
from app.wsgi import create

if TYPE_CHECKING:
    from flask import Flask

    from app.runtime import Runtime
    from app.settings import Settings

log = structlog.get_logger()


#: In memory, where a system has it.
SHARED_MEMORY = Path("/dev/shm")  # noqa: S108


def memory_folder() -> str | None:
    """Where gunicorn's heartbeat goes; None: /tmp, which may be a disk."""
    return str(SHARED_MEMORY) if SHARED_MEMORY.is_dir() else None


class Server(BaseApplication):  # type: ignore[misc]  # gunicorn has no types
    """One gunicorn with an application that is built before it forks."""

    def __init__(self, flask: Flask, runtime: Runtime) -> None:
        self.flask = flask
        self.runtime = runtime
        super().__init__()

    def load_config(self) -> None:
        """Our settings as gunicorn's; nothing of its own is read."""
        for name, value in self.options().items():
            self.cfg.set(name, value)

    def options(self) -> dict[str, Any]:
        """gunicorn's settings by its own names."""
        settings = self.runtime.settings
        return {
            "bind": f"{settings.host}:{settings.port}",
            "workers": settings.web_concurrency,
            "worker_class": "gthread",
            "threads": settings.web_threads,
            "preload_app": True,
            "keepalive": 30,
            "timeout": 60,
            "graceful_timeout": int(settings.shutdown_s),
            "worker_tmp_dir": memory_folder(),
            "limit_request_line": 8190,
            "accesslog": None,
            "errorlog": "-",
            "loglevel": "warning",
            "proc_name": "leadbridge web",
            "on_starting": lambda _arbiter: logs.adopt(
                "gunicorn.error", "gunicorn.access"
            ),
            "post_fork": self.after_fork,
            "when_ready": self.when_ready,
        }

    def load(self) -> Flask:
        """The application, made in the parent."""
        return self.flask

    def after_fork(self, _arbiter: object, _worker: object) -> None:
        """The child makes connections of its own."""
        self.runtime.database.forget_connections()

    def when_ready(self, arbiter: Any) -> None:
        """Tell where: with port 0 nobody knows before."""
        for listener in arbiter.LISTENERS:
            host, port = listener.sock.getsockname()[:2]
            log.info("web listens", host=host, port=port)


def serve(settings: Settings) -> int:
    """Serve until told to stop."""
    runtime = runtimes.build(settings, role="web")
    flask = create(runtime)
    # The parent keeps none: every connection counts (see the budget in runtime.py).
    runtime.database.close()
    # The collector writes to what it looks at: the children would copy every page
    # that they could have shared.
    gc.collect()
    gc.freeze()
    try:
        Server(flask, runtime).run()
    except SystemExit as leaving:
        return int(leaving.code or 0)
    finally:
        runtime.close()
    return 0
