"""Marketo's webhooks: from a template's keys to events, and what to answer.

The template's keys are the lead's fields. A few more say which person, which event
and which account it is; they are read in any spelling.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, Final

from app.connectors.base import WebhookReply, json_reply
from app.connectors.marketo.records import wire_id
from app.domain import LeadEvent
from app.errors import PayloadInvalid, WebhookRefused

#: Names of the key with Marketo's id of the person, without capitals and joints.
ID_KEYS: Final = frozenset({"id", "leadid", "marketoid", "marketoleadid", "personid"})
#: Keys that are about the webhook, and not about the person.
_CONTEXT_KEYS: Final = frozenset(
    {
        "campaignid",
        "campaignname",
        "event",
        "eventid",
        "munchkinid",
        "programid",
        "programname",
        "systemdatetime",
    }
)
_NO_FIELDS: Final = _CONTEXT_KEYS | ID_KEYS
_EVENTS: Final = frozenset({"created", "updated"})
_JOINTS: Final = re.compile(r"[^a-z0-9]")
_MUNCHKIN_HOST: Final = re.compile(r"https://([a-z0-9-]+)\.mktorest\.com(?:/|\Z)", re.I)


def munchkin_id(url: str) -> str | None:
    """The account that an address belongs to; None for any other address."""
    found = _MUNCHKIN_HOST.match(url)
    return found[1].casefold() if found else None


def lead_event(row: Mapping[str, Any], account: str | None) -> LeadEvent:
    """One object of a body as an event. `lead` keeps its keys, and gains `id`.

    `account`: the Munchkin id that a body may carry, if it is known.

    Raises:
        PayloadInvalid: nobody can tell who it is about, or it is another account's.
    """
    plain = {key: plain_key(key) for key in row}
    context = {plain[key]: value for key, value in row.items()}
    _check_account(context.get("munchkinid"), account)
    ids = [value for key, value in row.items() if plain[key] in ID_KEYS]
    record_id, lead = _record_id(ids), dict(row)
    about = [key for key in row if plain[key] not in _NO_FIELDS]
    if record_id is not None:
        # One spelling of one id: "001001" is the person 1001.
        lead["id"] = int(record_id)
    elif not any(_filled(row[key]) for key in about):
        raise PayloadInvalid(
            'The body has no id. Add "id": {{lead.Id}} to the template.'
        )
    return LeadEvent(
        object="lead",
        record_id=record_id,
        event=_event(context.get("event")),
        lead=lead,
        # Campaign and time are none: a person can run through a campaign twice.
        event_id=_text(context.get("eventid")),
        is_thin=not about,
    )


def is_context(key: str) -> bool:
    """Whether a template's key is about the webhook, and not about the person."""
    return plain_key(key) in _CONTEXT_KEYS


def is_field(key: str) -> bool:
    """Whether a template's key can be a field: neither context, nor the id."""
    return plain_key(key) not in _NO_FIELDS


def plain_key(key: str) -> str:
    """A key without capitals and joints, as the keys of our own are known."""
    return _JOINTS.sub("", key.lower())


def _filled(value: Any) -> bool:
    return value is not None and value != "" and not str(value).isspace()


def _text(value: Any) -> str | None:
    is_one = isinstance(value, str | int) and not isinstance(value, bool)
    return str(value).strip()[:200] or None if is_one else None


def _number(value: Any) -> int | None:
    if isinstance(value, bool) or not isinstance(value, str | int):
        return None
    return wire_id(str(value).strip())


def _record_id(ids: list[Any]) -> str | None:
    """The one id among the values of all id keys; None if they are all empty."""
    filled = [value for value in ids if _filled(value)]
    numbers = {number for value in filled if (number := _number(value))}
    if len(numbers) > 1:
        raise PayloadInvalid("The body has two ids, and they are not the same.")
    if filled and not numbers:
        raise PayloadInvalid(
            "The id is not one of Marketo's. The template needs {{lead.Id}}."
        )
    return str(numbers.pop()) if numbers else None


def _event(said: Any) -> str:
    word = (_text(said) or "created").casefold()
    if word not in _EVENTS:
        raise PayloadInvalid('The key "event" must be created or updated.')
    return word


def _check_account(sent: Any, account: str | None) -> None:
    """Ids of one account mean other people in another one."""
    name = _text(sent)
    if name and account and name.casefold() != account:
        raise PayloadInvalid(
            "The body comes from another Marketo account than this source's."
        )


def accepted(events: int, repeated: int, unwanted: int) -> WebhookReply:
    """Never empty: Marketo counts an empty body as error 1001."""
    status = "accepted" if events else "repeated" if repeated else "unwanted"
    shown = {"accepted": events, "repeated": repeated, "unwanted": unwanted}
    return json_reply(200, {"status": status, **shown}, status.capitalize())


def values(answered: Mapping[str, Any], result: str) -> WebhookReply:
    """Flat keys for response mappings.

    What must not change is left out: what null and "" do to a mapped field is not
    documented, and lists and objects cannot be mapped at all.
    """
    flat = {
        key: value
        for key, value in answered.items()
        if isinstance(value, str | int | float) and value != ""
    }
    # Our own word last: no field of the record can say how it went.
    shown = {**flat, "status": result}
    return json_reply(200, shown, result.replace("-", " ").capitalize())


def refused(error: WebhookRefused) -> WebhookReply:
    """Marketo shows the body in the person's log; who is not known learns nothing."""
    if error.status == 401:
        return json_reply(401, {"status": "unauthorized"}, "Unauthorized")
    shown = {"status": "refused", "message": str(error)}
    return json_reply(error.status, shown, "Refused")
