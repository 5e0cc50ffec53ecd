"""Payload templates: keys as mapping files read them, tokens by display names.

Also how Marketo puts values into them, in each of its three encodings.

Source: Adobe, "Webhooks" and "Tokens Overview" (docs/connectors/marketo.md).
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from typing import Any, Final
from urllib.parse import quote_plus

from app.connectors.guide import Route
from app.connectors.marketo.webhooks import ID_KEYS, plain_key
from app.domain import CrmField

#: Request Token Encoding as the webhook editor has it, ours first.
ENCODINGS: Final = ("JSON", "Form", "None")

#: REST name → display name of what every account has.
_PERSON: Final[Mapping[str, str]] = {
    "id": "Id",
    "email": "Email Address",
    "salutation": "Salutation",
    "firstName": "First Name",
    "middleName": "Middle Name",
    "lastName": "Last Name",
    "title": "Job Title",
    "phone": "Phone Number",
    "mobilePhone": "Mobile Phone Number",
    "fax": "Fax Number",
    "address": "Address",
    "city": "City",
    "state": "State",
    "country": "Country",
    "postalCode": "Postal Code",
    "dateOfBirth": "Date of Birth",
    "leadSource": "Lead Source",
    "leadStatus": "Lead Status",
    "leadRole": "Role",
    "leadScore": "Lead Score",
    "rating": "Lead Rating",
    "comments": "Comments",
    "unsubscribed": "Unsubscribed",
    "unsubscribedReason": "Unsubscribed Reason",
    "doNotCall": "Do Not Call",
    "doNotCallReason": "Do Not Call Reason",
    "emailInvalid": "Email Invalid",
    "emailInvalidCause": "Email Invalid Cause",
    "marketingSuspended": "Marketing Suspended",
    "originalReferrer": "Original Referrer",
    "originalSourceType": "Original Source Type",
    "acquisitionDate": "Acquisition Date",
    "createdAt": "Created At",
    "updatedAt": "Updated At",
}
#: The same of what belongs to the person's company, and is read as company.*.
_COMPANY: Final[Mapping[str, str]] = {
    "company": "Company Name",
    "website": "Website",
    "industry": "Industry",
    "numberOfEmployees": "Num Employees",
    "annualRevenue": "Annual Revenue",
    "sicCode": "SIC Code",
    "site": "Site",
    "mainPhone": "Main Phone",
    "billingStreet": "Billing Address",
    "billingCity": "Billing City",
    "billingState": "Billing State",
    "billingPostalCode": "Billing Postal Code",
    "billingCountry": "Billing Country",
}
#: Keys that are about the webhook, without capitals and joints → their tokens.
_CONTEXT: Final[Mapping[str, str]] = {
    "campaignid": "{{campaign.id}}",
    "campaignname": "{{campaign.name}}",
    "munchkinid": "{{system.munchkinId}}",
    "programid": "{{program.id}}",
    "programname": "{{program.name}}",
    "systemdatetime": "{{system.dateTime}}",
}
_ID: Final = "{{lead.Id}}"
#: Begins the display name that somebody has to fill in.
_TO_FILL: Final = "DISPLAY NAME OF"

_TOKEN: Final = re.compile(r"\{\{[a-z]+\.[^{}]+\}\}")
_TIME: Final = re.compile(r"(\d{4}-\d\d-\d\d)T(\d\d:\d\d:\d\d)Z")


def pairs(route: Route, event: str, mark: str = "") -> dict[str, str]:
    """The template's keys and what stands there: a token, or a text as it is.

    Keys are spelled as the mapping file reads them. `event` stands there only where
    it is not what its absence means.
    """
    named = {plain_key(name): name for name in route.reads}
    found = {} if ID_KEYS & named.keys() else {"id": _ID}
    if event != "created":
        found["event"] = event
    for name in (*route.reads, *route.compares):
        is_event = plain_key(name) == "event"
        found[name] = event if is_event else _token(name, route.fields)
    for key in ("campaignId", "munchkinId"):
        if key.casefold() not in named:
            found[key] = _CONTEXT[key.casefold()]
    return {**found, "eventId": mark} if mark else found


def to_fill(route: Route) -> list[str]:
    """What the mapping reads, and nobody here knows the display name of."""
    names = dict.fromkeys((*route.reads, *route.compares))
    return [name for name in names if _TO_FILL in _token(name, route.fields)]


def display_name(name: str, fields: Mapping[str, CrmField]) -> str | None:
    """What Marketo's own pages call a field; None if nobody here knows it."""
    known = fields.get(name)
    return (known and known.label) or _COMPANY.get(name) or _PERSON.get(name)


def is_ours(name: str) -> bool:
    """Whether a key is no field of the person: the id, or about the webhook."""
    plain = plain_key(name)
    return plain in ID_KEYS or plain in _CONTEXT or plain in ("event", "eventid")


def _token(name: str, fields: Mapping[str, CrmField]) -> str:
    plain = plain_key(name)
    if plain in ID_KEYS:
        return _ID
    if plain in _CONTEXT:
        return _CONTEXT[plain]
    kind = "company" if name in _COMPANY else "lead"
    shown = display_name(name, fields) or f"{_TO_FILL} {name}"
    return f"{{{{{kind}.{shown}}}}}"


def text_of(pairs: Mapping[str, str], encoding: str = "JSON") -> str:
    """The template to paste. With JSON, Marketo brings the quotation marks itself."""
    if encoding == "Form":
        parts = (
            f"{quote_plus(key)}={value if _is_token(value) else quote_plus(value)}"
            for key, value in pairs.items()
        )
        return "&".join(parts)
    rows = []
    for key, value in pairs.items():
        bare = _is_token(value) and encoding == "JSON"
        shown = value if bare else _static(value)
        rows.append(f"{_static(key)}: {shown}")
    return "{" + ",\n ".join(rows) + "}"


def _is_token(value: str) -> bool:
    return _TOKEN.fullmatch(value) is not None


def _static(text: str) -> str:
    # The editor takes one backslash of each pair for itself.
    return json.dumps(text, ensure_ascii=False).replace("\\", "\\\\")


def rendered(template: str, values: Mapping[str, Any], encoding: str) -> str:
    """The template as Marketo sends it. `values`: by token; absent ones are empty."""
    # Doubled backslashes first: those in values are the encoding's business.
    static = re.sub(r"\\(.)", r"\1", template)
    return _TOKEN.sub(lambda found: _encoded(values.get(found[0]), encoding), static)


def values_of(
    pairs: Mapping[str, str],
    lead: Mapping[str, Any],
    fields: Mapping[str, CrmField],
    munchkin: str,
) -> dict[str, Any]:
    """What each token stands for, of a lead that has the template's keys."""
    found: dict[str, Any] = {_CONTEXT["munchkinid"]: munchkin}
    for key, token in pairs.items():
        if key in lead:
            found[token] = _typed(lead[key], token, fields.get(key))
    return found


def _typed(value: Any, token: str, field: CrmField | None) -> Any:
    """A text as the number, or the yes or no, that such a field holds in Marketo."""
    kind = "integer" if token == _ID else field.type if field else ""
    if not isinstance(value, str):
        return value
    if kind in ("integer", "float", "currency"):
        is_plain = re.fullmatch(r"-?\d{1,15}(\.\d{1,9})?", value)
        return json.loads(value) if is_plain and not _pads(value) else value
    if kind == "boolean" and value.lower() in ("true", "false"):
        return value.lower() == "true"
    return value


def _pads(value: str) -> bool:
    return re.match(r"-?0\d", value) is not None


def _encoded(value: Any, encoding: str) -> str:
    if encoding == "JSON":
        is_plain = isinstance(value, bool | int | float)
        return json.dumps(value if is_plain else _wire(value))
    text = _wire(value)
    return quote_plus(text) if encoding == "Form" else text


def _wire(value: Any) -> str:
    """The value as a text; empty is "", and a time has a blank and no zone."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return str(value).lower()
    text = str(value)
    time = _TIME.fullmatch(text)
    return f"{time[1]} {time[2]}" if time else text


def keys_of(templates: Iterable[Mapping[str, str]]) -> list[str]:
    """The keys that have a token, of several templates, each once."""
    return list(
        dict.fromkeys(
            key for each in templates for key, value in each.items() if _is_token(value)
        )
    )
