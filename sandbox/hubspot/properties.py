"""Properties of contacts and companies, as HubSpot defines them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Any


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
    group: str = "contactinformation"
    is_unique: bool = False
    is_custom: bool = False
    description: str = ""
    #: Or `sensitive`, `highly_sensitive`.
    sensitivity: str = "non_sensitive"

    def as_json(self) -> dict[str, Any]:
        """As the properties API shows it."""
        return {
            "name": self.name,
            "label": self.label or self.name,
            "type": self.type,
            "fieldType": self.field_type,
            "groupName": self.group,
            "description": self.description,
            "options": [
                {"label": label, "value": value, "displayOrder": n, "hidden": False}
                for n, (value, label) in enumerate(self.options.items())
            ],
            "displayOrder": -1,
            "calculated": False,
            "externalOptions": False,
            "hasUniqueValue": self.is_unique,
            "hidden": False,
            "hubspotDefined": not self.is_custom,
            "formField": True,
            "archived": False,
            "dataSensitivity": self.sensitivity,
            "createdAt": "2026-10-01T08:00:00Z",
            "updatedAt": "2026-10-01T08:00:00Z",
            "modificationMetadata": {
                "archivable": True,
                "readOnlyDefinition": False,
                "readOnlyValue": self.read_only,
            },
        }


def stamp(at: datetime) -> str:
    """`2026-11-02T09:15:00.118Z`."""
    return at.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


_STAGES = ("Target", "Awareness", "Consideration", "Decision", "Purchase")
#: In the order in which a contact passes them.
LIFECYCLE = ("subscriber", "lead", "marketingqualifiedlead", "opportunity", "customer")
SEGMENTS = {"smb": "SMB", "icp": "ICP Tier 1", "emea": "EMEA"}


def contact_properties() -> dict[str, Property]:
    """What a fresh account has for contacts, with the fields that we fill."""
    own = [
        Property("email", "string", "text", label="Email", is_unique=True),
        *_text("firstname", "lastname", "company", "website", "jobtitle"),
        *_text("country", "city", "phone"),
        Property(
            "lifecyclestage",
            "enumeration",
            "radio",
            options={one: one.capitalize() for one in LIFECYCLE},
        ),
        *_text("sixsense_industry", "sixsense_segments", "sixsense_domain"),
        *_text("sixsense_result", "sixsense_region"),
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
        *_kept("createdate", "lastmodifieddate"),
        Property("hs_additional_emails", "string", "text", read_only=True),
    ]
    return _named(own, "contactinformation")


def company_properties() -> dict[str, Property]:
    """What a fresh account has for companies; `domain` is not unique."""
    own = [
        *_text("name", "domain", "country", "city", "sixsense_industry"),
        *_numbers("sixsense_employees", "sixsense_revenue"),
        *_kept("createdate", "hs_lastmodifieddate"),
    ]
    return _named(own, "companyinformation")


def _text(*names: str) -> list[Property]:
    return [Property(name, "string", "text") for name in names]


def _numbers(*names: str) -> list[Property]:
    return [Property(name, "number", "number") for name in names]


def _kept(*times: str) -> list[Property]:
    """What HubSpot itself writes: times, a record's id, the ids merged into it."""
    return [
        *(Property(name, "datetime", "date", read_only=True) for name in times),
        Property("hs_object_id", "number", "number", read_only=True, is_unique=True),
        Property("hs_merged_object_ids", "string", "text", read_only=True),
    ]


def _named(found: list[Property], group: str) -> dict[str, Property]:
    return {
        one.name: replace(one, group=group, is_custom=one.name.startswith("sixsense"))
        for one in found
    }
