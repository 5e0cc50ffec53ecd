"""HubSpot's webhooks: arrays of events that carry ids, and bodies of workflows.

An event says what changed and whose change it was, but of the record only its id:
the rest is fetched. Order and single delivery are not promised, and `eventId` is
not unique, so an event's own id is made of all that tells two of them apart.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, Final

from app.connectors.base import WebhookReply, json_reply
from app.connectors.bodies import read_json
from app.domain import LeadEvent
from app.errors import PayloadInvalid, WebhookRefused

#: `objectTypeId` of the newer events → the object as mapping files call it.
OBJECT_TYPES: Final[Mapping[str, str]] = {"0-1": "contact", "0-2": "company"}
_EVENTS: Final[Mapping[str, str]] = {"creation": "created", "propertyChange": "updated"}
#: Change source of what an app has written.
BY_APPS: Final = "INTEGRATION"
#: What tells two events apart; never the number of the attempt.
_IDENTITY: Final = (
    "portalId",
    "subscriptionType",
    "objectId",
    "eventId",
    "occurredAt",
    "propertyName",
)
#: What no mapping can want: a new or changed record whose id cannot be read, and
#: what is another account's.
_NO_ID: Final = "without an id"
_ELSEWHERE: Final = "elsewhere"
_LONGEST_ID: Final = 18
_LARGEST_ID: Final = 10**_LONGEST_ID


def read(body: bytes, app_id: str = "", portal_id: str = "") -> list[LeadEvent]:
    """The events of a body, at least one; both ids may be empty.

    What no mapping can want is among them: an association, which is no record's, and
    events of another account.

    Raises PayloadInvalid: it is neither HubSpot's array nor a workflow's object.
    """
    given = read_json(body)
    if isinstance(given, dict):
        if not _kind(given):
            return [_of_workflow(given, portal_id)]
        given = [given]
    if not isinstance(given, list) or not given:
        raise PayloadInvalid("The body is no array of events.")
    rows = [row for row in given if isinstance(row, dict) and _kind(row)]
    if not rows:
        raise PayloadInvalid("The array holds no event of HubSpot's.")
    events = [_event(row, app_id, portal_id) for row in rows]
    if all(one.event == _NO_ID for one in events):
        raise PayloadInvalid("The events have no objectId.")
    return events


def _kind(row: Mapping[str, Any]) -> str:
    """`contact.creation`; empty for what is no event."""
    # A table of HubSpot's calls it eventType; every real delivery has this name.
    kind = row.get("subscriptionType") or row.get("eventType")
    return kind if isinstance(kind, str) else ""


def _event(row: Mapping[str, Any], app_id: str, portal_id: str) -> LeadEvent:
    about, _, what = _kind(row).partition(".")
    if about == "object":
        type_id = str(row.get("objectTypeId") or "")
        about = OBJECT_TYPES.get(type_id, type_id)
    record_id = record_id_of(row.get("objectId"))
    # Deletions, merges and all else: no mapping wants them.
    event = _EVENTS.get(what, what or "unknown")
    if record_id is None and what in _EVENTS:
        event = _NO_ID
    if _is_elsewhere(row.get("portalId"), portal_id):
        event = _ELSEWHERE
    own = app_id or str(row.get("appId") or "")
    is_ours = row.get("changeSource") == BY_APPS and bool(own)
    name = row.get("propertyName")
    return LeadEvent(
        # Empty would be every mapping's own.
        object=about or "unknown",
        record_id=record_id,
        event=event,
        lead={"id": record_id},
        event_id=" ".join(str(row.get(key, "")) for key in _IDENTITY),
        at=_time(row.get("occurredAt")),
        changed_by=_text(row.get("sourceId")),
        is_thin=True,
        changed={name: row.get("propertyValue")} if isinstance(name, str) else None,
        is_ours=is_ours and str(row.get("sourceId") or "") == own,
    )


def _is_elsewhere(given: Any, portal_id: str) -> bool:
    """The same app in another account, where ids are other people's."""
    return bool(portal_id) and str(given or portal_id) != portal_id


def _of_workflow(row: Mapping[str, Any], portal_id: str) -> LeadEvent:
    """ "Send a webhook": chosen keys, flat; or a record in its old, deep shape."""
    deep = row.get("properties")
    lead: dict[str, Any] = dict(row)
    if isinstance(deep, dict):
        lead = {
            name: one.get("value") if isinstance(one, dict) else one
            for name, one in deep.items()
        }
    names = ("hs_object_id", "vid", "companyId", "objectId")
    ids = [*(row.get(name) for name in names), lead.get("hs_object_id")]
    record_id = next((own for one in ids if (own := record_id_of(one))), None)
    if record_id is None:
        raise PayloadInvalid(
            "The body has no hs_object_id. Add Record ID to the workflow's webhook."
        )
    event = str(row.get("event") or "created").strip().lower()
    if event not in _EVENTS.values():
        raise PayloadInvalid('The key "event" must be created or updated.')
    if _is_elsewhere(row.get("portal-id") or row.get("portalId"), portal_id):
        event = _ELSEWHERE
    lead["id"] = record_id
    usual = "company" if "companyId" in row else "contact"
    about = str(row.get("object") or usual).strip().lower()
    return LeadEvent(
        object=about,
        record_id=record_id,
        event=event,
        lead=lead,
        event_id=_text(row.get("eventId")),
    )


def record_id_of(value: Any) -> str | None:
    """A record's id as text; None for what is no id of HubSpot's."""
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    if isinstance(value, bool) or not isinstance(value, int | str):
        return None
    text = str(value).strip() if isinstance(value, str) or value < _LARGEST_ID else ""
    is_id = text.isascii() and text.isdigit() and len(text) <= _LONGEST_ID
    return str(int(text)) if is_id and int(text) else None


def _time(value: Any) -> datetime | None:
    if isinstance(value, bool) or not isinstance(value, int):
        return None
    try:
        return datetime.fromtimestamp(value / 1000, UTC)
    except (OverflowError, OSError, ValueError):
        return None


def _text(value: Any) -> str | None:
    return str(value)[:200] if isinstance(value, str | int) and value else None


def accepted(events: int, repeated: int, unwanted: int) -> WebhookReply:
    """Any 2xx will do; the numbers are for whoever looks."""
    shown = {"accepted": events, "repeated": repeated, "unwanted": unwanted}
    return json_reply(200, shown)


def refused(error: WebhookRefused) -> WebhookReply:
    """A body that cannot be read gets a 2xx: HubSpot would send it for a day."""
    if isinstance(error, PayloadInvalid):
        return json_reply(200, {"status": "unreadable", "message": str(error)})
    if error.status == 401:
        return json_reply(401, {"status": "unauthorized"})
    return json_reply(error.status, {"status": "refused", "message": str(error)})
