"""`leadbridge runs` and `runs show ID`: where each lead is, and why."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime
from typing import TYPE_CHECKING, Any

import click

from app.cli.serve import load_settings
from app.domain import RunState

if TYPE_CHECKING:
    from app.ledger.database import Database
    from app.ledger.reports import Story

STATES = [state.value for state in RunState]


@contextmanager
def open_database() -> Iterator[Database]:
    """One connection to the ledger; ConfigurationError if its schema does not fit."""
    from app import runtime as runtimes
    from app.errors import ConfigurationError
    from app.ledger.database import Database, schema_state

    url, server = runtimes.database_url(load_settings(LOG_LEVEL="WARNING"))
    database = Database(url, connections=1, name="leadbridge cli")
    try:
        problem = schema_state(database)
        if problem:
            raise ConfigurationError(problem)
        yield database
    finally:
        database.close()
        if server is not None:
            server.stop()


@click.group(invoke_without_command=True)
@click.option("--state", type=click.Choice(STATES), help="Only runs in this state.")
@click.option("--source", help="Only runs of this source.")
@click.option("--mapping", help="Only runs through this mapping file.")
@click.option("--lead", help="Only runs of the record with this id.")
@click.option("--count", default=20, show_default=True, help="How many, newest first.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object a line.")
@click.pass_context
def runs(
    context: click.Context,
    state: str | None,
    source: str | None,
    mapping: str | None,
    lead: str | None,
    count: int,
    as_json: bool,
) -> None:
    """List runs, the newest first; `runs show ID` tells one whole."""
    if context.invoked_subcommand is not None:
        return
    from app.ledger import reports

    with open_database() as database:
        rows = reports.runs(
            database,
            state=state,
            source=source,
            mapping=mapping,
            lead=lead,
            count=count,
        )
        unreadable = reports.unreadable(database)
    if as_json:
        for row in rows:
            click.echo(json.dumps(dict(row._mapping), default=_plain))
        return
    _print_list(rows, is_filtered=any((state, source, mapping, lead)))
    _print_unreadable(unreadable)


@runs.command()
@click.argument("run_id", type=int, metavar="ID")
@click.option("--json", "as_json", is_flag=True, help="As one JSON object.")
def show(run_id: int, as_json: bool) -> None:
    """Tell a lead's whole story, with a reason for every field."""
    from app.ledger import reports

    with open_database() as database:
        story = reports.story(database, run_id)
    if story is None:
        raise click.ClickException(f"There is no run {run_id}. See: leadbridge runs")
    if as_json:
        click.echo(json.dumps(_as_data(story), default=_plain))
    else:
        _print_story(story)


def _print_list(rows: Sequence[Any], *, is_filtered: bool) -> None:
    from rich.console import Console
    from rich.table import Table

    if not rows:
        click.echo(
            "No run fits."
            if is_filtered
            else "No runs yet. Send a webhook to /webhooks/<source>."
        )
        return
    table = Table(box=None, pad_edge=False, header_style="bold")
    for name in ("run", "received", "mapping", "lead", "state", "6sense", "why"):
        table.add_column(name, overflow="fold", justify="left")
    for row in rows:
        table.add_row(
            str(row.id),
            local_time(row.received_at),
            row.mapping,
            row.lead_id,
            row.state,
            row.result or "",
            _why(row),
        )
    Console().print(table)


def _print_unreadable(rows: Sequence[Any]) -> None:
    if not rows:
        return
    click.echo(f"\n{len(rows)} webhook bodies could not be read:")
    for row in rows:
        times = f", {row.seen} times" if row.seen > 1 else ""
        click.echo(
            f"  {local_time(row.received_at)}  delivery {row.id}, {row.source}{times}: "
            f"{row.error}"
        )


def _why(row: Any) -> str:
    if row.reason:
        return str(row.reason)
    if row.error and row.finished_at is None:
        return f"{row.error}; again at {local_time(row.due_at)}"
    return ""


def _print_story(story: Story) -> None:
    run = story.run
    result = f", {run.result}" if run.result else ""
    click.echo(f"run {run.id}   {run.source} {run.event_object} {run.lead_id}")
    click.echo(f"state    {run.state}{result}{_because(run)}")
    click.echo(f"mapping  {run.mapping} ({(run.mapping_version or '')[:12]})")
    click.echo(f"\n{local_time(run.received_at)}  received, event {run.event}")
    if run.repeats:
        click.echo(f"{'':19}  repeated {run.repeats} times, not run again")
    for attempt in story.attempts:
        again = f"; again at {local_time(attempt.next_at)}" if attempt.next_at else ""
        click.echo(
            f"{local_time(attempt.at)}  {attempt.step} failed, {attempt.cause}: "
            f"{attempt.message}{again}"
        )
    for lookup in story.lookups:
        click.echo(f"{local_time(lookup.at)}  {_lookup(lookup)}")
    if story.batch is not None:
        size = story.batch.size
        click.echo(f"{local_time(story.batch.began_at)}  sent in a batch of {size}")
    if run.finished_at:
        click.echo(f"{local_time(run.finished_at)}  {run.state}")
    _print_fields(run.decisions or [])


def _because(run: Any) -> str:
    why = _why(run)
    return f": {why}" if why else ""


def _lookup(lookup: Any) -> str:
    asked = ", ".join(f"{k}={masked(v)}" for k, v in (lookup.asked or {}).items())
    said = f"{lookup.name}: {lookup.api}({asked}) → {lookup.result}"
    if lookup.is_reused:
        return f"{said}, answer of {local_time(lookup.asked_at)} used again"
    credit = "1 credit" if lookup.credits == 1 else f"{lookup.credits} credits"
    took = f", {lookup.ms:.0f} ms" if lookup.ms is not None else ""
    note = f", {credit} (estimated)" if lookup.enrichment_id else ""
    return f"{said}{note}{took}" + (f": {lookup.message}" if lookup.message else "")


def _print_fields(decisions: Sequence[dict[str, Any]]) -> None:
    from rich.console import Console
    from rich.table import Table

    if not decisions:
        return
    table = Table(box=None, pad_edge=False, header_style="bold", title=None)
    for name in ("field", "was", "sent", "reason"):
        table.add_column(name, overflow="fold")
    for one in decisions:
        reason = one.get("reason") or ""
        sentence = one.get("sentence") or ""
        table.add_row(
            one["field"],
            shown(one.get("current")),
            shown(one.get("value")) if one["write"] else "–",
            f"{reason}: {sentence}" if reason else sentence,
        )
    click.echo()
    Console().print(table)


def masked(text: str) -> str:
    """`jane@acme.example` → `j…@acme.example`; anything else as it is."""
    name, at, domain = text.partition("@")
    return f"{name[:1]}…@{domain}" if at else text


def shown(value: Any) -> str:
    """A field's value as people read it; – for nothing."""
    if value is None or value == "":
        return "–"
    if isinstance(value, bool):
        return str(value).lower()
    return str(value)


def _as_data(story: Story) -> dict[str, Any]:
    def rows(found: Sequence[Any]) -> list[dict[str, Any]]:
        return [dict(row._mapping) for row in found]

    return {
        "run": dict(story.run._mapping),
        "delivery": dict(story.delivery._mapping) if story.delivery else None,
        "lookups": rows(story.lookups),
        "attempts": rows(story.attempts),
        "batch": dict(story.batch._mapping) if story.batch else None,
        "updates": rows(story.updates),
    }


def _plain(value: Any) -> str:
    if isinstance(value, datetime):
        return value.isoformat()
    if isinstance(value, bytes | memoryview):
        return bytes(value).decode("utf-8", "replace")
    return str(value)


def local_time(at: datetime | None) -> str:
    """Local time to the second; empty for none."""
    return at.astimezone().strftime("%Y-%m-%d %H:%M:%S") if at else ""
