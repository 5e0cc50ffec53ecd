"""New custom fields, by the schema call.

Source: Adobe, "Create Lead Fields" (docs/connectors/marketo.md, "Fields").
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from typing import Any, Final

from app.connectors.marketo.codes import plain_code
from app.connectors.marketo.records import result_of
from app.connectors.marketo.rest import Rest
from app.domain import CrmField, RecordResult
from app.errors import AnswerUnexpected, CredentialsRefused, RecordRefused

#: In one call.
MOST: Final = 100
#: What a text field takes that the API makes; it makes no Text Areas.
LONGEST: Final = 255
_NAME: Final = re.compile(r"[A-Za-z][A-Za-z0-9_]*")
#: Our types → those that can be made.
_TYPES: Final[Mapping[str, str]] = {
    "string": "string",
    "integer": "integer",
    "number": "float",
    "float": "float",
    "currency": "currency",
    "boolean": "boolean",
    "date": "date",
    "datetime": "datetime",
}
#: What is left of the message of a refusal: it speaks of fields, not of people.
_SAID: Final = 200


def type_of(field: CrmField) -> str:
    """Marketo's word for the type.

    Raises:
        RecordRefused: it cannot be made by the API; says how else.
    """
    if not _NAME.fullmatch(field.name):
        raise RecordRefused(
            "a name begins with a letter and has letters, digits and _ only"
        )
    if field.length is not None and field.length > LONGEST:
        raise RecordRefused(
            f"texts of more than {LONGEST} characters cannot be made by the API: make "
            f"a Text Area with the API name {field.name} in Admin > Field Management, "
            f"or write at most {LONGEST} (`max:`)"
        )
    made = _TYPES.get(field.type)
    if made is None:
        raise RecordRefused(f"Marketo has no type for {field.type}")
    return made


def create_fields(
    rest: Rest, fields: Sequence[CrmField], timeout_s: float
) -> list[RecordResult]:
    """Make up to 100 fields; one result for each, in order.

    Raises:
        CredentialsRefused: the role lacks the permission for it; says which.
        RequestRefused: the call as a whole; one field of several may be to blame.
    """
    rows = [
        {"displayName": one.label, "name": one.name, "dataType": type_of(one)}
        for one in fields
    ]
    operation = "leads.schema.create"
    try:
        envelope = rest.call(
            "POST",
            "/rest/v1/leads/schema/fields.json",
            operation=operation,
            body=json.dumps({"input": rows}).encode(),
            read_timeout_s=timeout_s,
        )
    except CredentialsRefused as error:
        if error.code != "603":
            raise
        raise CredentialsRefused(
            "marketo does not let this API user make fields (603). Its role needs the "
            "permission Read-Write Schema Custom Field; if it has that, look at the "
            "IP allow-list of the API",
            system="marketo",
            operation=operation,
            status=error.status,
            code=error.code,
        ) from error
    found = result_of(envelope, operation)
    if len(found) != len(fields):
        raise AnswerUnexpected(
            f"marketo answered {len(found)} results for {len(fields)} fields",
            system="marketo",
            operation=operation,
            status=200,
        )
    return [
        RecordResult(one.name, _judged(row))
        for one, row in zip(fields, found, strict=True)
    ]


def _judged(row: Mapping[str, Any]) -> RecordRefused | None:
    if row.get("status") == "created":
        return None
    # `reasons` on the wire; Adobe's published schema says `reason`.
    reasons = row.get("reasons") or row.get("reason") or {}
    first = reasons[0] if isinstance(reasons, list) else reasons
    given = first if isinstance(first, dict) else {}
    code = plain_code(given.get("code"))
    said = " ".join(str(given.get("message") or "no reason").split())[:_SAID]
    return RecordRefused(f"{said} ({code or 'no code'})", code=code or None)
