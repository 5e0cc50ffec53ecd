"""`leadbridge mapping init`: a first mapping file from the pulled fields."""

from __future__ import annotations

import re
from pathlib import Path

import click

from app.cli.mapping import canonical, mappings_folder
from app.cli.schema import OBJECT
from app.cli.sources import kind_named
from app.connectors import CONNECTORS
from app.errors import ConfigurationError
from app.mapping.first_file import Plan, first_file
from app.mapping.load import check_folder
from app.mapping.snapshots import Snapshot, read_snapshots
from app.sixsense import PRODUCTS

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,79}")


@click.group()
def mapping() -> None:
    """Start a mapping file from what was pulled."""


@mapping.command()
@click.argument("source")
@OBJECT
@click.option("--name", help="The file's name, without .yaml; else that of SOURCE.")
def init(source: str, object_name: str | None, name: str | None) -> None:
    """Write a first mapping file for SOURCE, to be looked through and changed.

    Takes the fields that `leadbridge schema pull` found: those whose name or label
    looks made for 6sense get an entry, the rest of them a suggestion. Tests that pass
    are in it. An existing file is never overwritten.
    """
    kind = kind_named(source)
    name = (name or source).removesuffix(".yaml")
    if not _NAME.fullmatch(name):
        message = f"'{name}' cannot be the name of a mapping"
        raise click.BadParameter(message, param_hint="--name")
    folder = mappings_folder()
    path = folder / f"{name}.yaml"
    if path.exists():
        raise ConfigurationError(
            f"{path} is there already, and is not overwritten.",
            ["Name the new one: --name."],
        )
    snapshot = _pulled(folder, source, object_name or kind.main_object)
    owned = _owned(folder, snapshot)
    infos = {key: product.info for key, product in PRODUCTS.items()}
    plan = Plan(snapshot, kind.record_key, infos, owned)
    _create(path, first_file(path.name, plan, canonical))
    click.echo(
        f"{path.as_posix()}: look through it, then `leadbridge check` and "
        "`leadbridge test`."
    )


def _pulled(folder: Path, source: str, object_name: str) -> Snapshot:
    snapshots, problems = read_snapshots(folder)
    if problems:
        raise ConfigurationError("Snapshots have to be mended first.", problems)
    for each in snapshots:
        is_object = each.object.casefold() == object_name.casefold()
        if each.source == source and is_object:
            return each
    is_usual = object_name == kind_named(source).main_object
    option = "" if is_usual else f" --object {object_name}"
    raise ConfigurationError(
        f"The fields of {object_name} in {source} were not pulled yet.",
        [f"First `leadbridge schema pull {source}{option}`."],
    )


def _owned(folder: Path, snapshot: Snapshot) -> dict[str, str]:
    """Fields of this object that a file of the folder writes: one owner each."""
    infos = {key: product.info for key, product in PRODUCTS.items()}
    report = check_folder(folder, infos, sources=CONNECTORS)
    # M500: no mapping file yet, which is why one is made.
    wrong = [finding for finding in report.errors if finding.code != "M500"]
    if wrong:
        raise ConfigurationError("The files that are there do not load.", wrong)
    owned: dict[str, str] = {}
    for each in report.mappings:
        is_object = each.object.casefold() == snapshot.object.casefold()
        if each.source == snapshot.source and is_object:
            file = each.path.name if each.path else each.name
            outcome = each.outcome
            more = (outcome.result, outcome.at) if outcome is not None else ()
            for field in (*each.fields, *more):
                owned.setdefault(field or "", file)
    return owned


def _create(path: Path, text: str) -> None:
    try:
        with path.open("x", encoding="utf-8") as file:
            file.write(text)
    except OSError as error:
        message = f"{path} cannot be written: {error.strerror}."
        raise ConfigurationError(message) from error
