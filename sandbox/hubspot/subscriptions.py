"""Subscriptions of an app: which events its webhook address is told of."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sandbox import options
from sandbox.hubspot.events import TYPE_IDS, WHATS, Event
from sandbox.hubspot.properties import stamp
from sandbox.options import RequestInvalid

#: Changes of these can not be subscribed to.
NEVER = ("num_unique_conversion_events", "hs_lastmodifieddate")
_KINDS = {own: kind for kind, own in TYPE_IDS.items()}
_KEYS = ("eventType", "propertyName", "objectTypeId", "active")


@dataclass
class Subscription:
    """One subscription; `property_name` is of changes only, "" being any."""

    id: int
    kind: str
    what: str
    property_name: str
    #: The new platform's form, `object.creation`.
    is_newer: bool
    is_active: bool
    created: datetime
    updated: datetime

    def wants(self, event: Event) -> bool:
        """Whether this subscription is told of the event."""
        return (
            self.is_active
            and (event.kind, event.what) == (self.kind, self.what)
            and self.property_name in ("", event.more.get("propertyName", ""))
        )

    @property
    def name(self) -> str:
        """`contact.propertyChange:city`."""
        end = f":{self.property_name}" if self.property_name else ""
        return f"{self.kind}.{self.what}{end}"

    def as_json(self) -> dict[str, Any]:
        """As the webhooks API shows it."""
        event_type = f"{'object' if self.is_newer else self.kind}.{self.what}"
        return {
            "id": str(self.id),
            "createdAt": stamp(self.created),
            "updatedAt": stamp(self.updated),
            "eventType": event_type,
            **({"objectTypeId": TYPE_IDS[self.kind]} if self.is_newer else {}),
            **({"propertyName": self.property_name} if self.property_name else {}),
            "active": self.is_active,
        }


def read_subscription(given: object, own: int, now: datetime) -> Subscription:
    """A subscription in the API's form, or by its name `contact.propertyChange:city`.

    A name is active and may leave out the property, which stands for any; the
    API's form is paused unless it says otherwise.

    Raises:
        RequestInvalid: what is wrong with it.
    """
    if isinstance(given, str):
        name, _, changed = given.partition(":")
        return _checked(Subscription(own, *_type(name), changed, False, True, now, now))
    if not isinstance(given, dict):
        raise RequestInvalid("a subscription must be a name or an object")
    for key in given:
        if key not in _KEYS:
            raise RequestInvalid(options.unknown(key, _KEYS, "key"))
    name, changed = str(given.get("eventType")), given.get("propertyName") or ""
    is_newer, is_active = name.startswith("object."), given.get("active", False)
    if is_newer:
        kind = _KINDS.get(str(given.get("objectTypeId")), "object")
        name = f"{kind}.{name.removeprefix('object.')}"
    if not isinstance(changed, str) or not isinstance(is_active, bool):
        raise RequestInvalid("propertyName must be a text, and active true or false")
    if name.endswith(".propertyChange") and not changed:
        raise RequestInvalid(f"propertyName is needed for {name}")
    made = Subscription(own, *_type(name), changed, is_newer, is_active, now, now)
    return _checked(made)


def _type(name: str) -> tuple[str, str]:
    """`contact.creation` → contact, creation."""
    kind, _, what = name.partition(".")
    if kind not in TYPE_IDS or what not in WHATS:
        raise RequestInvalid(f"{name} is no type of subscription")
    return kind, what


def _checked(made: Subscription) -> Subscription:
    if made.property_name in NEVER:
        raise RequestInvalid(f"Changes of {made.property_name} can not be subscribed")
    if made.property_name and made.what != "propertyChange":
        raise RequestInvalid(f"{made.kind}.{made.what} has no propertyName")
    return made
