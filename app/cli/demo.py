"""`leadbridge demo`: a lead's whole way on this machine, with no account anywhere.

Real parts in processes of their own: PostgreSQL, the sandbox that plays Marketo,
HubSpot and 6sense, web and worker. What it prints is read from the ledger, and from
the records as Marketo and HubSpot have them.
"""

from __future__ import annotations

import json
import os
import re
import secrets
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

import click
import requests

from app.cli.story import shown
from app.errors import AppError

if TYPE_CHECKING:
    from app.ledger.database import Database
    from app.ledger.reports import Story

#: What the demo fails after, in seconds; each step names what it waited for.
PATIENCE_S = 45.0
LOOK_EVERY_S = 0.05
#: The template that the quick start has people paste into Marketo.
TEMPLATE = """{"id": {{lead.Id}}, "email": {{lead.Email Address}},
 "country": {{lead.Country}}, "company": {{company.Company Name}},
 "website": {{company.Website}}, "title": {{lead.Job Title}},
 "firstName": {{lead.First Name}}, "lastName": {{lead.Last Name}},
 "unsubscribed": {{lead.Unsubscribed}}}"""
#: What is shown: the record, and what to see in it.
SCENES = (
    (
        "marketo",
        318581,
        "a known company; the head count was typed by a person, so it stays",
    ),
    ("marketo", 318581, "the same webhook again: counted, not run, and no credit"),
    (
        "hubspot",
        218840000201,
        "a new contact in HubSpot: its webhook has an id alone, so the rest is read",
    ),
    ("marketo", 318584, "6sense does not know the company: nothing is blanked"),
    (
        "marketo",
        318585,
        "a free mailbox: the mapping skips it before anything is asked",
    ),
)
#: The contact that is made in HubSpot; a person has typed its industry.
CONTACT = {
    "email": "max.muster@globex.example",
    "firstname": "Max",
    "lastname": "Muster",
    "company": "Globex",
    "country": "Germany",
    "sixsense_industry": "Wholesale",
}


class DemoFailed(AppError):
    """The demo did not get through; the message says at what."""


class Stage:
    """The processes of the demo, and where they are."""

    def __init__(self, folder: Path, port: int) -> None:
        self.folder = folder
        self.port = port
        self.secret = secrets.token_urlsafe(18)
        self.processes: dict[str, subprocess.Popen[bytes]] = {}
        self.sandbox_url = ""
        self.web_url = ""
        self.database_url = ""

    def environ(self) -> dict[str, str]:
        """The settings a real installation has, and nothing of this machine's own."""
        kept = ("PATH", "HOME", "LANG", "LC_ALL", "TZ", "TMPDIR", "SYSTEMROOT")
        return {
            **{name: os.environ[name] for name in kept if name in os.environ},
            "DATABASE_URL": self.database_url,
            "MAPPINGS_DIR": os.environ.get("MAPPINGS_DIR", "mappings"),
            "SIXSENSE_URL": self.sandbox_url,
            "SIXSENSE_TOKEN": secrets.token_hex(20),
            "MARKETO_URL": self.sandbox_url,
            "MARKETO_CLIENT_ID": "sandbox-client",
            "MARKETO_CLIENT_SECRET": "sandbox-secret",
            "MARKETO_WEBHOOK_SECRET": self.secret,
            "HUBSPOT_URL": self.sandbox_url,
            "HUBSPOT_ACCESS_TOKEN": "sandbox-hubspot-token",
            "HUBSPOT_CLIENT_SECRET": "sandbox-hubspot-secret",
            "HUBSPOT_APP_ID": "7315529",
            "HOST": "127.0.0.1",
            "PORT": str(self.port),
            "LOG_FORMAT": "json",
        }

    def start(self, name: str, *arguments: str, says: str) -> str:
        """Start one process and wait for a line; what the line's group holds."""
        log = self.folder / f"{name}.log"
        with log.open("wb") as output:
            self.processes[name] = subprocess.Popen(  # noqa: S603 - our own program
                [sys.executable, *arguments],
                env=self.environ(),
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                start_new_session=True,
            )
        for _ in _patience(f"{name} to start (see {log})"):
            match = re.search(says, log.read_text(errors="replace"))
            if match:
                return match[1] if match.groups() else match[0]
            if self.processes[name].poll() is not None:
                said = log.read_text(errors="replace").strip()
                raise DemoFailed(f"{name} did not start:\n{said[-2000:]}")
        raise AssertionError("patience ends by raising")

    def stop(self) -> None:
        """End what was started, by its process id."""
        for process in reversed(self.processes.values()):
            if process.poll() is None:
                process.terminate()
        for process in self.processes.values():
            try:
                process.wait(10)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()

    def sandbox(self, path: str, body: Any = None, **params: Any) -> Any:
        """Ask the sandbox's control API."""
        url = f"{self.sandbox_url}/_sandbox/{path}"
        answer = requests.request(
            "GET" if body is None else "POST", url, json=body, params=params, timeout=40
        )
        if not answer.ok:
            raise DemoFailed(f"the sandbox refused {path}: {answer.text[:300]}")
        return answer.json()

    def record(self, system: str, record_id: int) -> dict[str, Any]:
        """The record as its system has it now; a new contact is not there yet."""
        kind, asked = ("leads", "ids") if system == "marketo" else ("contacts",) * 2
        found = self.sandbox("state", calls=0, **{asked: record_id})[kind]
        record: dict[str, Any] = found.get(str(record_id), {})
        return record

    def webhook(self, system: str, record_id: int) -> str:
        """Let the system call us about a record; the status in our answer."""
        if system == "hubspot":
            return self.create_contact(record_id)
        return self.call_webhook(record_id)

    def create_contact(self, record_id: int) -> str:
        """Make a contact in HubSpot, which then sends its webhook by itself."""
        url = f"{self.web_url}/webhooks/hubspot"
        self.sandbox("hubspot/webhooks", {"url": url})
        self.sandbox("hubspot/contacts", [{"id": str(record_id), **CONTACT}])
        for _ in _patience("HubSpot's webhook"):
            hooks = self.sandbox("state", calls=0)["hubspot"]["webhooks"]
            if hooks["deliveries"]:
                status = hooks["deliveries"][-1]["status"]
                return "accepted" if status == 200 else f"answered {status}"
        raise AssertionError("patience ends by raising")

    def call_webhook(self, lead_id: int) -> str:
        """Let Marketo's campaign call its webhook; the status in our answer."""
        webhook = {
            "url": f"{self.web_url}/webhooks/marketo",
            "template": TEMPLATE,
            "encoding": "JSON",
            "headers": {"X-Leadbridge-Secret": self.secret},
        }
        body = {"webhook": webhook, "ids": [lead_id], "campaign": {"id": 1207}}
        (sent,) = self.sandbox("marketo/call-webhook", body)["sent"]
        try:
            return str(json.loads(sent["response"])["status"])
        except (KeyError, TypeError, ValueError):
            raise DemoFailed(f"the webhook was answered {sent}") from None


@click.command()
@click.option("--stay", is_flag=True, help="Keep everything running afterwards.")
@click.option("--port", type=int, help="Port of web. [default: free, with --stay 8000]")
def demo(stay: bool, port: int | None) -> int:
    """Show a lead's whole way: webhook in, 6sense asked, Marketo or HubSpot changed."""
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, _leave)
    chosen = port if port is not None else (8000 if stay else 0)
    with _stage(chosen) as stage, _ledger(stage) as database:
        sources = _sources()
        for system, record_id, about in SCENES:
            if system in sources:
                _play(stage, database, system, record_id, about)
        if stay:
            _stay(stage)
    return 0


def _sources() -> set[str]:
    """The sources that the mapping files name."""
    from app.cli.mapping import load_reports

    return {each.source for report in load_reports([]) for each in report.mappings}


def _leave(number: int, _frame: object) -> NoReturn:
    """As ^C does: through everything that has something to end or to remove."""
    for each in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(each, signal.SIG_IGN)
    raise SystemExit(128 + number)


@contextmanager
def _stage(port: int) -> Iterator[Stage]:
    """All parts, started in the order in which they need each other."""
    from app.ledger.database import upgrade
    from app.ledger.embedded import EmbeddedServer

    with tempfile.TemporaryDirectory(prefix="leadbridge-") as name:
        stage = Stage(Path(name), port)
        server = EmbeddedServer(stage.folder)
        try:
            stage.database_url = server.start()
            upgrade(stage.database_url)
            stage.sandbox_url = stage.start(
                "sandbox", "-m", "sandbox", "--port", "0", says=r"(http://\S+)"
            )
            # They end by themselves if this process is killed.
            parent = ("--parent", str(os.getpid()))
            found = stage.start(
                "web", "-m", "app", "web", *parent, says=r'"port": (\d+)'
            )
            stage.web_url = f"http://127.0.0.1:{found}"
            stage.start("worker", "-m", "app", "worker", *parent, says="worker started")
            yield stage
        finally:
            stage.stop()
            server.stop()


@contextmanager
def _ledger(stage: Stage) -> Iterator[Database]:
    from app.ledger.database import Database

    database = Database(stage.database_url, connections=1, name="leadbridge demo")
    try:
        yield database
    finally:
        database.close()


def _play(
    stage: Stage, database: Database, system: str, record_id: int, about: str
) -> None:
    """One webhook, and what came of it."""
    click.echo(click.style(f"# {about}", dim=True))
    before = stage.record(system, record_id)
    status = stage.webhook(system, record_id)
    if not before:
        before = CONTACT
    noun = "lead" if system == "marketo" else "contact"
    click.echo(f"webhook   {system} {noun} {record_id} → {status}")
    if status == "accepted":
        story = _await_end(database, record_id)
        for line in _told(story):
            click.echo(line)
        _show(noun, story, before, stage.record(system, record_id))
    click.echo()


def _await_end(database: Database, lead_id: int) -> Story:
    """The run of this lead, once it has ended."""
    from app.ledger import reports

    for _ in _patience(f"the run of lead {lead_id} to end"):
        chosen = reports.RunFilter(lead=str(lead_id))
        rows = reports.runs(database, chosen, count=1)
        if rows and rows[0].finished_at is not None:
            story = reports.story(database, rows[0].id)
            if story is not None:
                return story
    raise AssertionError("patience ends by raising")


def _told(story: Story) -> Iterator[str]:
    run = story.run
    for lookup in story.lookups:
        credit = f"{lookup.credits} credit{'' if lookup.credits == 1 else 's'}"
        yield f"enrich    {lookup.api} → {lookup.result}, {credit} (estimated)"
    if story.batch is not None:
        updates = len(story.updates)
        batch = f"{run.source}, batch of {story.batch.size}"
        yield f"send      {batch} → {updates} updated"
    why = f": {run.reason}" if run.reason else ""
    yield f"run       {run.state}{why}"


def _show(
    noun: str, story: Story, before: dict[str, Any], after: dict[str, Any]
) -> None:
    """Each field as it was and as it is now, or why it was kept."""
    kept = [one for one in story.run.decisions or [] if not one["write"]]
    if not story.updates and not kept:
        click.echo(f"{noun:<8}  {story.run.lead_id}  not touched")
        return
    changed = [
        name
        for name in after
        if name.startswith("sixsense") and after[name] != before.get(name)
    ]
    names = [*changed, *(one["field"] for one in kept)]
    width = max(map(len, names), default=0)
    head = f"{noun:<8}  {story.run.lead_id}  "
    for name in changed:
        was, now = shown(before.get(name)), shown(after[name])
        click.echo(f"{head}{name:<{width}}  {was} → {now}")
        head = " " * len(head)
    for one in kept:
        current = shown(before.get(one["field"]))
        click.echo(f"{head}{one['field']:<{width}}  {current} kept, {one['reason']}")
        head = " " * len(head)


def _stay(stage: Stage) -> None:
    """Say where to look, and wait for ^C."""
    for line in _hints(stage):
        click.echo(line)
    ended = threading.Event()
    signal.signal(signal.SIGINT, lambda *_: ended.set())
    while not ended.wait(0.5):
        for name, process in stage.processes.items():
            if process.poll() is not None:
                raise DemoFailed(f"{name} ended; its log is {stage.folder / name}.log")


def _hints(stage: Stage) -> Sequence[str]:
    return (
        "Everything stays up. In another terminal:",
        "",
        f"  curl {stage.web_url}/webhooks/marketo \\",
        f"       -H 'X-Leadbridge-Secret: {stage.secret}' \\",
        '       -d \'{"id": 318582, "email": "hans.muster@globex.example"}\'',
        f"  curl '{stage.sandbox_url}/_sandbox/state?ids=318582'",
        f"  DATABASE_URL='{stage.database_url}' {_program()} runs",
        f"  curl {stage.web_url}/readyz",
        "",
        f"Logs: {stage.folder}. ^C ends it.",
    )


def _program() -> str:
    """The running program, as one types it in the folder it was started in."""
    path = Path(sys.argv[0]).absolute()
    if path.name == "__main__.py":
        return f"{sys.executable} -m app"
    return str(path)


def _patience(what: str) -> Iterator[None]:
    """Look again and again until PATIENCE_S is over; then DemoFailed."""
    deadline = time.monotonic() + PATIENCE_S
    while time.monotonic() < deadline:
        yield
        time.sleep(LOOK_EVERY_S)
    raise DemoFailed(f"waited {PATIENCE_S:g} s for {what}")
