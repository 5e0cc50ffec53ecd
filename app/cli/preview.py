"""`leadbridge preview`: what a mapping makes of one lead, field by field."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from app.cli.mapping import AS_JSON, canonical, mapping_named
from app.domain import Decision, Decisions, LookupAnswer
from app.errors import AppError, ConfigurationError, RequestRefused

if TYPE_CHECKING:
    from app.ledger.database import Database
    from app.mapping.model import Lookup, MappingFile
    from app.mapping.preview import Preview
    from app.settings import Settings

FILE = click.Path(exists=True, dir_okay=False, path_type=Path)
#: More of a value than this does not fit into a table.
WIDTH = 44


@click.command()
@click.argument("mapping")
@click.option("--lead", type=FILE, help="The event's record, as JSON.")
@click.option(
    "--answer",
    "answers",
    multiple=True,
    help="6sense's answer, as JSON; NAME=FILE where the mapping has several lookups.",
)
@click.option("--current", type=FILE, help="The record as the CRM has it now.")
@click.option("--run", "run_id", type=int, help="Of a run in the ledger, by its id.")
@click.option("--record", help="Of this record as it is now; 6sense is asked.")
@click.option("--yes", is_flag=True, help="With --record: a credit may be spent.")
@AS_JSON
def preview(
    mapping: str,
    lead: Path | None,
    answers: tuple[str, ...],
    current: Path | None,
    run_id: int | None,
    record: str | None,
    yes: bool,
    as_json: bool,
) -> int:
    """Show what a mapping makes of one lead; nothing is ever written.

    MAPPING is a file, or the name of a mapping in MAPPINGS_DIR. The lead comes from
    files (--lead, --answer, --current), from a run that the ledger has (--run: its
    lead, its answers, its record as it was), or live (--record: the record is read
    from its source, and 6sense is asked after telling what that may cost).
    """
    if [lead, run_id, record].count(None) != 2:
        raise click.UsageError("Say one of --lead, --run and --record.")
    if lead is None and (answers or current):
        raise click.UsageError("--answer and --current go with --lead.")
    if yes and record is None:
        raise click.UsageError("--yes goes with --record.")
    chosen = mapping_named(mapping)
    if run_id is not None:
        shown = _of_run(chosen, run_id)
    elif record is not None:
        shown = _live(chosen, record, yes=yes)
    else:
        shown = _of_files(chosen, lead, answers, current)
    if as_json:
        click.echo(json.dumps(_preview_dict(shown), indent=2, default=str))
    else:
        _print_preview(shown)
    return 0


def _of_files(
    chosen: MappingFile,
    lead: Path | None,
    answers: Sequence[str],
    current: Path | None,
) -> Preview:
    from app.mapping.apply import Facts
    from app.mapping.preview import preview as preview_of

    given = _given(answers, chosen)
    now = datetime.now(UTC)

    def answer(lookup: Lookup, _: Mapping[str, str]) -> LookupAnswer | None:
        path = given.get(lookup.name)
        if path is None:
            return None
        try:
            result, data = canonical(lookup.api, _read(path))
        except AppError as error:
            message = f"{path}: {error}"
            raise click.BadParameter(message, param_hint="--answer") from None
        return LookupAnswer(result, lookup.api, now, data=data)

    return preview_of(
        chosen,
        Facts(_read_map(lead) if lead else {}, now, source=chosen.source),
        answer,
        current=_read_map(current) if current else {},
        last_written={},
        now=now,
    )


def _of_run(chosen: MappingFile, run_id: int) -> Preview:
    from app.cli.runs import open_database
    from app.cli.serve import load_settings
    from app.ledger import reports
    from app.pipeline.preview import of_run
    from app.runtime import ledger_of_command
    from app.sixsense.client import SixsenseClient

    with open_database() as database:
        story = reports.story(database, run_id)
        if story is None:
            raise click.ClickException(
                f"There is no run {run_id}. See: leadbridge runs"
            )
        ledger = ledger_of_command(load_settings(LOG_LEVEL="WARNING"), database)
        return of_run(ledger, SixsenseClient({}), chosen, story)


def _live(chosen: MappingFile, record: str, *, yes: bool) -> Preview:
    from app import runtime
    from app.cli.serve import load_settings
    from app.cli.sources import connector_of
    from app.pipeline.live_preview import Live

    settings = load_settings(LOG_LEVEL="WARNING")
    connector = connector_of(chosen.source, os.environ)
    sixsense = runtime.sixsense_of(settings, [chosen])
    with ExitStack() as stack:
        database = database_if_there(settings, stack)
        parts = (
            runtime.parts_of_command(settings, database, chosen, connector, sixsense)
            if database is not None
            else None
        )
        live = Live(
            chosen, connector, sixsense, parts, lambda what: may_spend(what, yes=yes)
        )
        try:
            return live.show(record)
        except RequestRefused as error:
            raise click.ClickException(f"{error}. {_read_of(chosen)}") from None


def _read_of(mapping: MappingFile) -> str:
    """What is read of the lead: a template of a webhook may have names of its own."""
    read = sorted(mapping.lead_fields)
    names = [name for name in read if name not in mapping.schema] or read
    return (
        f"Read were {', '.join(names)}: names that only the webhook has cannot be "
        "read. Take --run, or --lead with a file."
    )


def database_if_there(settings: Settings, stack: ExitStack) -> Database | None:
    """The ledger, if this machine knows one; a preview does without, too."""
    from app.cli.runs import open_database
    from app.ledger.database import DatabaseAway

    if settings.database_url is None and not (settings.data_dir / "postgres").is_dir():
        return None
    try:
        return stack.enter_context(open_database())
    except (DatabaseAway, ConfigurationError) as error:
        click.echo(f"Going on without the database: {error}", err=True)
        return None


def may_spend(what: str, *, yes: bool) -> bool:
    """Told, and agreed to on a terminal or by --yes."""
    click.echo(f"{what}.", err=True)
    if yes:
        return True
    if not sys.stdin.isatty():
        raise click.UsageError("Say --yes if that is all right.")
    return click.confirm("Ask?", err=True)


def _given(answers: Sequence[str], mapping: MappingFile) -> dict[str, Path]:
    """Lookup → file; a file without a name belongs to the first lookup."""
    names = [lookup.name for lookup in mapping.lookups]
    found: dict[str, Path] = {}
    for answer in answers:
        name, equals, file = answer.partition("=")
        if not equals or name not in names:
            name, file = (names[0] if names else ""), answer
        if not name:
            message = f"{mapping.name} asks nothing, so it takes no answer"
            raise click.BadParameter(message, param_hint="--answer")
        if not Path(file).is_file():
            message = f"there is no file {file}"
            raise click.BadParameter(message, param_hint="--answer")
        found[name] = Path(file)
    return found


def _read(path: Path) -> Any:
    try:
        return json.loads(path.read_text(encoding="utf-8-sig"))
    except (ValueError, RecursionError) as error:
        raise click.BadParameter(f"{path} is not readable JSON: {error}") from None


def _read_map(path: Path) -> dict[str, Any]:
    value = _read(path)
    if not isinstance(value, dict):
        raise click.BadParameter(f"{path} has to be a JSON object of fields")
    return value


def _preview_dict(shown: Preview) -> dict[str, Any]:
    decisions = shown.decisions
    return {
        "asked": shown.asked,
        "notes": shown.notes,
        "result": decisions.result,
        "skipped": decisions.skipped,
        "failed": decisions.failed,
        "fields": [asdict(decision) for decision in decisions.fields],
    }


def _print_preview(shown: Preview) -> None:
    decisions = shown.decisions
    for note in shown.notes:
        click.echo(f"note: {note}.")
    for name, inputs in shown.asked.items():
        told = (
            json.dumps(inputs, ensure_ascii=False) if inputs else "nothing: not asked"
        )
        click.echo(f"{name}: {told}")
    for word in ("skipped", "failed"):
        why = getattr(decisions, word)
        if why is not None:
            click.echo(f"{word}: {why}")
            return
    click.echo(f"result: {decisions.result}")
    _print_fields(decisions)


def _print_fields(decisions: Decisions) -> None:
    from rich.console import Console
    from rich.table import Table

    table = Table(box=None, pad_edge=False)
    for heading in ("field", "from", "value", "now in CRM", "decision", "reason"):
        table.add_column(heading, overflow="fold")
    for decision in decisions.fields:
        table.add_row(*_row(decision))
    # A pipe has no width: there the table is as wide as it needs to be.
    console = Console(markup=False, highlight=False)
    console.width = console.width if console.is_terminal else 200
    console.print(table)


def _row(decision: Decision) -> tuple[str, ...]:
    return (
        decision.field,
        decision.origin,
        _cell(decision.value),
        _cell(decision.current),
        "write" if decision.is_write else "keep",
        f"{decision.reason}: {decision.sentence}" if decision.reason else "",
    )


def _cell(value: Any) -> str:
    if value is None:
        return "–"
    text = str(value).lower() if isinstance(value, bool) else str(value)
    return text if len(text) <= WIDTH else f"{text[: WIDTH - 1]}…"
