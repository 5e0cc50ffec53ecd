"""The sandbox as one WSGI application on one port."""

from __future__ import annotations

import signal
import sys
import threading
from types import TracebackType

from flask import Flask, Response, request
from werkzeug.exceptions import HTTPException
from werkzeug.serving import BaseWSGIServer, make_server

from sandbox import control
from sandbox.hubspot import routes as hubspot
from sandbox.marketo import routes as marketo
from sandbox.sixsense import routes as sixsense
from sandbox.state import World
from sandbox.wire import KeepAliveHandler

#: Paths that begin so are a CRM's; `/_sandbox` is ours; the rest is 6sense's.
MARKETO_ROOTS = ("/rest", "/identity", "/bulk")
HUBSPOT_ROOTS = ("/crm", "/account-info", "/oauth", "/webhooks")


def create_app(world: World | None = None) -> Flask:
    """The whole outside world; `world` is its memory, fresh by default."""
    world = world or World()
    app = Flask(__name__, static_folder=None)
    # A cut connection has to reach the server, not Flask's page for 500.
    app.config["PROPAGATE_EXCEPTIONS"] = True
    app.config["MAX_FORM_MEMORY_SIZE"] = None
    app.extensions["world"] = world
    app.register_blueprint(sixsense.blueprint(world))
    app.register_blueprint(marketo.blueprint(world))
    app.register_blueprint(hubspot.blueprint(world))
    app.register_blueprint(control.blueprint(world))

    @app.errorhandler(HTTPException)
    def refused(error: HTTPException) -> Response:
        path = request.path
        if path.startswith("/_sandbox"):
            problem = f"{request.method} {path}: {error.name}; see GET /_sandbox/"
            return control.shown({"problems": [problem]}, error.code or 500)
        if path.startswith(MARKETO_ROOTS):
            return marketo.not_found(world, path)
        if path.startswith(HUBSPOT_ROOTS):
            return hubspot.not_found(world, path)
        return sixsense.not_found(world, path)

    return app


class Sandbox:
    """A running sandbox in this process, for tests: `with Sandbox() as box:`.

    `url` is its origin, `world` its memory (hold `world.lock`).
    """

    def __init__(self, port: int = 0, host: str = "127.0.0.1") -> None:
        self.world = World()
        self.server = _bind(create_app(self.world), host, port)
        self.url = f"http://{host}:{self.server.server_port}"
        self._thread = threading.Thread(
            target=self.server.serve_forever,
            kwargs={"poll_interval": 0.05},
            name="sandbox",
            daemon=True,
        )

    def start(self) -> Sandbox:
        """Begin to answer; returns itself."""
        self._thread.start()
        return self

    def stop(self) -> None:
        """Let held calls go and close the port."""
        with self.world.lock:
            self.world.faults.clear()
            self.world.marketo.campaigns.end()
            self.world.hubspot_hooks.end()
        self.world.hubspot_hooks.deliveries.await_end()
        self.server.shutdown()
        self._thread.join()
        self.server.server_close()

    def __enter__(self) -> Sandbox:
        return self.start()

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.stop()


def serve(port: int, host: str = "127.0.0.1") -> None:
    """Serve until SIGTERM or Ctrl-C; port 0 picks a free one.

    Prints `sandbox listening on http://HOST:PORT` once it does.

    Raises:
        OSError: the port is taken.
    """
    box = Sandbox(port, host)
    stopping = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stopping.set())
    with box:
        sys.stdout.write(f"sandbox listening on {box.url}\n")
        sys.stdout.flush()
        stopping.wait()


def _bind(app: Flask, host: str, port: int) -> BaseWSGIServer:
    try:
        server = make_server(
            host, port, app, threaded=True, request_handler=KeepAliveHandler
        )
    except (OSError, SystemExit) as error:
        raise OSError(f"port {port} of {host} is not free") from error
    # Connections of clients that never hang up must not hold up the end.
    server.daemon_threads = True  # type: ignore[attr-defined]
    server.block_on_close = False  # type: ignore[attr-defined]
    return server
