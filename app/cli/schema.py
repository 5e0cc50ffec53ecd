"""`leadbridge schema pull`: a CRM's own schema into the folder of mapping files."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from app.errors import ConfigurationError

if TYPE_CHECKING:
    from app.mapping.changes import Change
    from app.mapping.snapshots import Snapshot

#: What can be a part of a file's name.
_OBJECT = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,79}")
#: Changes that a terminal still shows at a glance.
SHOWN = 40

OBJECT = click.option(
    "--object",
    "object_name",
    help="As the CRM calls it. Default: what leads are there, such as lead or contact.",
)


@click.group()
def schema() -> None:
    """Pull a CRM's own schema, for checks and for editors."""


@schema.command()
@click.argument("source")
@OBJECT
@click.option("--json", "as_json", is_flag=True, help="JSON instead of text.")
def pull(source: str, object_name: str | None, as_json: bool) -> None:
    """Ask SOURCE for its fields and keep them beside the mapping files.

    Writes schemas/SOURCE.OBJECT.json in MAPPINGS_DIR, one line for each field, and
    tells what changed since the last time. `check`, `test`, `preview` and the service
    itself go by it from then on; editors by schemas/mapping.schema.json, which is
    made anew. Needs no settings but those of SOURCE: no database, no token of 6sense.
    """
    from app.cli.mapping import mappings_folder
    from app.cli.sources import connector_of, kind_named, live_fields
    from app.mapping.changes import changes
    from app.mapping.snapshots import Snapshot

    object_name = object_name or kind_named(source).main_object
    if not _OBJECT.fullmatch(object_name):
        message = f"'{object_name}' cannot be the name of an object"
        raise click.BadParameter(message, param_hint="--object")
    connector = connector_of(source, os.environ)
    fields = live_fields(connector, object_name)
    folder = mappings_folder()
    now = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    made = Snapshot(source, object_name, fields, now)
    last = _last(folder / made.file)
    found = changes(last.fields, fields) if last is not None else []
    if last is not None and not found:
        made = replace(made, changed_at=last.changed_at)
    _write(folder, made)
    show = _as_json if as_json else _as_text
    click.echo(show(folder, made, found, is_first=last is None))


def _last(path: Path) -> Snapshot | None:
    """The snapshot before this one; None if there is none, or nothing readable."""
    from app.mapping.snapshots import UnreadableSnapshot, read_snapshot

    if not path.is_file():
        return None
    try:
        return read_snapshot(path)
    except UnreadableSnapshot as error:
        # It is about to be replaced, which is the fix of this finding.
        click.echo(f"{path} is replaced: {error}.", err=True)
        return None


def _write(folder: Path, snapshot: Snapshot) -> None:
    from app.mapping.editor import editor_text
    from app.mapping.snapshots import EDITOR_FILE, FOLDER, read_snapshots, save, text_of
    from app.sixsense import PRODUCTS

    try:
        save(folder, snapshot.file, text_of(snapshot))
        # Of all that were pulled: one file serves every mapping of the folder.
        snapshots, _ = read_snapshots(folder)
        products = [product.info for product in PRODUCTS.values()]
        save(folder, f"{FOLDER}/{EDITOR_FILE}", editor_text(products, snapshots))
    except OSError as error:
        raise ConfigurationError(
            f"{folder / snapshot.file} cannot be written: {error.strerror}.",
            ["MAPPINGS_DIR names the folder of the mapping files."],
        ) from error


def _as_text(
    folder: Path, made: Snapshot, found: Sequence[Change], *, is_first: bool
) -> str:
    count = f"{len(made.fields)} fields of {made.object}"
    head = f"{(folder / made.file).as_posix()}: {count}"
    if is_first:
        return f"{head}, pulled for the first time."
    if not found:
        return f"{head}, unchanged since {made.changed_at[:10]}."
    signs = {"+": "new", "-": "gone", "~": "changed"}
    counts = (
        (word, sum(c.sign == sign for c in found)) for sign, word in signs.items()
    )
    told = ", ".join(f"{number} {word}" for word, number in counts if number)
    lines = [f"  {one.sign} {one.field}: {one.words}" for one in found[:SHOWN]]
    if len(found) > SHOWN:
        lines.append(f"  and {len(found) - SHOWN} more: --json shows all")
    return "\n".join([f"{head}, {told}.", *lines])


def _as_json(
    folder: Path, made: Snapshot, found: Sequence[Change], *, is_first: bool
) -> str:
    from app.mapping.snapshots import members

    def rows(sign: str) -> list[Mapping[str, Any]]:
        return [
            {
                "field": one.field,
                "words": one.words,
                "was": members(one.was) if one.was else None,
                "now": members(one.now) if one.now else None,
            }
            for one in found
            if one.sign == sign
        ]

    shown = {
        "file": (folder / made.file).as_posix(),
        "source": made.source,
        "object": made.object,
        "fields": len(made.fields),
        "changed_at": made.changed_at,
        "is_first": is_first,
        "new": rows("+"),
        "gone": rows("-"),
        "changed": rows("~"),
    }
    return json.dumps(shown, indent=2, ensure_ascii=False)
