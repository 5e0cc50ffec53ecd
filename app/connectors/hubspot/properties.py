"""The properties of an object in HubSpot, as fields with their options."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from app.connectors.hubspot.rest import Rest, results_of
from app.domain import CrmField

#: HubSpot's `type` → ours; others are read as strings.
TYPES: Final[Mapping[str, str]] = {
    "string": "string",
    "number": "number",
    "bool": "boolean",
    "enumeration": "picklist",
    "date": "date",
    "datetime": "datetime",
    "phone_number": "phone",
}
_TEXT_LENGTH: Final = 65_536
#: In the type list, but nothing to write.
_NOT_WRITTEN: Final = frozenset({"phone_number", "object_coordinates", "json"})


def object_fields(rest: Rest, object: str, timeout_s: float) -> list[CrmField]:
    """All properties that are not archived; one call, there are no pages."""
    body = rest.call(
        "GET",
        rest.properties(object),
        operation="properties",
        read_timeout_s=timeout_s,
    )
    rows = results_of(body, "properties")
    return [
        _field(row)
        for row in rows
        if isinstance(row.get("name"), str) and row.get("archived") is not True
    ]


def _field(row: Mapping[str, Any]) -> CrmField:
    kind, shown = str(row.get("type")), str(row.get("fieldType"))
    options = _options(row)
    rules = row.get("modificationMetadata")
    is_fixed = isinstance(rules, dict) and rules.get("readOnlyValue") is True
    return CrmField(
        name=str(row["name"]),
        type=_type(kind, shown, options),
        label=str(row.get("label") or ""),
        length=_TEXT_LENGTH if kind == "string" else None,
        read_only=is_fixed or row.get("calculated") is True or kind in _NOT_WRITTEN,
        values=tuple(options) if options is not None else None,
        labels=tuple(options.values()) if options is not None else None,
    )


def _type(kind: str, shown: str, options: Mapping[str, str] | None) -> str:
    if kind == "enumeration":
        if shown == "booleancheckbox":
            return "boolean"
        return "multipicklist" if shown == "checkbox" else "picklist"
    return TYPES.get(kind, "string")


def _options(row: Mapping[str, Any]) -> dict[str, str] | None:
    """Internal value → label; None where anything goes, or others keep the list."""
    given = row.get("options")
    if row.get("type") != "enumeration" or row.get("externalOptions") is True:
        return None
    if row.get("fieldType") == "booleancheckbox" or not isinstance(given, list):
        return None
    return {
        str(one["value"]): str(one.get("label") or one["value"])
        for one in given
        if isinstance(one, dict) and "value" in one
    }
