"""`leadbridge runs` and `runs show ID`: where each lead is, and why."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime
from typing import TYPE_CHECKING, Any

import click

from app.cli.filters import filter_of, run_filters
from app.cli.serve import load_settings
from app.cli.story import as_data, local_time, print_story, why

if TYPE_CHECKING:
    from app.ledger.database import Database
    from app.ledger.reports import RunFilter


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
@run_filters
@click.option("--waiting", is_flag=True, help="Only runs that have not ended.")
@click.option(
    "--by",
    type=click.Choice(["cause"]),
    help="Failed runs by cause and mapping, with what to do.",
)
@click.option("--count", type=click.IntRange(1), help="How many; 20 runs, 100 causes.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object a line.")
@click.pass_context
def runs(
    context: click.Context,
    /,
    waiting: bool,
    by: str | None,
    count: int | None,
    as_json: bool,
    **given: Any,
) -> None:
    """List runs, the newest first; `runs show ID` tells one whole."""
    if context.invoked_subcommand is not None:
        return
    from app.ledger import reports

    chosen = filter_of(given, is_waiting=waiting)
    if by is not None:
        if waiting or set(chosen.states) - {"failed"}:
            raise click.UsageError("--by cause is about failed runs.")
        _problems(chosen, count or 100, as_json=as_json)
        return
    with open_database() as database:
        rows = reports.runs(database, chosen, count=count or 20)
        unreadable = reports.unreadable(database)
    if as_json:
        _print_json(rows)
        return
    _print_list(rows, is_filtered=not chosen.is_any)
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
        click.echo(json.dumps(as_data(story), default=_plain))
    else:
        print_story(story)


def _problems(chosen: RunFilter, count: int, *, as_json: bool) -> None:
    from app.ledger import reports
    from app.pipeline.problems import what_to_do

    with open_database() as database:
        rows = reports.problems(database, chosen, count=count)
        unreadable = reports.unreadable(database)
    if as_json:
        for row in rows:
            shown = {**row._mapping, "what_to_do": what_to_do(row.cause)}
            click.echo(json.dumps(shown, default=_plain))
        return
    if not rows:
        click.echo("No failed run fits." if not chosen.is_any else "No run has failed.")
    for row in rows:
        span = f"{local_time(row.first_at)} to {local_time(row.last_at)}"
        of = f"{row.mapping} ({row.source})"
        click.echo(f"{row.cause or 'no cause'}   {row.runs:,} of {of}, {span}")
        click.echo(f"  such as run {row.example}: {row.reason or 'no reason kept'}")
        click.echo(f"  {what_to_do(row.cause)}")
    _print_unreadable(unreadable)


def _print_json(rows: Sequence[Any]) -> None:
    for row in rows:
        click.echo(json.dumps(dict(row._mapping), default=_plain))


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
            why(row),
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


def _plain(value: Any) -> str:
    if isinstance(value, datetime):
        return value.isoformat()
    if isinstance(value, bytes | memoryview):
        return bytes(value).decode("utf-8", "replace")
    return str(value)
