"""Activities: New Lead, Change Data Value and others; and paging tokens."""

from __future__ import annotations

import base64
import json
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

NEW_LEAD = 12
CHANGE_DATA_VALUE = 13
DELETE_LEAD = 37

#: type → name, primary attribute, attributes
_TYPES: dict[int, tuple[str, str, tuple[str, ...]]] = {
    NEW_LEAD: ("New Lead", "Lead ID", ("Source Type",)),
    CHANGE_DATA_VALUE: (
        "Change Data Value",
        "Attribute Name",
        ("New Value", "Old Value", "Reason", "Source"),
    ),
    DELETE_LEAD: ("Delete Lead", "Lead ID", ("Source Type",)),
}
#: Any other type; the names of its attributes are unconfirmed.
_CALL_WEBHOOK = ("Call Webhook", "Webhook", ("Error Type", "Response"))

#: Source and Reason of everything written by REST.
REST_SOURCE = "Web service API"


@dataclass(frozen=True, slots=True)
class Activity:
    """One thing that happened to one lead."""

    id: int
    type: int
    lead_id: int
    at: float  #: epoch seconds
    primary: str | None = None  #: the lead's name, for New Lead
    field: tuple[int, str] | None = None  #: id and REST name of the changed field
    old: Any = None
    new: Any = None
    source: str = REST_SOURCE
    attributes: tuple[tuple[str, Any], ...] = ()  #: of other types

    def as_activity(self) -> dict[str, Any]:
        """The activity as activities.json shows it."""
        if self.field:
            number, name = self.field
            attributes = (("New Value", self.new), ("Old Value", self.old),
                          ("Reason", self.source), ("Source", self.source))  # fmt: skip
        else:
            number, name = self.lead_id, self.primary
            attributes = self.attributes or (("Source Type", self.source),)
        return {
            **self._head(),
            "primaryAttributeValueId": number,
            "primaryAttributeValue": name,
            "attributes": [
                {"name": name, "value": value} for name, value in attributes
            ],
        }

    def _head(self) -> dict[str, Any]:
        return {
            "id": self.id,
            "marketoGUID": str(self.id),
            "leadId": self.lead_id,
            "activityDate": stamp(self.at),
            "activityTypeId": self.type,
        }

    def as_change(self) -> dict[str, Any]:
        """The activity as leadchanges.json shows it."""
        entry = self._head()
        if self.field:
            number, name = self.field
            entry["fields"] = [
                {"id": number, "name": name, "newValue": self.new, "oldValue": self.old}
            ]
            entry["attributes"] = [
                {"name": "Reason", "value": self.source},
                {"name": "Source", "value": self.source},
            ]
            return entry
        entry["primaryAttributeValueId"] = self.lead_id
        entry["primaryAttributeValue"] = self.primary
        entry["attributes"] = [{"name": "Source Type", "value": self.source}]
        return entry


def type_entry(kind: int) -> dict[str, Any]:
    """One entry of activities/types.json."""
    name, primary, attributes = _TYPES.get(kind, _CALL_WEBHOOK)
    return {
        "id": kind,
        "name": name,
        "description": None,
        "primaryAttribute": {"name": primary, "dataType": "string"},
        "attributes": [{"name": name, "dataType": "string"} for name in attributes],
    }


def stamp(at: float) -> str:
    """Epoch seconds → `2026-03-01T14:28:16Z`."""
    return datetime.fromtimestamp(at, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def page_token(kind: str, **where: float) -> str:
    """An opaque token in the recorded look: base 32 with its padding."""
    raw = json.dumps([kind, where], separators=(",", ":")).encode()
    return base64.b32encode(raw).decode()


def read_page_token(token: str, kind: str) -> dict[str, float]:
    """What `page_token` put in.

    Raises:
        ValueError: the token was not made by this sandbox for this use.
    """
    try:
        found, where = json.loads(base64.b32decode(token, casefold=True))
    except (ValueError, TypeError) as error:
        raise ValueError("not a paging token") from error
    if found != kind or not isinstance(where, dict):
        raise ValueError(f"a paging token for {found}")
    return where
