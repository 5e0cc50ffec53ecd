"""`leadbridge up` in a folder of its own: embedded database, web and worker."""

from __future__ import annotations

import re
import shutil
import signal
import socket
import tempfile
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path

import psutil

from app.ledger.database import Database
from tests.stack import Process, Stack, until

#: As PID 1 of a container: whatever loses its parent below becomes a child of `up`.
AS_INIT = """
import ctypes, sys
assert ctypes.CDLL(None).prctl(36, 1, 0, 0, 0) == 0
from app.cli import main
sys.argv[0] = "leadbridge"
main()
"""


class OneBox(Stack):
    """An installation that `up` keeps; its database comes with it."""

    def __init__(self, folder: Path, **environ: str) -> None:
        # Not in pytest's folder, which is closed to all but one user.
        self.data = Path(tempfile.mkdtemp(prefix="leadbridge-"))
        super().__init__(
            folder,
            None,
            DATA_DIR=str(self.data),
            ALLOW_EPHEMERAL_DATABASE="1",
            WEB_CONCURRENCY="1",
            **environ,
        )
        #: Every process that was ever seen below `up`, to leave none behind.
        self.family: set[psutil.Process] = set()

    def start_up(self, *, as_init: bool = False) -> Process:
        """Start `up` and wait until all its parts work."""
        port = self.web_url.rpartition(":")[2] or str(_free_port())
        way = ["-c", AS_INIT] if as_init else ["-m", "app"]
        up = self.run("up", *way, "up", PORT=port)
        up.await_line(r"web listens")
        up.await_line(r"worker started")
        self.web_url = f"http://127.0.0.1:{port}"
        lines = (self.data / "postgres" / "postmaster.pid").read_text().splitlines()
        self.database_url = (
            f"postgresql+psycopg://postgres@/postgres?host={lines[4].strip()}"
        )
        self.database.close()
        self.database = Database(self.database_url, connections=2, name="tests")
        self.note_family(up)
        return up

    def note_family(self, up: Process) -> set[psutil.Process]:
        """The processes of `up` and of its database, as they are now."""
        found = {
            each
            for pid in (up.popen.pid, self.postmaster())
            if pid and psutil.pid_exists(pid)
            for parent in [psutil.Process(pid)]
            for each in [parent, *parent.children(recursive=True)]
        }
        self.family |= found
        return found

    def postmaster(self) -> int:
        """The process id of the database as its own file has it; 0: not there."""
        try:
            text = (self.data / "postgres" / "postmaster.pid").read_text()
        except FileNotFoundError:
            return 0
        return int(text.split("\n", 1)[0] or 0)

    def part(self, up: Process, name: str) -> int:
        """The process id of `web` or `worker`, the last one that was started."""
        pattern = rf'"message": "started".*?"part": "{name}", "pid": (\d+)'
        return int(re.findall(pattern, up.say())[-1])

    def await_gone(self, family: Iterable[psutil.Process], within_s: float) -> None:
        """Wait until none of these processes lives."""
        until(
            lambda: not any(is_alive(one) for one in family),
            "every process to go",
            within_s=within_s,
        )

    def close(self) -> None:
        """Kill whatever of it still runs."""
        for process in self.processes:
            if process.name == "up" and process.popen.poll() is None:
                # Frozen, so that it starts nothing that would be missed.
                process.freeze()
                self.note_family(process)
        for each in self.family:
            if is_alive(each):
                # It may end by itself in between.
                with suppress(psutil.NoSuchProcess):
                    each.send_signal(signal.SIGKILL)
        super().close()
        shutil.rmtree(self.data, ignore_errors=True)


def is_alive(process: psutil.Process) -> bool:
    """Whether it runs: a zombie does not."""
    try:
        return process.is_running() and process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
