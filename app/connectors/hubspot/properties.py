"""The properties of an object in HubSpot: as fields with their options, and new ones.

Source: HubSpot, "Properties" (docs/connectors/hubspot.md, "Properties").
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, Final

from app.connectors.hubspot.codes import call_error
from app.connectors.hubspot.rest import DONE, Rest, results_of
from app.domain import CrmField, RecordResult
from app.errors import RecordRefused

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
#: Our types → `type` and `fieldType` of a property that is made.
_MADE: Final[Mapping[str, tuple[str, str]]] = {
    "string": ("string", "text"),
    "integer": ("number", "number"),
    "number": ("number", "number"),
    "float": ("number", "number"),
    "currency": ("number", "number"),
    "boolean": ("bool", "booleancheckbox"),
    "date": ("date", "date"),
    "datetime": ("datetime", "date"),
}
_NAME: Final = re.compile(r"[a-z][a-z0-9_]{0,99}")
#: The groups that every account has.
_GROUPS: Final[Mapping[str, str]] = {
    "contact": "contactinformation",
    "company": "companyinformation",
}
_YES_NO: Final = [{"label": "Yes", "value": "true"}, {"label": "No", "value": "false"}]


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


def type_of(field: CrmField) -> str:
    """HubSpot's word for the type.

    Raises:
        RecordRefused: it cannot be made by the API; says how else.
    """
    if not _NAME.fullmatch(field.name):
        raise RecordRefused(
            "a name begins with a small letter and has small letters, digits and _ "
            "only, 100 at most"
        )
    if field.length is not None and field.length > _TEXT_LENGTH:
        raise RecordRefused(
            f"a text has at most {_TEXT_LENGTH:,} characters: write as many (`max:`)"
        )
    made = _MADE.get(field.type)
    if made is None:
        raise RecordRefused(f"HubSpot has no type for {field.type}")
    return made[0]


def create_field(
    rest: Rest, object: str, field: CrmField, timeout_s: float
) -> RecordResult:
    """Make one property, in the group that every account has; one call.

    Raises:
        CredentialsRefused: the app lacks the scope for it, `crm.schemas.*.write`.
    """
    kind, shown = _MADE[field.type]
    answer = rest.ask(
        "POST",
        rest.properties(object),
        operation="properties.create",
        json={
            "name": field.name,
            "label": field.label or field.name,
            "type": kind,
            "fieldType": shown,
            "groupName": _GROUPS[object.casefold()],
            **({"options": _YES_NO} if kind == "bool" else {}),
        },
        read_timeout_s=timeout_s,
    )
    if answer.status in DONE:
        return RecordResult(field.name)
    error = call_error(answer)
    if answer.status == 409:
        said = "there is one of this name, maybe archived"
        return RecordResult(field.name, RecordRefused(said, code=error.code))
    raise error
