"""What `leadbridge doctor` finds: checks, and those of database and work."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import Final

from app.errors import RateLimited
from app.ledger import facts, reports
from app.ledger.database import Database, DatabaseAway, schema_state
from app.ledger.facts import Server
from app.ledger.pauses import Pause, Pauses
from app.ledger.reports import RunFilter
from app.settings import Settings

#: A clock that is off by more makes times in the ledger and in a CRM disagree.
CLOCK_OFF_S: Final = 2.0
#: Failures of so many causes are named.
CAUSES: Final = 3


class State(StrEnum):
    """What a check came to."""

    OK = "ok"
    #: Works, but a person should look at it.
    WARNING = "warning"
    PROBLEM = "problem"
    #: Could not be looked at; `what` says why.
    UNTESTED = "untested"


@dataclass(frozen=True, slots=True)
class Check:
    """One line of the doctor's report."""

    name: str
    state: State
    what: str
    fix: str = ""


def ok(name: str, what: str) -> Check:
    """All is well."""
    return Check(name, State.OK, what)


def warning(name: str, what: str, fix: str = "") -> Check:
    """It works; `fix` says what would be better."""
    return Check(name, State.WARNING, what, fix)


def problem(name: str, what: str, fix: str = "") -> Check:
    """It does not work; `fix` says how it will."""
    return Check(name, State.PROBLEM, what, fix)


def untested(name: str, what: str, fix: str = "") -> Check:
    """Nobody knows."""
    return Check(name, State.UNTESTED, what, fix)


def check_database(database: Database, *, budget: int) -> list[Check]:
    """The server itself; the first check is a problem if the ledger is of no use.

    `budget`: the connections that web and one worker take.
    """
    try:
        server = facts.server(database)
        state = schema_state(database)
        found = [_server(server), *_limits(server, budget)]
        found.insert(1, problem("schema", state) if state else ok("schema", "fits"))
        return [*found, _heard(database)]
    except DatabaseAway as error:
        fix = "Is it running, and is DATABASE_URL its address?"
        return [problem("database", str(error), fix)]


def is_usable(checks: list[Check]) -> bool:
    """Whether the ledger can be read, after `check_database`."""
    told = {check.name: check.state for check in checks}
    states = [told.get("database"), told.get("schema")]
    return all(state is State.OK for state in states)


def _server(server: Server) -> Check:
    said = f"PostgreSQL {server.version} answers, {_size(server.bytes)}"
    if server.is_read_only:
        fix = "Point DATABASE_URL at the primary server."
        return problem("database", f"{said}, but takes no writes", fix)
    return ok("database", said)


def _limits(server: Server, budget: int) -> Iterator[Check]:
    yield clock(server.clock_ahead_s)
    said = (
        f"{server.most_connections} at most, {server.open_connections} open now; web "
        f"and one worker take up to {budget}"
    )
    if server.most_connections < budget:
        fix = "Lower WEB_CONCURRENCY, or take a bigger database."
        yield problem("connections", said, fix)
    else:
        yield ok("connections", said)


def clock(ahead_s: float) -> Check:
    """The database's clock against this machine's."""
    if abs(ahead_s) <= CLOCK_OFF_S:
        return ok("clock", "the database's and this machine's agree")
    way = "ahead of" if ahead_s > 0 else "behind"
    said = f"the database's is {abs(ahead_s):,.0f} s {way} this machine's"
    return warning("clock", said, "Set both by NTP: which of them is wrong?")


def _heard(database: Database) -> Check:
    if facts.is_heard(database):
        return ok("wake-ups", "LISTEN hears what another connection says")
    return problem(
        "wake-ups",
        "LISTEN hears nothing, as behind a transaction pooler: the worker is not "
        "woken, and its locks do not hold",
        "Set DATABASE_URL to the database's direct address.",
    )


def check_work(database: Database, settings: Settings) -> Iterator[Check]:
    """What the ledger tells of workers, waits, pauses and failures."""
    stalled = timedelta(seconds=settings.stalled_after_s)
    health = reports.health(database, stalled=stalled)
    if health["workers"]:
        yield ok("workers", f"{health['workers']} alive")
    else:
        fix = "Start one: leadbridge worker; or leadbridge up for all there is."
        yield problem("workers", "none is alive: leads are taken and wait", fix)
    yield _waiting(health["waiting"], health["oldest_waiting_s"] or 0.0, settings)
    pauses = Pauses(database).active().values()
    yield from map(_pause, pauses)
    if not pauses:
        yield ok("pauses", "none")
    yield _failures(database)
    yield from _unreadable(database)


def _waiting(count: int, oldest_s: float, settings: Settings) -> Check:
    if not count:
        return ok("waiting", "no run")
    said = f"{count:,} runs, the oldest for {span(oldest_s)}"
    if oldest_s <= settings.tell_waiting_after_s:
        return ok("waiting", said)
    fix = "See what else is said here; leadbridge runs --waiting"
    return warning("waiting", said, fix)


def _pause(pause: Pause) -> Check:
    scope = f"{pause.scope.kind} {pause.scope.name}"
    age = span((datetime.now(UTC) - pause.since).total_seconds())
    said = f"{scope} for {age}: {pause.reason}"
    fix = f"Once that is mended: leadbridge resume {scope}"
    if pause.cause == "by hand" or pause.cause.startswith(RateLimited.__name__):
        return warning("pauses", said, fix)
    return problem("pauses", said, fix)


def _failures(database: Database) -> Check:
    rows = reports.problems(database, RunFilter())
    if not rows:
        return ok("failed runs", "none")
    counts: dict[str, int] = {}
    for row in rows:
        cause = row.cause or "no cause"
        counts[cause] = counts.get(cause, 0) + row.runs
    shown = [f"{count:,} of {cause}" for cause, count in counts.items()]
    more = f" and {len(shown) - CAUSES} causes more" if len(shown) > CAUSES else ""
    said = f"{', '.join(shown[:CAUSES])}{more} wait for a person"
    return warning("failed runs", said, "leadbridge runs --by cause")


def _unreadable(database: Database) -> Iterator[Check]:
    rows = facts.unreadable(database)
    for row in rows:
        last = ago(row.last_at)
        said = f"{row.source}: {row.bodies:,} could not be read, the last {last}"
        yield warning("webhook bodies", said, "leadbridge runs lists them and why.")
    if not rows:
        yield ok("webhook bodies", "all could be read")


def ago(at: datetime) -> str:
    """`3 days ago`."""
    return f"{span((datetime.now(UTC) - at).total_seconds())} ago"


def span(seconds: float) -> str:
    """`3 days`, `2 hours`, `40 seconds`: its largest unit, whole."""
    for unit, size in (("day", 86_400), ("hour", 3_600), ("minute", 60)):
        if seconds >= size:
            count = int(seconds // size)
            return f"{count} {unit}{'s' * (count != 1)}"
    return f"{max(0, int(seconds))} seconds"


def _size(size: int) -> str:
    gigabytes = size / 1e9
    return f"{gigabytes:,.1f} GB" if gigabytes >= 1 else f"{size / 1e6:,.0f} MB"
