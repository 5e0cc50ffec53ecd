"""`leadbridge up`: database, web and worker on one box, restarted with back-off."""

from __future__ import annotations

import contextlib
import os
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
from app.runtime import configured, database_url
from app.settings import Settings

log = structlog.get_logger()

#: Waits before each restart in a row, in seconds; the last one stays.
BACK_OFF_S = (0.2, 1.0, 2.0, 5.0, 10.0, 30.0)
#: A child that ran this long starts at the front of the table again.
HEALTHY_AFTER_S = 30.0
#: Children are looked at this often, in seconds.
LOOK_EVERY_S = 0.2
#: What children get beyond their own SHUTDOWN_S; the database stops after them, and
#: all of it is to be over before a platform's 30 s.
PATIENCE_S = 2.0
#: A child looks this often whether its supervisor still lives.
PARENT_EVERY_S = 0.5


def follow(parent: int | None) -> None:
    """Stop this process, as on SIGTERM, once `parent` is gone.

    A killed supervisor stops nobody. Its children would go on, hold the port, and be
    in the way of those that the next one starts.
    """
    if parent is not None:
        threading.Thread(
            target=_follow, args=(parent,), name="parent", daemon=True
        ).start()


def _follow(parent: int) -> None:
    while os.getppid() == parent:
        time.sleep(PARENT_EVERY_S)
    log.warning("the supervisor is gone, stopping too", pid=os.getpid())
    os.kill(os.getpid(), signal.SIGTERM)


@dataclass
class Child:
    """One supervised process; `name` is its command as well."""

    name: str
    process: subprocess.Popen[bytes] | None = None
    started_at: float = 0.0
    #: Deaths in a row.
    deaths: int = 0
    start_at: float = field(default_factory=time.monotonic)

    def start(self, environ: Mapping[str, str]) -> None:
        """Start it, in a process group of its own so that ^C reaches only us."""
        self.process = subprocess.Popen(  # noqa: S603 - this program itself
            [sys.executable, "-m", "app", self.name, "--parent", str(os.getpid())],
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
        wait = back_off(self.deaths)
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

    def terminate(self) -> None:
        """SIGTERM: it may finish what it has begun."""
        if self.process is not None:
            self.process.terminate()

    def has_ended(self, deadline: float) -> bool:
        """Whether it ends before `deadline` of the monotonic clock."""
        if self.process is None:
            return True
        try:
            self.process.wait(max(0.1, deadline - time.monotonic()))
        except subprocess.TimeoutExpired:
            return False
        return True

    def kill(self) -> None:
        """SIGKILL, to the processes that it started as well."""
        if self.process is not None:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self.process.pid, signal.SIGKILL)
            self.process.wait()


def back_off(failures: int) -> float:
    """Seconds to wait after so many failures in a row before this one."""
    return BACK_OFF_S[min(failures, len(BACK_OFF_S) - 1)]


class Supervisor:
    """Keeps the parts of a one-box installation running until told to stop."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.stopping = threading.Event()
        self.server: EmbeddedServer | None = None
        self.children = [Child("web"), Child("worker")]
        #: Starts of the database that failed in a row, and when the next one is due.
        self.database_failures = 0
        self.database_at = 0.0

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
        if time.monotonic() < self.database_at:
            return
        log.error("the embedded database is gone, starting it again")
        try:
            self.server.start()
        except ConfigurationError as error:
            # Its old processes may still be leaving the shared memory; and a disk
            # that is full now may have room again in a minute.
            wait_s = back_off(self.database_failures)
            self.database_failures += 1
            self.database_at = time.monotonic() + wait_s
            log.error("not yet", error=str(error), in_s=wait_s)
        else:
            self.database_failures = 0
            log.info("the embedded database is back", pid=self.server.pid)

    def _keep_children(self, environ: Mapping[str, str]) -> None:
        for child in self.children:
            child.has_died()
            if child.process is None and time.monotonic() >= child.start_at:
                child.start(environ)

    def _stop(self) -> None:
        """Stop the children together, then the database they need to finish."""
        running = [child for child in self.children if child.process is not None]
        for child in running:
            child.terminate()
        deadline = time.monotonic() + self.settings.shutdown_s + PATIENCE_S
        for child in running:
            if not child.has_ended(deadline):
                log.error("did not stop in time, killing it", part=child.name)
                child.kill()
        if self.server is not None:
            self.server.stop()
        log.info("stopped")
