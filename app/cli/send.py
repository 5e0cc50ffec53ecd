"""`leadbridge send SOURCE`: a test event at our own address, as its system sends it."""

from __future__ import annotations

import json
import os
import time
import uuid
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from app.cli.setup import mappings_of
from app.domain import FINAL_STATES

if TYPE_CHECKING:
    from app.connectors.base import Connector
    from app.connectors.guide import Rehearsal, Route
    from app.ledger.database import Database
    from app.mapping.model import MappingFile
    from app.settings import Settings

FILE = click.Path(exists=True, dir_okay=False, path_type=Path)
#: How long the runs that came of it are watched.
WATCH_S = 10.0
#: Longer than an answer with values may take.
ANSWER_S = 60.0


@click.command()
@click.argument("source")
@click.argument("words", nargs=-1, metavar="[MAPPING] [KEY=VALUE]...")
@click.option("--lead", type=FILE, help="The lead, as a JSON object.")
@click.option("--encoding", help="How it is written: all, or one; default the usual.")
@click.option(
    "--event", type=click.Choice(["created", "updated"]), help="Default: the first."
)
@click.option("--url", help="Of the installation, instead of PUBLIC_URL or this PORT.")
@click.option("--go", is_flag=True, help="Send it; without, it is only shown.")
def send(
    source: str,
    words: tuple[str, ...],
    lead: Path | None,
    encoding: str | None,
    event: str | None,
    url: str | None,
    go: bool,
) -> int:
    """Send one event as SOURCE's system would, with the template of `setup`.

    About the lead of --lead and KEY=VALUE, which have the template's keys; its id has
    to be among them. The secret comes from the environment. The event is a real one:
    6sense is asked, which may cost a credit, and the record is written. Shows what
    was sent, the answer, and the runs that came of it.
    """
    from app.cli.serve import load_settings
    from app.cli.sources import kind_named
    from app.environment import prefix_of
    from app.pipeline.setup import routes_of, variables_of

    kind, settings = kind_named(source), load_settings(LOG_LEVEL="WARNING")
    name, given = _split(words)
    mappings, chosen = mappings_of(source, name)
    if len(chosen) > 1:
        known = ", ".join(each.name for each in chosen)
        raise click.UsageError(f"{source} has several mappings. Say one of: {known}.")
    base = _base(url, settings)
    routes = routes_of(mappings, base)
    route = next(one for one in routes if one.mapping == chosen[0].name)
    person = {**(_read(lead) if lead is not None else {}), **given}
    about = _about(kind, chosen[0], person)
    variables = variables_of(prefix_of(source), os.environ)
    mark = f"leadbridge-send-{uuid.uuid4().hex[:12]}"
    made = kind.rehearse(route, _event(route, event), person, variables, mark)
    sending = _meant(made, encoding)
    click.echo(_warning(chosen[0], about, len(sending)), err=True)
    if not go:
        for one in sending:
            _show(route, one)
        click.echo("\nNothing was sent: --go does it.")
        return 0
    allow_http = variables.get("ALLOW_HTTP").lower() in ("true", "1", "yes", "on")
    with ExitStack() as stack:
        database = _database(settings, stack)
        answers = [_fire(route, one, about, database, allow_http) for one in sending]
    return int(not all(answers))


def _split(words: Sequence[str]) -> tuple[str | None, dict[str, Any]]:
    """The mapping's name, if there is one, and the values."""
    names = [word for word in words if "=" not in word]
    if len(names) > 1:
        raise click.UsageError(f"'{names[1]}' is no KEY=VALUE.")
    pairs = (word.partition("=") for word in words if "=" in word)
    return (names[0] if names else None), {key: value for key, _, value in pairs}


def _read(path: Path) -> dict[str, Any]:
    try:
        found = json.loads(path.read_text(encoding="utf-8-sig"))
    except ValueError as error:
        message = f"{path} is not JSON: {error}"
        raise click.BadParameter(message, param_hint="--lead") from None
    if not isinstance(found, dict):
        raise click.BadParameter(f"{path} is no object", param_hint="--lead")
    return found


def _base(url: str | None, settings: Settings) -> str:
    """The installation's address; a webhook's own will do too."""
    local = f"http://127.0.0.1:{settings.port}"
    return (url or settings.public_url or local).partition("/webhooks/")[0]


def _about(kind: type[Connector], mapping: MappingFile, lead: Mapping[str, Any]) -> str:
    """The record's own key. There is no default: it would be somebody."""
    keys = dict.fromkeys((kind.record_key, mapping.match_from.first))
    for key in keys:
        if str(lead.get(key) or "").strip():
            return str(lead[key]).strip()
    raise click.UsageError(
        f"Say whom it is about: {kind.record_key}=..., the id of a record that may be "
        "written. Take one that was made for tests."
    )


def _event(route: Route, wanted: str | None) -> str:
    if wanted is None and route.events:
        return route.events[0]
    if wanted not in route.events:
        known = ", ".join(route.events) or "none"
        raise click.UsageError(f"{route.mapping} wants other events: {known}.")
    return wanted


def _meant(made: Sequence[Rehearsal], encoding: str | None) -> Sequence[Rehearsal]:
    """All ways, or one; the first is the usual one."""
    if encoding is None:
        return made[:1]
    folded = encoding.casefold()
    if folded == "all":
        return made
    found = [one for one in made if one.way.casefold() == folded]
    if not found:
        known = ", ".join([*(one.way for one in made), "all"])
        message = f"there is no '{encoding}'; there are: {known}"
        raise click.BadParameter(message, param_hint="--encoding")
    return found


def _warning(mapping: MappingFile, about: str, count: int) -> str:
    paid = [one.api for one in mapping.lookups if mapping.products[one.api].pool]
    cost = f"may cost a credit ({', '.join(paid)})" if paid else "costs no credit"
    times = f"{count} real events" if count > 1 else "A real event"
    return (
        f"{times} for {mapping.name}: 6sense is asked, which {cost}, and "
        f"{mapping.object} {about} of {mapping.source} is written."
    )


def _show(route: Route, one: Rehearsal) -> None:
    """What goes out; of the secret only where it comes from."""
    click.echo(f"\n{one.way}: POST {route.url}")
    for name, value in one.headers.items():
        shown = f"<{one.private[name]}>" if name in one.private else value
        click.echo(f"{name}: {shown}")
    click.echo(f"\n{one.body.decode()}\n")


def _database(settings: Settings, stack: ExitStack) -> Database | None:
    from app.cli.preview import database_if_there

    return database_if_there(settings, stack)


def _fire(
    route: Route,
    one: Rehearsal,
    about: str,
    database: Database | None,
    allow_http: bool,
) -> bool:
    """Send one, show what came of it; whether it was taken."""
    from app.remote import Remote

    _show(route, one)
    remote = Remote(
        route.url, route.url, read_timeout_s=ANSWER_S, allow_http=allow_http
    )
    before = _newest(database, route)
    headers = dict(one.headers)
    answer = remote.call("POST", "", operation="send", headers=headers, data=one.body)
    said = answer.body.decode("utf-8", "replace")
    click.echo(f"HTTP {answer.status} {answer.reason}, {answer.ms:.0f} ms\n{said}\n")
    is_taken = 200 <= answer.status < 300
    if database is None:
        click.echo("What became of it: leadbridge runs, where the database is.")
    elif is_taken:
        _watch(database, route, about, before)
    else:
        click.echo("It became no run. leadbridge runs lists bodies that were refused.")
    return is_taken


def _newest(database: Database | None, route: Route) -> int:
    from app.ledger import reports
    from app.ledger.reports import RunFilter

    if database is None:
        return 0
    rows = reports.runs(database, RunFilter(source=route.source), count=1)
    return int(rows[0].id) if rows else 0


def _watch(database: Database, route: Route, about: str, before: int) -> None:
    """The runs that came of it, until they end or it takes too long."""
    from app.ledger import reports
    from app.ledger.reports import RunFilter

    chosen = RunFilter(source=route.source, lead=about)
    deadline = time.monotonic() + WATCH_S
    while True:
        rows = [r for r in reports.runs(database, chosen, count=20) if r.id > before]
        is_over = all(row.state in FINAL_STATES for row in rows)
        if is_over or time.monotonic() > deadline:
            break
        time.sleep(0.2)
    for row in rows:
        why = f": {row.reason}" if row.reason else ""
        click.echo(f"Run {row.id} of {row.mapping}: {row.state}{why}")
        click.echo(f"  leadbridge runs show {row.id}")
    if not rows:
        click.echo("It became no run; the answer says why.")
