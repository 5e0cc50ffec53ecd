"""What happened to a record, and how a webhook tells it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from sandbox.hubspot.properties import Property

TYPE_IDS = {"contact": "0-1", "company": "0-2"}
#: What is subscribed to can be known and still never happen here: associations.
WHATS = (
    "creation",
    "propertyChange",
    "deletion",
    "privacyDeletion",
    "merge",
    "restore",
    "associationChange",
)


@dataclass(frozen=True)
class Event:
    """One thing that happened to one record."""

    kind: str  #: contact, company
    what: str  #: one of WHATS
    object_id: str
    occurred_ms: int
    source: tuple[str, str]  #: `changeSource`, `sourceId`
    #: What this kind of event has besides, under its names on the wire.
    more: Mapping[str, Any] = field(default_factory=dict)
    is_sensitive: bool = False

    def as_json(self, subscription_id: int, *, newer: bool) -> dict[str, Any]:
        """As a subscription is told of it, but for app, portal and `eventId`.

        `newer` is the form of the new platform: `object.creation`, with the type of
        the object. The old one hides sensitive values.
        """
        more = dict(self.more)
        if self.what == "propertyChange":
            if newer:
                more["isSensitive"] = self.is_sensitive
            elif self.is_sensitive:
                more["propertyValue"] = "REDACTED"
        change_source, source_id = self.source
        return {
            "subscriptionId": subscription_id,
            "occurredAt": self.occurred_ms,
            "subscriptionType": f"{'object' if newer else self.kind}.{self.what}",
            "attemptNumber": 0,
            "objectId": int(self.object_id),
            **({"objectTypeId": TYPE_IDS[self.kind]} if newer else {}),
            "changeSource": change_source,
            "sourceId": source_id,
            **more,
        }


def told(prop: Property | None, value: str) -> str:
    """A value as an event has it: days and times in milliseconds."""
    if not value or prop is None or prop.type not in ("date", "datetime"):
        return value
    try:
        at = datetime.fromisoformat(value)
    except ValueError:
        return value
    return str(round(at.replace(tzinfo=at.tzinfo or UTC).timestamp() * 1000))
