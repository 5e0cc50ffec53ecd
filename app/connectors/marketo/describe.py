"""The fields of a person in Marketo, as its two Describe calls tell them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from app.connectors.marketo.records import result_of
from app.connectors.marketo.rest import Rest
from app.domain import CrmField
from app.errors import RequestRefused

#: Marketo's `dataType` → ours; others are read as strings.
TYPES: Final[Mapping[str, str]] = {
    "string": "string",
    "text": "text",
    "email": "email",
    "integer": "integer",
    "score": "integer",
    "percent": "integer",
    "float": "float",
    "currency": "currency",
    "boolean": "boolean",
    "date": "date",
    "datetime": "datetime",
    "phone": "phone",
    "url": "url",
    "reference": "reference",
}
#: Text areas have no length in Describe; their limit is in bytes.
_TEXT_BYTES: Final = 30_000


def lead_fields(rest: Rest, timeout_s: float) -> list[CrmField]:
    """Describe 2 for what can be written, Describe for the SOAP names.

    Response mappings know a field by its SOAP name only; a field without one
    cannot be filled by a webhook's reply.
    """
    described = {}
    for row in _describe(rest, "describe", timeout_s):
        names = row.get("rest")
        if isinstance(names, dict) and isinstance(names.get("name"), str):
            described[names["name"]] = row
    try:
        pages = _describe(rest, "describe2", timeout_s)
    except RequestRefused:
        pages = []
    rows = {
        row["name"]: row
        for page in pages
        for row in page.get("fields") or []
        if isinstance(row, dict) and isinstance(row.get("name"), str)
    }
    names = dict.fromkeys([*rows, *described])
    return [_field(name, rows.get(name), described.get(name, {})) for name in names]


def _describe(rest: Rest, which: str, timeout_s: float) -> list[dict[str, Any]]:
    path = f"/rest/v1/leads/{which}.json"
    operation = f"leads.{which}"
    envelope = rest.call("GET", path, operation=operation, read_timeout_s=timeout_s)
    return result_of(envelope, operation)


def _field(
    name: str, row: Mapping[str, Any] | None, described: Mapping[str, Any]
) -> CrmField:
    given = {**described, **(row or {})}
    names, soap = described.get("rest"), described.get("soap")
    is_fixed = bool(isinstance(names, dict) and names.get("readOnly"))
    is_fixed = is_fixed or given.get("updateable") is False
    kind = str(given.get("dataType"))
    length = given.get("length") if isinstance(given.get("length"), int) else None
    return CrmField(
        name=name,
        type=TYPES.get(kind, "string"),
        label=str(given.get("displayName") or ""),
        length=_TEXT_BYTES if kind == "text" and length is None else length,
        length_in_bytes=kind == "text",
        read_only=is_fixed or kind == "formula",
        soap_name=soap.get("name") if isinstance(soap, dict) else None,
    )
