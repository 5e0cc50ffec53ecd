"""`leadbridge adopt`: what the records have now counts as ours from now on."""

from __future__ import annotations

import csv
import json
import os
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

import click

from app.cli.mapping import AS_JSON, mapping_named
from app.cli.progress import progress_of

if TYPE_CHECKING:
    from app.mapping.model import MappingFile
    from app.pipeline.adopt import Adoption


@click.command()
@click.argument("mapping")
@click.argument("record_ids", nargs=-1, metavar="[ID]...")
@click.option(
    "--ids",
    "file",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="A file of ids: one a line, or a CSV with the column `id`.",
)
@click.option("--known", is_flag=True, help="The records that runs were about.")
@click.option("--equal", is_flag=True, help="Only what 6sense's stored answer says.")
@click.option("--field", "fields", multiple=True, help="Only this field; repeatable.")
@click.option("--go", is_flag=True, help="Do it; without, it is only told.")
@AS_JSON
def adopt(
    mapping: str,
    record_ids: tuple[str, ...],
    file: Path | None,
    known: bool,
    equal: bool,
    fields: tuple[str, ...],
    go: bool,
    as_json: bool,
) -> None:
    """Let present values count as ours, so that keep-fresh keeps them fresh.

    For a start after another tool wrote the same fields: without it, keep-fresh takes
    each value it finds for a person's own. MAPPING is a file, or the name of a mapping
    in MAPPINGS_DIR. Nothing is written to the CRM. The records are read, so even the
    plan costs calls; it begins by saying how many. Safe to repeat.
    """
    from app import runtime
    from app.cli.runs import open_database
    from app.cli.serve import load_settings
    from app.cli.sources import connector_of
    from app.ledger import reports
    from app.pipeline import adopt as adopting

    chosen = mapping_named(mapping)
    names = _names(chosen, fields)
    if not (record_ids or file or known):
        raise click.UsageError(
            "Say which records: ids, --ids FILE or --known. An export of a list with "
            f"its column `{chosen.match_by}` will do."
        )
    ids = [*record_ids, *(_ids_of(file, chosen.match_by) if file else ())]
    settings = load_settings(LOG_LEVEL="WARNING")
    connector = connector_of(chosen.source, os.environ)
    with open_database() as database:
        if known:
            ids += reports.records_of(database, chosen.source, chosen.name)
        ids = list(dict.fromkeys(ids))
        parts = runtime.parts_of_command(settings, database, chosen, connector)
        calls = adopting.calls_needed(parts, chosen, len(ids))
        click.echo(
            f"Reading {_count(len(ids), 'record')}: {_count(calls, 'call')}.", err=True
        )
        with progress_of(len(ids), "read") as progress:
            found = adopting.adopt(
                parts, chosen, ids, names, equal=equal, go=go, progress=progress
            )
    if as_json:
        shown = {"source": chosen.source, "object": chosen.object, "done": go}
        click.echo(json.dumps({**shown, **asdict(found)}, indent=2))
    else:
        _print(chosen, found, equal=equal, go=go)


def _names(mapping: MappingFile, given: Sequence[str]) -> list[str]:
    """The fields to look at: those named, else all that keep-fresh writes."""
    from app.mapping.findings import did_you_mean
    from app.pipeline.adopt import fresh_fields

    for name in given:
        if name not in mapping.fields:
            fix = did_you_mean(name, mapping.fields)
            message = f"{mapping.name} does not write '{name}'. {fix}".rstrip()
            raise click.BadParameter(message, param_hint="--field")
    names = list(dict.fromkeys(given)) or fresh_fields(mapping)
    if not names:
        raise click.UsageError(
            f"{mapping.name} has no field of keep-fresh, and other rules do not ask "
            "who wrote a value."
        )
    return names


def _ids_of(path: Path, key: str) -> Iterator[str]:
    """One a line, or the column of a CSV named like the key field, or `id`."""
    try:
        lines = path.read_text(encoding="utf-8-sig").splitlines()
    except UnicodeDecodeError:
        message = f"{path} is not text in UTF-8"
        raise click.BadParameter(message, param_hint="--ids") from None
    heading = next(csv.reader(lines[:1]), [])
    folded = [name.strip().casefold() for name in heading]
    at = next((folded.index(n) for n in (key.casefold(), "id") if n in folded), None)
    if at is None and len(heading) > 1:
        message = f"{path} has several columns, and none is named {key}"
        raise click.BadParameter(message, param_hint="--ids")
    for row in csv.reader(lines if at is None else lines[1:]):
        value = row[at or 0].strip() if len(row) > (at or 0) else ""
        if value:
            yield value


def _print(mapping: MappingFile, found: Adoption, *, equal: bool, go: bool) -> None:
    from rich.console import Console
    from rich.table import Table

    click.echo(
        f"{mapping.source}: {_count(found.records, mapping.object + ' record')}, "
        f"{found.missing:,} not there, {_count(found.calls, 'call')} made"
    )
    if equal:
        click.echo(f"without a stored answer of 6sense: {found.unanswered:,}")
    table = Table(box=None, pad_edge=False)
    becomes = "became ours" if go else "would become ours"
    headings = ["field", becomes, "ours already", "not as 6sense says", "empty"]
    for heading in headings if equal else [*headings[:3], headings[4]]:
        table.add_column(heading, justify="left" if heading == "field" else "right")
    for name, tally in found.fields.items():
        row = [
            tally.ours,
            tally.already,
            *([tally.different] if equal else []),
            tally.empty,
        ]
        table.add_row(name, *(f"{number:,}" for number in row))
    console = Console(markup=False, highlight=False)
    console.width = console.width if console.is_terminal else 200
    console.print(table)
    told = f"{_count(found.ours, 'value')} {becomes}."
    click.echo(told if go else f"{told} Nothing was changed: --go does it.")


def _count(number: int, noun: str) -> str:
    return f"{number:,} {noun}{'s' * (number != 1)}"
