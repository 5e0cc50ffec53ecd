"""Activities 12 (New Lead) and 13 (Change Data Value), and paging tokens."""

from __future__ import annotations

import base64
import json
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

NEW_LEAD = 12
CHANGE_DATA_VALUE = 13
DELETE_LEAD = 37

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

    def as_json(self) -> dict[str, Any]:
        """The activity as leadchanges.json shows it."""
        entry: dict[str, Any] = {
            "id": self.id,
            "marketoGUID": str(self.id),
            "leadId": self.lead_id,
            "activityDate": stamp(self.at),
            "activityTypeId": self.type,
        }
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
