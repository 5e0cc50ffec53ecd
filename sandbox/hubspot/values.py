"""What each type of property takes, and how it is kept: always as a text."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from datetime import UTC, date, datetime
from typing import Any

from sandbox.hubspot.errors import bad
from sandbox.hubspot.options import HubSpotOptions
from sandbox.hubspot.properties import LIFECYCLE, Property, stamp

_NUMBER = re.compile(r"-?[0-9]+(\.[0-9]+)?")
_DAY = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
_MS = re.compile(r"[0-9]{1,15}")
_EMAIL = re.compile(r"[^@\s]+@[^@\s]+\.[^@\s]+")
_DAY_MS = 86_400_000
_LONGEST = 65_536


class Refused(Exception):
    """A value that the property does not take; HubSpot's code and words."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code
        self.message = message


def checked(
    known: Mapping[str, Property],
    given: Any,
    options: HubSpotOptions,
    present: Mapping[str, str | None] | None = None,
) -> tuple[dict[str, str], list[dict[str, Any]]]:
    """Values as they are kept, and what is wrong with the others.

    `present` has what the record has now.

    Raises:
        Failed: what was given is no object of values at all.
    """
    if not isinstance(given, dict):
        raise bad("Invalid input JSON: properties must be an object")
    values, problems = {}, []
    for name, value in given.items():
        try:
            text = _text(value, options)
            if name not in known:
                said = f'Property "{name}" does not exist'
                raise Refused("PROPERTY_DOESNT_EXIST", said)
            now = (present or {}).get(name) or ""
            if name == "lifecyclestage" and _is_back(text, now):
                if options.stage_back == "refuse":
                    said = f"{name} cannot go back from {now} to {text}"
                    raise Refused("INVALID_OPTION", said)
                text = now
            values[name] = stored(known[name], text, now)
        except Refused as refused:
            problems.append(
                {
                    "isValid": False,
                    "message": refused.message,
                    "error": refused.code,
                    "name": name,
                }
            )
    return values, problems


def stored(prop: Property, text: str, present: str = "") -> str:
    """The value as it is kept; "" clears.

    Raises:
        Refused: read-only, or not of the type.
    """
    if prop.read_only:
        said = f'"{prop.name}" is a read only property; its value cannot be set.'
        raise Refused("READ_ONLY_VALUE", said)
    if text == "":
        return text
    if prop.type == "number" and not _NUMBER.fullmatch(text):
        raise Refused("INVALID_LONG", f"{text} was not a valid number.")
    if prop.type == "bool" and text not in ("true", "false"):
        said = f"{text} was not one of the allowed options: [true, false]"
        raise Refused("INVALID_OPTION", said)
    if prop.type == "string" and len(text) > _LONGEST:
        raise Refused("VALUE_TOO_LONG", f"Values have at most {_LONGEST} characters.")
    if prop.name == "email" and not _EMAIL.fullmatch(text):
        raise Refused("INVALID_EMAIL", f"Email address {text} is invalid")
    match prop.type:
        case "enumeration":
            return _option(prop, text, present)
        case "date":
            return _day(text)
        case "datetime":
            return _moment(text)
    return text


def _text(value: Any, options: HubSpotOptions) -> str:
    """A JSON value as the text that HubSpot makes of it."""
    if value is None and options.null_values == "clear":
        return ""
    if value is None or isinstance(value, list | dict):
        raise bad("Invalid input JSON: values of properties are texts")
    return value if isinstance(value, str) else json.dumps(value)


def _is_back(text: str, now: str) -> bool:
    """Whether a contact would go back on its way; it has to be cleared first."""
    if text not in LIFECYCLE or now not in LIFECYCLE:
        return False
    return LIFECYCLE.index(text) < LIFECYCLE.index(now)


def _option(prop: Property, text: str, present: str) -> str:
    several = prop.field_type == "checkbox"
    # A leading semicolon adds to what is there.
    adds = several and text.startswith(";")
    items = text.removeprefix(";").split(";") if several else [text]
    for item in items:
        if item not in prop.options:
            allowed = ", ".join(prop.options)
            said = f"{item} was not one of the allowed options: [{allowed}]"
            raise Refused("INVALID_OPTION", said)
    if not adds:
        return text
    there = present.split(";") if present else []
    return ";".join([*there, *(one for one in items if one not in there)])


def _day(text: str) -> str:
    try:
        if _MS.fullmatch(text) and int(text) % _DAY_MS == 0:
            return datetime.fromtimestamp(int(text) / 1000, UTC).date().isoformat()
        if _DAY.fullmatch(text):
            return date.fromisoformat(text).isoformat()
    except (ValueError, OverflowError, OSError):
        pass
    raise Refused("INVALID_DATE", f"{text} was not a valid date at midnight UTC.")


def _moment(text: str) -> str:
    try:
        if _MS.fullmatch(text):
            at = datetime.fromtimestamp(int(text) / 1000, UTC)
        else:
            at = datetime.fromisoformat(text)
        return stamp(at if at.tzinfo else at.replace(tzinfo=UTC))
    except (ValueError, OverflowError, OSError):
        raise Refused("INVALID_DATE", f"{text} was not a valid date.") from None
