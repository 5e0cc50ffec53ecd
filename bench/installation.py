"""One installation to be measured: a database, web and workers of its own."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import requests
import sqlalchemy as sa

from app.ledger import wakeups
from app.ledger.database import Database, upgrade
from app.ledger.embedded import EmbeddedServer
from app.ledger.runs import Runs
from app.ledger.wakeups import Wake
from bench import processes
from bench.load import body_of
from tests.stack import Process, new_database, until

ROOT = Path(__file__).parents[1]
SECRET = "a-webhook-secret"
#: Neither 6sense's limit nor Marketo's, and threads enough for slow answers: 32 of
#: them cannot ask more than 213 times a second if an answer takes 150 ms.
UNLIMITED = {
    "SIXSENSE_RATE_LIMIT": "0",
    "MARKETO_CALL_LIMIT": "0",
    "ENRICH_THREADS": "96",
}


@dataclass
class Ground:
    """What all rows share: the database server, the upstreams, a folder for logs."""

    folder: Path
    server_url: str
    upstreams_url: str
    upstreams_pid: int

    def upstreams(self, path: str, **query: Any) -> Any:
        """Ask the upstreams something."""
        url = f"{self.upstreams_url}/_bench/{path}"
        return requests.get(url, params=query, timeout=30).json()

    @contextmanager
    def installation(self, **environ: str) -> Iterator[Installation]:
        """An installation on an empty database; everything is ended afterwards."""
        name = f"bench_{time.monotonic_ns()}"
        with new_database(self.server_url, name) as url:
            made = Installation(self, url, environ)
            try:
                yield made
            finally:
                made.close()

    @contextmanager
    def process(
        self, name: str, arguments: list[str], environ: dict[str, str]
    ) -> Iterator[Process]:
        """One process of another kind, ended afterwards."""
        log = self.folder / f"{name}-{time.monotonic_ns()}.log"
        process = Process(name, arguments, {**_inherited(), **environ}, log)
        try:
            yield process
        finally:
            process.kill()


@contextmanager
def ground() -> Iterator[Ground]:
    """Start what all rows share, and end it."""
    with tempfile.TemporaryDirectory(prefix="leadbridge-bench-") as name:
        folder = Path(name)
        server = EmbeddedServer(folder)
        url = server.start()
        log = folder / "upstreams.log"
        stub = Process("upstreams", ["-m", "bench.upstreams"], _inherited(), log)
        try:
            found = stub.await_line(r"listen on (http://\S+)")
            yield Ground(folder, url, found[1], stub.popen.pid)
        finally:
            stub.kill()
            server.stop()


def run_load(kind: str, url: str, **options: Any) -> dict[str, float]:
    """Run the load generator; its figures."""
    given = [f"--{name.replace('_', '-')}={value}" for name, value in options.items()]
    done = subprocess.run(
        [sys.executable, "-m", "bench.load", kind, f"--url={url}", *given],
        cwd=ROOT,
        env=_inherited(),
        capture_output=True,
        check=True,
        timeout=300,
    )
    figures: dict[str, float] = json.loads(done.stdout)
    if figures["failed"]:
        raise RuntimeError(f"{figures['failed']} of the requests to {url} failed")
    return figures


class Installation:
    """Web and workers as users start them, on the default clock."""

    def __init__(self, ground: Ground, url: str, environ: dict[str, str]) -> None:
        self.ground = ground
        self.environ = {
            **_inherited(),
            "DATABASE_URL": url,
            "MAPPINGS_DIR": str(ROOT / "mappings"),
            "SIXSENSE_URL": ground.upstreams_url,
            "SIXSENSE_TOKEN": "0123456789abcdef0123456789abcdef01234567",
            "MARKETO_URL": ground.upstreams_url,
            "MARKETO_CLIENT_ID": "a-client",
            "MARKETO_CLIENT_SECRET": "a-client-secret",
            "MARKETO_WEBHOOK_SECRET": SECRET,
            "HOST": "127.0.0.1",
            "PORT": "0",
            # The upstreams keep no log of activities to search.
            "RECONCILE_EVERY_S": "0",
            **environ,
        }
        self.workers: list[Process] = []
        self.web: Process | None = None
        self.web_url = ""
        self.next_id = 1
        upgrade(url)
        self.database = Database(url, connections=1, name="bench")

    def start_web(self) -> None:
        """Start web on a free port."""
        self.web = self.start("web")
        found = self.web.await_line(r"web listens.*?port\"?[=:]\s*(\d+)")
        self.web_url = f"http://127.0.0.1:{found[1]}/webhooks/marketo"

    def start_workers(self, count: int) -> None:
        """Start workers and wait until they work."""
        started = [self.start("worker") for _ in range(count)]
        for worker in started:
            worker.await_line(r"worker started")
        self.workers += started

    def start(self, name: str) -> Process:
        log = self.ground.folder / f"{name}-{time.monotonic_ns()}.log"
        return Process(name, ["-m", "app", name], self.environ, log)

    def close(self) -> None:
        """End every process of this installation."""
        for process in (*self.workers, *filter(None, [self.web])):
            process.kill()
        self.database.close()

    @property
    def pids(self) -> list[int]:
        """Web's parent and the workers; their children belong to them."""
        return [p.popen.pid for p in (*self.workers, *filter(None, [self.web]))]

    def cpu_s(self) -> float:
        """Time of the processor that web and workers have used."""
        return processes.cpu_s(self.pids)

    # Leads

    def accept(self, count: int) -> dict[str, float]:
        """Have `count` webhooks of new leads accepted, as fast as it goes."""
        figures = run_load(
            "closed",
            self.web_url,
            secret=SECRET,
            count=count,
            seconds=240,
            first_id=self.next_id,
        )
        self.next_id += count
        return figures

    def post(self) -> int:
        """One webhook of a new lead; its id."""
        lead_id, self.next_id = self.next_id, self.next_id + 1
        answer = requests.post(
            self.web_url,
            data=body_of(lead_id),
            headers={"X-Leadbridge-Secret": SECRET, "Content-Type": "application/json"},
            timeout=30,
        )
        answer.raise_for_status()
        return lead_id

    def hold_back(self) -> None:
        """Nothing that waits is due: workers can start and warm up."""
        self.query("update runs set due_at = now() + interval '1 hour'")

    def let_go(self) -> None:
        """Everything that waits is due, and the workers know."""
        self.query("update runs set due_at = received_at where finished_at is null")
        due = Runs(self.database).due()
        wakeups.wake(self.database, [Wake(task, scope) for task, scope in due])

    def await_written(self, count: int, *, within_s: float) -> None:
        """Wait until so many leads have arrived in Marketo."""

        def is_done() -> bool:
            found = self.ground.upstreams("written", id=0)
            return bool(found["count"] >= count)

        try:
            until(is_done, f"{count} leads to be written", within_s=within_s)
        except AssertionError as error:
            states = self.query("select state, count(*) from runs group by state")
            told = [f"{error}; runs: {states}"]
            told += [
                f"--- {worker.name}\n{worker.say()[-3000:]}" for worker in self.workers
            ]
            raise RuntimeError("\n".join(told)) from error

    def query(self, sql: str, **values: Any) -> Any:
        """Rows of the ledger."""
        return self.database.rows(sa.text(sql), **values)


def _inherited() -> dict[str, str]:
    names = ("PATH", "HOME", "LANG")
    return {name: os.environ[name] for name in names if name in os.environ}
