"""`leadbridge setup SOURCE`: what to click, paste and grant in a source's system."""

from __future__ import annotations

import json
import os
import textwrap
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

import click

from app.cli.mapping import AS_JSON, load_reports, mappings_folder
from app.cli.schema import OBJECT
from app.errors import ConfigurationError

if TYPE_CHECKING:
    from app.connectors.guide import Guide, Steps, Table, Words
    from app.mapping.model import MappingFile

#: Of paragraphs; tables and blocks are as wide as they are.
WIDTH = 88


@click.command()
@click.argument("source")
@click.argument("mapping", required=False)
@click.option(
    "--create-fields",
    is_flag=True,
    help="Tell which fields the account lacks, by its own schema as it is now.",
)
@OBJECT
@click.option("--go", is_flag=True, help="With --create-fields: make them.")
@AS_JSON
def setup(
    source: str,
    mapping: str | None,
    create_fields: bool,
    object_name: str | None,
    go: bool,
    as_json: bool,
) -> int:
    """Say what to set up in SOURCE's system for its mapping files, ready to paste.

    For all of them, or for MAPPING: a file, or a name in MAPPINGS_DIR. Made from the
    files and, if it was pulled, the system's schema: no database and no credentials
    are needed, and nobody is called. Secrets are named and never shown.

    --create-fields compares the fields that are written with the account's own, and
    makes with --go what is missing; --object says of which object.
    """
    from app.cli.sources import kind_named

    if go and not create_fields:
        raise click.UsageError("--go goes with --create-fields.")
    kind = kind_named(source)
    if create_fields:
        from app.cli.new_fields import create

        object_name = object_name or kind.main_object
        return create(source, mapping, object_name, go=go, as_json=as_json)
    from app.cli.serve import load_settings
    from app.environment import prefix_of
    from app.pipeline.setup import guide_of, routes_of, variables_of

    url = load_settings(LOG_LEVEL="WARNING").public_url
    mappings, chosen = mappings_of(source, mapping)
    names = {each.name for each in chosen}
    routes = [one for one in routes_of(mappings, url) if one.mapping in names]
    guide = guide_of(kind, routes, variables_of(prefix_of(source), os.environ), url)
    if as_json:
        click.echo(json.dumps(asdict(guide), indent=2, ensure_ascii=False))
    else:
        click.echo("\n".join(lines_of(guide)))
    return 0


def mappings_of(
    source: str, name: str | None
) -> tuple[Sequence[MappingFile], Sequence[MappingFile]]:
    """All mapping files of a source, and those that are meant: one, or all.

    Raises:
        BadParameter: there is none, or none of that name.
        ConfigurationError: files to mend.
    """
    path = Path(name) if name is not None and Path(name).is_file() else None
    folder = path.parent if path is not None else mappings_folder()
    try:
        loaded = [m for report in load_reports([folder]) for m in report.required()]
    except ConfigurationError as error:
        if not any(getattr(one, "code", "") == "M301" for one in error.problems):
            raise
        fix = f"Fields that are still to be made: leadbridge setup {source} "
        problems = (*error.problems, f"{fix}--create-fields")
        raise ConfigurationError(str(error), problems) from None
    return chosen_of(source, name, loaded, folder)


def chosen_of(
    source: str, name: str | None, loaded: Sequence[MappingFile], folder: Path
) -> tuple[Sequence[MappingFile], Sequence[MappingFile]]:
    """Those of a source among `loaded`, and those of them that are meant."""
    mappings = [each for each in loaded if each.source == source]
    if not mappings:
        there = ", ".join(sorted({each.source for each in loaded}))
        raise click.BadParameter(
            f"no mapping file in {folder} has `source: {source}`; there are: {there}",
            param_hint="SOURCE",
        )
    if name is None:
        return mappings, mappings
    chosen = [m for m in mappings if m.name == name or m.path == Path(name)]
    if not chosen:
        known = ", ".join(each.name for each in mappings)
        raise click.BadParameter(
            f"{source} has no mapping '{name}'; it has: {known}", param_hint="MAPPING"
        )
    return mappings, chosen


def lines_of(guide: Guide) -> Iterator[str]:
    """The guide as text; what is to be copied stands at the beginning of lines."""
    yield from (guide.title, "=" * len(guide.title))
    for section in guide.sections:
        yield from ("", section.title, "-" * len(section.title))
        for part in section.parts:
            yield ""
            match part.kind:
                case "words":
                    yield from _wrapped(part)
                case "steps":
                    yield from _numbered(part)
                case "table":
                    yield from rows_of(part)
                case "block":
                    yield from (f"{part.title}:", "", part.text)


def _wrapped(part: Words) -> list[str]:
    return _folded(part.text)


def _numbered(part: Steps) -> Iterator[str]:
    for number, item in enumerate(part.items, 1):
        yield from _folded(item, f"{number}. ", "   ")


def _folded(text: str, first: str = "", rest: str = "") -> list[str]:
    return textwrap.wrap(
        text,
        WIDTH,
        initial_indent=first,
        subsequent_indent=rest,
        break_long_words=False,
        break_on_hyphens=False,
    )


def rows_of(part: Table) -> Iterator[str]:
    """A table in columns, never wrapped."""
    if part.title:
        yield from (f"{part.title}:", "")
    rows = [part.headings, *part.rows]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    for row in rows:
        cells = (cell.ljust(width) for cell, width in zip(row, widths, strict=True))
        yield ("  " + "  ".join(cells)).rstrip()
