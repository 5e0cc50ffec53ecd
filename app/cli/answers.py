"""6sense's answers for people: a table, JSON or CSV."""

from __future__ import annotations

import csv
import json
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

import click

from app.domain import AnswerField, Unreadable

#: What makes a spreadsheet take a text for a formula.
_FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n")

Row = Sequence[Any]


def paths_of(
    fields: Iterable[AnswerField], data: Mapping[str, Any]
) -> Iterator[tuple[str, Any]]:
    """What an answer has, by the paths that a mapping file would read it with."""
    for field in fields:
        value = data.get(field.name)
        if field.kind == "object" and isinstance(value, Mapping):
            for path, inner in paths_of(field.members, value):
                yield f"{field.name}.{path}", inner
        elif field.kind == "object_list" and isinstance(value, list):
            yield from _rows_of(field, value)
        elif value not in (None, []):
            yield field.name, value


def _rows_of(
    field: AnswerField, rows: Sequence[Mapping[str, Any]]
) -> Iterator[tuple[str, Any]]:
    # Segments stand there as ids and as names already.
    if field.name == "list":
        return
    for place, row in enumerate(rows):
        product = row.get("product")
        # Scores are picked by their product, never by their place.
        pick = f"product={product}" if isinstance(product, str) else str(place)
        for path, value in paths_of(field.members, row):
            if path != "product":
                yield f"{field.name}[{pick}].{path}", value


def text_of(value: Any) -> str:
    """A value as people read it; nothing that a terminal would obey."""
    if value is None:
        return ""
    if isinstance(value, Unreadable):
        value = value.raw
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, list | tuple):
        return "; ".join(text_of(one) for one in value)
    return "".join(c if c.isprintable() else " " for c in str(value))


def print_table(names: Sequence[str], rows: Iterable[Row]) -> None:
    """In columns; off a terminal nothing is cut or folded."""
    from rich.console import Console
    from rich.table import Table

    table = Table(box=None, pad_edge=False, header_style="bold")
    for name in names:
        table.add_column(name, overflow="fold")
    for row in rows:
        table.add_row(*(text_of(value) for value in row))
    console = Console(markup=False, highlight=False, emoji=False)
    console.width = console.width if console.is_terminal else 400
    console.print(table)


def print_csv(names: Sequence[str], rows: Iterable[Row]) -> None:
    """For spreadsheets: what would be a formula there gets an apostrophe."""
    writer = csv.writer(sys.stdout, lineterminator="\n")
    writer.writerow(names)
    for row in rows:
        writer.writerow([_cell(value) for value in row])


def _cell(value: Any) -> Any:
    if type(value) is int:
        return value
    text = text_of(value)
    # Seen as it came: a tab has become a blank in `text`.
    raw = value.raw if isinstance(value, Unreadable) else value
    is_formula = isinstance(raw, str) and raw.startswith(_FORMULA)
    return f"'{text}" if is_formula or text.startswith(_FORMULA) else text


def print_json(found: Mapping[str, Any]) -> None:
    """Everything, with 6sense's text where a number or flag could not be read."""
    click.echo(json.dumps(found, indent=2, ensure_ascii=False, default=_raw))


def _raw(value: Any) -> str:
    return value.raw if isinstance(value, Unreadable) else str(value)
