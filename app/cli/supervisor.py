"""`leadbridge up`: database, web and worker on one box, restarted with back-off."""

from __future__ import annotations

import signal
import subprocess
import sys
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass, field

import structlog

from app.cli.serve import environment
from app.errors import ConfigurationError
from app.ledger import database
from app.ledger.embedded import EmbeddedServer
from app.runtime import DATABASE_WAIT_S, configured, database_url
from app.settings import Settings

log = structlog.get_logger()

#: Waits before each restart in a row, in seconds; the last one stays.
BACK_OFF_S = (0.2, 1.0, 2.0, 5.0, 10.0, 30.0)
#: A child that ran this long starts at the front of the table again.
HEALTHY_AFTER_S = 30.0
#: Children are looked at this often, in seconds.
LOOK_EVERY_S = 0.2
#: More than a child's own SHUTDOWN_S, less than a platform's 30 s.
PATIENCE_S = 5.0


@dataclass
class Child:
    """One supervised process."""

    name: str
    arguments: tuple[str, ...]
    process: subprocess.Popen[bytes] | None = None
    started_at: float = 0.0
    #: Deaths in a row.
    deaths: int = 0
    start_at: float = field(default_factory=time.monotonic)

    def start(self, environ: Mapping[str, str]) -> None:
        """Start it, in a process group of its own so that ^C reaches only us."""
        self.process = subprocess.Popen(  # noqa: S603 - this program itself
            [sys.executable, "-m", "app", *self.arguments],
            env=dict(environ),
            start_new_session=True,
        )
        self.started_at = time.monotonic()
        log.info("started", part=self.name, pid=self.process.pid)

    def has_died(self) -> bool:
        """Whether it has ended since it was started; plans the next start."""
        if self.process is None or self.process.poll() is None:
            return False
        now = time.monotonic()
        if now - self.started_at > HEALTHY_AFTER_S:
            self.deaths = 0
        wait = BACK_OFF_S[min(self.deaths, len(BACK_OFF_S) - 1)]
        self.deaths += 1
        self.start_at = now + wait
        log.error(
            "ended, will be started again",
            part=self.name,
            exit_code=self.process.returncode,
            in_s=wait,
        )
        self.process = None
        return True


class Supervisor:
    """Keeps the parts of a one-box installation running until told to stop."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.stopping = threading.Event()
        self.server: EmbeddedServer | None = None
        self.children = [Child("web", ("web",)), Child("worker", ("worker",))]

    def run(self) -> int:
        """Run until SIGTERM or SIGINT; the exit code.

        Raises ConfigurationError when it cannot even begin: then a restart would
        not help either, and nothing is left running.
        """
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda *_: self.stopping.set())
        # Every problem is told here, once, and not by two children again and again.
        configured(self.settings)
        url, self.server = database_url(self.settings)
        try:
            database.upgrade(url)
            environ = environment(self.settings, DATABASE_URL=url)
            while not self.stopping.wait(LOOK_EVERY_S):
                self._keep_database()
                self._keep_children(environ)
        finally:
            self._stop()
        return 0

    def _keep_database(self) -> None:
        """Bring the embedded server back when it was killed; the rest waits for it."""
        if self.server is None or self.server.pid is not None:
            return
        log.error("the embedded database is gone, starting it again")
        deadline = time.monotonic() + DATABASE_WAIT_S
        while not self.stopping.is_set():
            try:
                self.server.start()
            except ConfigurationError as error:
                if time.monotonic() > deadline:
                    raise
                # Its old processes may still be leaving the shared memory.
                log.warning("not yet", error=str(error))
                self.stopping.wait(0.5)
            else:
                log.info("the embedded database is back", pid=self.server.pid)
                return

    def _keep_children(self, environ: Mapping[str, str]) -> None:
        for child in self.children:
            child.has_died()
            if child.process is None and time.monotonic() >= child.start_at:
                child.start(environ)

    def _stop(self) -> None:
        """Stop the children together, then the database they need to finish."""
        running = [c.process for c in self.children if c.process is not None]
        for process in running:
            process.terminate()
        deadline = time.monotonic() + self.settings.shutdown_s + PATIENCE_S
        for process in running:
            try:
                process.wait(max(0.1, deadline - time.monotonic()))
            except subprocess.TimeoutExpired:
                log.error("did not stop in time, killing it", pid=process.pid)
                process.kill()
                process.wait()
        if self.server is not None:
            self.server.stop()
        log.info("stopped")
