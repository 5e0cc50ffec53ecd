"""The pulled fields in the editors' schema: names to complete, values to underline."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any

from app.domain import CrmField
from app.mapping.changes import about
from app.mapping.snapshots import Snapshot

Json = dict[str, Any]

_WHOLE = re.compile(r"-?(0|[1-9][0-9]{0,17})")


def names_of(snapshots: Iterable[Snapshot]) -> Json:
    """Every field that can be written, of all snapshots, with what it is."""
    known: Json = {}
    for snapshot in snapshots:
        for field in _writable(snapshot):
            known.setdefault(field.name, {"description": _told(field)})
    return known


def for_snapshot(snapshot: Snapshot) -> Json:
    """What holds in files of this source and object, in whatever capitals."""
    writable = _writable(snapshot)
    names = [field.name for field in writable]
    # `off` drops an entry of a fragment, also of a field this account has not.
    unknown = {
        "const": "off",
        "errorMessage": f"{snapshot.source} has no field of this name on "
        f"{snapshot.object} that can be written",
    }
    fields = {
        "properties": {field.name: _entry(field) for field in writable},
        "additionalProperties": unknown,
    }
    values: Json = {"properties": {field.name: {} for field in writable}}
    step = {"current": values, "last_written": values}
    expect = {"properties": {"writes": values, "kept": values}}
    tests = {"items": {"properties": {**step, "expect": expect}}}
    outcome = {"properties": {key: {"enum": names} for key in ("result", "at")}}
    return {
        "if": {
            "properties": {
                "source": {"const": snapshot.source},
                "object": {"pattern": f"^{_any_capitals(snapshot.object)}$"},
            },
            "required": ["source", "object"],
        },
        "then": {
            "properties": {"fields": fields, "outcome": outcome, "tests": tests},
        },
    }


def _writable(snapshot: Snapshot) -> list[CrmField]:
    return [field for field in snapshot.fields.values() if not field.read_only]


def _entry(field: CrmField) -> Json:
    """A field's own entry: its constants are held to its list and its length."""
    made: Json = {"description": _told(field)}
    constant: Json = {}
    if field.values is not None and field.type != "multipicklist":
        numbers = [int(one) for one in field.values if _WHOLE.fullmatch(one)]
        words = dict.fromkeys([*field.values, *(field.labels or ())])
        constant["enum"] = [*words, *numbers]
    elif field.length is not None and not field.length_in_bytes:
        constant["maxLength"] = field.length
    if constant:
        case = {"properties": {"value": constant}}
        made["properties"] = {
            "value": constant,
            "otherwise": constant,
            "cases": {"items": case},
        }
    return made


def _told(field: CrmField) -> str:
    return f"{field.label}: {about(field)}" if field.label else about(field)


def _any_capitals(text: str) -> str:
    """A pattern without flags: JSON Schema has none."""
    parts = (
        f"[{one.lower()}{one.upper()}]" if one.isalpha() else f"[{one}]" for one in text
    )
    return "".join(parts)
