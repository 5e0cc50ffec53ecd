"""Properties of contacts and companies, and what each type takes."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

_NUMBER = re.compile(r"-?[0-9]+(\.[0-9]+)?")
_DAY = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
_EMAIL = re.compile(r"[^@\s]+@[^@\s]+\.[^@\s]+")
_DAY_MS = 86_400_000


@dataclass(frozen=True)
class Property:
    """One property of an object."""

    name: str
    type: str
    field_type: str
    label: str = ""
    #: Internal value → label.
    options: Mapping[str, str] = field(default_factory=dict)
    read_only: bool = False

    def as_json(self) -> dict[str, Any]:
        """As the properties API shows it."""
        return {
            "name": self.name,
            "label": self.label or self.name,
            "type": self.type,
            "fieldType": self.field_type,
            "groupName": "contactinformation",
            "description": "",
            "options": [
                {"label": label, "value": value, "displayOrder": n, "hidden": False}
                for n, (value, label) in enumerate(self.options.items())
            ],
            "displayOrder": -1,
            "calculated": False,
            "externalOptions": False,
            "hasUniqueValue": self.name == "email",
            "hidden": False,
            "hubspotDefined": not self.name.startswith("sixsense"),
            "formField": True,
            "archived": False,
            "modificationMetadata": {
                "archivable": True,
                "readOnlyDefinition": False,
                "readOnlyValue": self.read_only,
            },
        }


class Refused(Exception):
    """A value that the property does not take; HubSpot's code and words."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code
        self.message = message


def stored(prop: Property, value: Any) -> str:
    """The value as it is kept: a text; "" clears.

    Raises:
        Refused: read-only, or not of the type.
    """
    if prop.read_only:
        said = f'"{prop.name}" is a read only property; its value cannot be set.'
        raise Refused("READ_ONLY_VALUE", said)
    text = "" if value is None else str(value)
    if text == "" or prop.type == "string":
        if prop.name == "email" and text and not _EMAIL.fullmatch(text):
            raise Refused("INVALID_EMAIL", f"Email address {text} is invalid")
        return text
    if prop.type == "number" and not _NUMBER.fullmatch(text):
        raise Refused("INVALID_LONG", f"{text} was not a valid number.")
    if prop.type == "bool" and text not in ("true", "false"):
        raise Refused("INVALID_OPTION", f"{text} was not one of the allowed options")
    if prop.type == "enumeration":
        return _option(prop, text)
    if prop.type == "date":
        return _day(text)
    if prop.type == "datetime":
        return _moment(text)
    return text


def _option(prop: Property, text: str) -> str:
    several = prop.field_type == "checkbox"
    for item in text.split(";") if several else [text]:
        if item not in prop.options:
            allowed = ", ".join(prop.options)
            said = f"{item} was not one of the allowed options: [{allowed}]"
            raise Refused("INVALID_OPTION", said)
    return text


def _day(text: str) -> str:
    if text.isdigit() and int(text) % _DAY_MS == 0:
        return datetime.fromtimestamp(int(text) / 1000, UTC).date().isoformat()
    if not _DAY.fullmatch(text):
        raise Refused("INVALID_DATE", f"{text} was not a valid date at midnight UTC.")
    return text


def _moment(text: str) -> str:
    try:
        if text.isdigit():
            at = datetime.fromtimestamp(int(text) / 1000, UTC)
        else:
            at = datetime.fromisoformat(text)
    except (ValueError, OverflowError, OSError):
        raise Refused("INVALID_DATE", f"{text} was not a valid date.") from None
    return stamp(at if at.tzinfo else at.replace(tzinfo=UTC))


def stamp(at: datetime) -> str:
    """`2026-11-02T09:15:00.118Z`."""
    return at.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


_STAGES = ("Target", "Awareness", "Consideration", "Decision", "Purchase")


def _text(*names: str) -> list[Property]:
    return [Property(name, "string", "text") for name in names]


def _numbers(*names: str) -> list[Property]:
    return [Property(name, "number", "number") for name in names]


SEGMENTS = {"smb": "SMB", "icp": "ICP Tier 1", "emea": "EMEA"}
CONTACT = [
    *_text("email", "firstname", "lastname", "company", "website", "jobtitle"),
    *_text("country", "city", "phone", "sixsense_industry", "sixsense_segments"),
    *_text("sixsense_domain", "sixsense_result", "sixsense_region"),
    *_numbers("sixsense_employees", "sixsense_intent", "sixsense_revenue"),
    Property(
        "sixsense_stage",
        "enumeration",
        "select",
        options={one.lower(): one for one in _STAGES},
    ),
    Property("sixsense_lists", "enumeration", "checkbox", options=SEGMENTS),
    Property("sixsense_hot", "bool", "booleancheckbox"),
    Property("sixsense_checked", "datetime", "date"),
    Property("sixsense_day", "date", "date"),
    *(
        Property(name, "datetime", "date", read_only=True)
        for name in ("createdate", "lastmodifieddate")
    ),
    Property("hs_object_id", "number", "number", read_only=True),
]
COMPANY = [
    *_text("name", "domain", "country", "city", "sixsense_industry"),
    *_numbers("sixsense_employees", "sixsense_revenue"),
    *(
        Property(name, "datetime", "date", read_only=True)
        for name in ("createdate", "hs_lastmodifieddate")
    ),
    Property("hs_object_id", "number", "number", read_only=True),
]
