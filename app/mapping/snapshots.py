"""Snapshots of a CRM's own schema: `schemas/<source>.<object>.json` beside mappings.

One line for each field, sorted, and no time but that of the last change: what git
shows is what changed in the CRM. JSON, because everything that loads mapping files
reads them, and a grown account has thousands of fields.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Mapping
from dataclasses import MISSING, dataclass, fields
from pathlib import Path
from typing import Any

from app.domain import CrmField, Finding
from app.mapping.comparisons import FileMissing
from app.mapping.files import decoded
from app.mapping.findings import shorten
from app.mapping.trial_schema import TYPES

Schema = Mapping[str, CrmField]

FOLDER = "schemas"
#: The one file in that folder that is no snapshot: see editor.py.
EDITOR_FILE = "mapping.schema.json"
FORMAT = 1

#: What a field's type may be: those a test can name, and kinds of text.
KNOWN_TYPES = frozenset({*TYPES, "email", "url", "phone", "reference"})
#: A field's members, less its name, and what each is left out at.
_DEFAULTS = {
    one.name: None if one.default is MISSING else one.default
    for one in fields(CrmField)
    if one.name != "name"
}
_KINDS: dict[str, type] = {
    "length": int,
    "length_in_bytes": bool,
    "read_only": bool,
    "values": list,
    "labels": list,
}


@dataclass(frozen=True, slots=True)
class Snapshot:
    """The fields of one object of one source, as they were pulled."""

    source: str
    object: str
    fields: Schema
    #: When the pull was made that found the last change: `2026-11-23T10:00:00Z`.
    changed_at: str = ""

    @property
    def file(self) -> str:
        """Its name below the folder of mapping files."""
        return f"{FOLDER}/{self.source}.{self.object}.json"


class UnreadableSnapshot(Exception):
    """A file that is no snapshot; `finding` says why."""

    def __init__(self, finding: Finding) -> None:
        super().__init__(finding.message)
        self.finding = finding


def text_of(snapshot: Snapshot) -> str:
    """The file: a line for each field, in the order of their names."""
    head = {
        "schema": FORMAT,
        "source": snapshot.source,
        "object": snapshot.object,
        "changed_at": snapshot.changed_at,
    }
    lines = [f"{_json(key)}: {_json(value)}," for key, value in head.items()]
    ordered = sorted(
        snapshot.fields.values(), key=lambda one: (one.name.casefold(), one.name)
    )
    rows = [f"{_json(one.name)}: {_json(members(one))}" for one in ordered]
    return "\n".join(["{", *lines, '"fields": {', ",\n".join(rows), "}}", ""])


def read_snapshots(folder: Path) -> tuple[tuple[Snapshot, ...], tuple[Finding, ...]]:
    """All snapshots of a folder of mapping files, and what is wrong with others."""
    found: list[Snapshot] = []
    problems: list[Finding] = []
    for path in snapshot_paths(folder):
        try:
            found.append(read_snapshot(path))
        except UnreadableSnapshot as error:
            problems.append(error.finding)
    return tuple(found), tuple(problems)


def snapshot_paths(folder: Path) -> list[Path]:
    """The files that have to be snapshots: all JSON of the folder but the editors'."""
    below = folder / FOLDER
    found = below.glob("*.json") if below.is_dir() else ()
    return sorted(p for p in found if p.name[0] != "." and p.name != EDITOR_FILE)


def schemas_of(snapshots: Iterable[Snapshot]) -> dict[str, dict[str, Schema]]:
    """Source → object → field, as the compiler takes them."""
    schemas: dict[str, dict[str, Schema]] = {}
    for each in snapshots:
        schemas.setdefault(each.source, {})[each.object] = each.fields
    return schemas


def read_snapshot(path: Path) -> Snapshot:
    """One snapshot.

    Raises:
        UnreadableSnapshot: not readable, not one of ours, or another one's copy.
    """
    reading = _Reading(path)
    said = reading.json()
    if not isinstance(said, dict) or "schema" not in said:
        raise reading.refused("this is no snapshot of a schema")
    if said["schema"] != FORMAT:
        raise reading.refused("this snapshot was made by another release")
    source, obj, rows = (said.get(key) for key in ("source", "object", "fields"))
    if not isinstance(source, str) or not isinstance(obj, str):
        raise reading.refused("it does not say of which source and object it is")
    if not isinstance(rows, dict):
        raise reading.refused("it has no fields")
    known = {name: reading.field(name, row) for name, row in rows.items()}
    snapshot = Snapshot(source, obj, known, str(said.get("changed_at") or ""))
    if Path(snapshot.file).name != path.name:
        said_name = Path(snapshot.file).name
        raise reading.refused(
            f"this is the snapshot of {shorten(obj)} in {shorten(source)}",
            f"Pull that of your other account instead, or name it {said_name}.",
        )
    return snapshot


def save(folder: Path, name: str, text: str) -> None:
    """Write a file below the folder of mapping files, whole or not at all.

    Raises OSError.
    """
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = path.with_name(f".{path.name}.{os.getpid()}")
    draft.write_text(text, encoding="utf-8")
    draft.replace(path)


class _Reading:
    """One file while it is read."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.text = ""

    def json(self) -> Any:
        """What the file holds; a name that stands twice is refused."""
        try:
            self.text = decoded(self.path.read_bytes(), self.path.name)
            return json.loads(self.text, object_pairs_hook=self._once)
        except json.JSONDecodeError as error:
            said = f"this is not readable JSON: {error.msg}"
            raise self.refused(said, line=error.lineno) from None
        except (FileMissing, OSError, ValueError, RecursionError) as error:
            raise self.refused(f"this cannot be read: {shorten(error, 80)}") from None

    def _once(self, pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        found: dict[str, Any] = {}
        for name, value in pairs:
            if name in found:
                raise self.refused(f"'{shorten(name)}' stands twice", of=name)
            found[name] = value
        return found

    def field(self, name: str, row: Any) -> CrmField:
        """One field, from its row."""
        row = row if isinstance(row, dict) else {}
        unknown = next((key for key in row if key not in _DEFAULTS), None)
        if unknown is not None:
            said = f"{shorten(name)} has an unknown member '{shorten(unknown)}'"
            raise self.refused(said, of=name)
        if row.get("type") not in KNOWN_TYPES:
            shown = shorten(row.get("type", "nothing"))
            raise self.refused(f"{shorten(name)}: '{shown}' is not a type", of=name)
        for key, value in row.items():
            if type(value) is not _KINDS.get(key, str) or not _is_sound(key, value):
                said = f"{shorten(name)}: its {key} cannot be {shorten(value)!r}"
                raise self.refused(said, of=name)
        lists = {key: tuple(row[key]) for key in ("values", "labels") if key in row}
        return CrmField(name, **{**row, **lists})

    def refused(
        self, message: str, fix: str = "", *, line: int | None = None, of: str = ""
    ) -> UnreadableSnapshot:
        """The complaint, at a line or at the line of a field."""
        lines = self.text.splitlines()
        if of:
            begin = f"{_json(of)}:"
            found = (n for n, each in enumerate(lines, 1) if each.startswith(begin))
            line = next(found, None)
        is_there = line is not None and line <= len(lines)
        shown = shorten(lines[line - 1], 100) if line and is_there else None
        fix = fix or "Pull it again with `leadbridge schema pull`, or take it away."
        column = 1 if shown else None
        return UnreadableSnapshot(
            Finding(
                "M307",
                message,
                self.path.as_posix(),
                line if is_there else None,
                column,
                source_line=shown,
                fix=fix,
            )
        )


def _is_sound(key: str, value: Any) -> bool:
    if key == "length":
        return bool(value > 0)
    is_list = key in ("values", "labels")
    return not is_list or all(isinstance(one, str) for one in value)


def members(field: CrmField) -> dict[str, Any]:
    """What is to be said of a field, in a fixed order."""
    said = {key: getattr(field, key) for key in _DEFAULTS}
    return {
        key: list(value) if isinstance(value, tuple) else value
        for key, value in said.items()
        if key == "type" or value != _DEFAULTS[key]
    }


def _json(value: Any) -> str:
    text = json.dumps(value, ensure_ascii=False)
    # Line ends that only Python knows, and halves of characters, would break lines.
    return text if text.isprintable() else json.dumps(value)
