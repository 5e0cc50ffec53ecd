"""`leadbridge setup SOURCE --create-fields`: the plan, and with --go its work."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, ExitStack, nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from app.cli.mapping import mappings_folder
from app.cli.setup import chosen_of, rows_of
from app.connectors.base import Connector, NotOffered
from app.connectors.guide import Table
from app.domain import CrmField, RecordResult
from app.errors import RecordRefused, RemoteError, RequestRefused

if TYPE_CHECKING:
    from app.mapping.model import MappingFile
    from app.pipeline.setup import Lacking

#: Waits for a call that the account's limits allow; the call is made inside.
Leave = Callable[[], AbstractContextManager[None]]


def create(
    source: str, mapping: str | None, object_name: str, *, go: bool, as_json: bool
) -> int:
    """Compare, tell, and with `go` make them; 1 if anything is still lacking."""
    from app.cli.sources import connector_of, live_fields
    from app.pipeline.setup import lacking

    mappings = _mappings(source, mapping, object_name)
    connector = connector_of(source, os.environ)
    if not connector.field_batch:
        raise NotOffered(f"no field can be made in {connector.name} from here")
    with ExitStack() as stack:
        leave = _leave(connector, mappings[0], stack)
        with leave():
            live = live_fields(connector, object_name)
        found = lacking(type(connector), mappings, live)
        wanted = [one.field for one in found if one.type]
        made: dict[str, RecordResult] = {}
        try:
            if go:
                _make(connector, object_name, wanted, leave, made)
        except RemoteError:
            if made:
                _show(source, object_name, found, made, go=go, as_json=as_json)
            raise
    _show(source, object_name, found, made, go=go, as_json=as_json)
    done = [one for one in made.values() if one.error is None]
    return int(len(done) < len(found))


def _mappings(source: str, name: str | None, object_name: str) -> Sequence[MappingFile]:
    """Those that are meant, good even if their fields are still to be made."""
    from app.connectors import CONNECTORS
    from app.mapping.kinds import Hoped
    from app.mapping.load import check_folder
    from app.mapping.snapshots import read_snapshots, schemas_of
    from app.sixsense import PRODUCTS

    is_file = name is not None and Path(name).is_file()
    folder = Path(name).parent if name and is_file else mappings_folder()
    snapshots, _ = read_snapshots(folder)
    schemas: dict[str, Any] = dict(schemas_of(snapshots))
    schemas[source] = {**schemas.get(source, {}), object_name: Hoped()}
    products = {each: product.info for each, product in PRODUCTS.items()}
    report = check_folder(folder, products, schemas, CONNECTORS)
    _, chosen = chosen_of(source, name, report.required(), folder)
    folded = object_name.casefold()
    fitting = [each for each in chosen if each.object.casefold() == folded]
    if not fitting:
        there = ", ".join(sorted({each.object for each in chosen}))
        message = f"no mapping file writes to {object_name}; they write to: {there}"
        raise click.BadParameter(message, param_hint="--object")
    return fitting


def _leave(connector: Connector, mapping: MappingFile, stack: ExitStack) -> Leave:
    """The limits that are shared with the service, if its database is there."""
    from app import runtime
    from app.cli.preview import database_if_there
    from app.cli.serve import load_settings
    from app.pipeline.parts import calling, source_of

    settings = load_settings(LOG_LEVEL="WARNING")
    database = database_if_there(settings, stack)
    if database is None:
        return nullcontext
    parts = runtime.parts_of_command(settings, database, mapping, connector)
    return lambda: calling(parts, source_of(parts, connector.source))


def _make(
    connector: Connector,
    object_name: str,
    fields: Sequence[CrmField],
    leave: Leave,
    made: dict[str, RecordResult],
) -> None:
    """Fill `made`, a batch at a time. Raises RemoteError; what is made stays made."""
    size = connector.field_batch
    for start in range(0, len(fields), size):
        part = fields[start : start + size]
        try:
            with leave():
                results = connector.create_fields(object_name, part)
        except RequestRefused as error:
            if len(part) > 1:
                # One of them may be to blame for the refusal of them all.
                middle = len(part) // 2
                for half in (part[:middle], part[middle:]):
                    _make(connector, object_name, half, leave, made)
                continue
            refused = RecordRefused(str(error), code=error.code)
            results = [RecordResult(part[0].name, refused)]
        made.update((one.record_id, one) for one in results)


def _show(
    source: str,
    object_name: str,
    found: Sequence[Lacking],
    made: dict[str, RecordResult],
    *,
    go: bool,
    as_json: bool,
) -> None:
    if as_json:
        rows = [_as_data(one, made.get(one.field.name)) for one in found]
        shown = {"source": source, "object": object_name, "done": go, "fields": rows}
        click.echo(json.dumps(shown, indent=2, ensure_ascii=False))
        return
    if not found:
        click.echo(f"{source} has every field of {object_name} that is written.")
        return
    click.echo(f"{source} lacks {_count(len(found))} of {object_name}:\n")
    headings = ("field", "label", "type", "mapping", "")
    cells = tuple(_cells(one, made.get(one.field.name), go=go) for one in found)
    for line in rows_of(Table("", headings, cells)):
        click.echo(line)
    click.echo()
    done = sum(one.error is None for one in made.values())
    if done:
        click.echo(f"{_count(done)} made. Now: leadbridge schema pull {source}")
    elif not go and any(one.type for one in found):
        click.echo(
            "Nothing was made: --go does it. Look at names and types first, for a "
            "field stays for good; labels can be changed."
        )


def _cells(
    one: Lacking, result: RecordResult | None, *, go: bool
) -> tuple[str, str, str, str, str]:
    if result is None:
        said = one.note
        if go and one.type:
            said = "not known whether it was made: run this again"
    else:
        said = "made" if result.error is None else f"refused: {result.error}"
    field, by = one.field, ", ".join(one.mappings)
    return field.name, field.label, one.type or "(by hand)", by, said


def _as_data(one: Lacking, result: RecordResult | None) -> dict[str, Any]:
    return {
        "name": one.field.name,
        "label": one.field.label,
        "type": one.type or None,
        "note": one.note,
        "mappings": one.mappings,
        "is_made": result is not None and result.error is None,
        "error": str(result.error) if result is not None and result.error else None,
    }


def _count(number: int) -> str:
    return f"{number:,} field{'s' * (number != 1)}"
