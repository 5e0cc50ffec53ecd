"""Marketo's lead fields: the standard ones, bundled custom ones, created ones."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

#: Sync Leads does not update these (code 1021): they belong to the company.
COMPANY_FIELDS = frozenset(
    {
        "company",
        "site",
        "billingStreet",
        "billingCity",
        "billingState",
        "billingCountry",
        "billingPostalCode",
        "website",
        "mainPhone",
        "annualRevenue",
        "numberOfEmployees",
        "industry",
        "sicCode",
    }
)
#: Standard fields one may look up and filter by; custom ones go by type.
KEY_FIELDS = frozenset(
    {
        "id",
        "email",
        "cookies",
        "sfdcLeadId",
        "sfdcContactId",
        "sfdcAccountId",
        "leadPartitionId",
    }
)
SEARCHABLE_TYPES = frozenset({"string", "email", "integer"})
#: Types with a `length` in Describe.
SIZED_TYPES = frozenset({"string", "email", "phone", "url"})
CREATABLE_TYPES = frozenset(
    {
        "boolean",
        "currency",
        "date",
        "datetime",
        "email",
        "float",
        "integer",
        "percent",
        "phone",
        "score",
        "string",
        "url",
    }
)
DEFAULT_READ = ("id", "email", "updatedAt", "createdAt", "firstName", "lastName")

_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_]*")
_FIRST_CUSTOM_ID = 801


@dataclass(frozen=True)
class Field:
    """One field as Describe tells it; `type` may be `score`, shown as integer."""

    id: int
    name: str
    display_name: str
    type: str
    length: int | None = None
    read_only: bool = False
    soap: str | None = None
    custom: bool = False
    api_created: bool = False

    @property
    def shown_type(self) -> str:
        """`dataType` on the wire: a score is reported as an integer."""
        return "integer" if self.type == "score" else self.type

    @property
    def searchable(self) -> bool:
        """Whether it may be a filterType or lookupField."""
        if self.custom:
            return self.type in SEARCHABLE_TYPES
        return self.name in KEY_FIELDS

    def as_describe(self) -> dict[str, Any]:
        """One entry of describe.json; `length` only on string-like types."""
        entry: dict[str, Any] = {
            "id": self.id,
            "displayName": self.display_name,
            "dataType": self.shown_type,
        }
        if self.length is not None:
            entry["length"] = self.length
        entry["rest"] = {"name": self.name, "readOnly": self.read_only}
        if self.soap:
            entry["soap"] = {"name": self.soap, "readOnly": self.read_only}
        return entry

    def as_describe2(self) -> dict[str, Any]:
        """One entry of describe2.json."""
        entry: dict[str, Any] = {
            "name": self.name,
            "displayName": self.display_name,
            "dataType": self.shown_type,
        }
        if self.length is not None:
            entry["length"] = self.length
        return {**entry, "updateable": not self.read_only, "crmManaged": False}

    def as_schema(self) -> dict[str, Any]:
        """One entry of schema/fields.json."""
        return {
            **self.as_describe2(),
            "description": None,
            "isHidden": False,
            "isCustom": self.custom,
            "isSensitive": False,
            "isHtmlEncodingInEmail": True,
            "isApiCreated": self.api_created,
        }


def bundled() -> dict[str, Field]:
    """Name → field, the standard ones first, in Describe's order."""
    path = Path(__file__).parents[1] / "data" / "marketo_fields.json"
    rows = json.loads(path.read_text(encoding="utf-8"))
    found = {}
    for place, row in enumerate(rows["standard"]):
        name, display, kind, length, read_only, soap = row
        found[name] = Field(4 + place, name, display, kind, length, read_only, soap)
    for name, display, kind, length in rows["custom"]:
        custom = Field(next_id(found), name, display, kind, length, soap=name)
        found[name] = replace(custom, custom=True)
    return found


def next_id(fields: dict[str, Field]) -> int:
    """The id of the next custom field."""
    return max([_FIRST_CUSTOM_ID - 1, *(field.id for field in fields.values())]) + 1


def created(fields: dict[str, Field], wanted: dict[str, Any]) -> Field:
    """A new custom field from an entry of schema/fields.json.

    `length` is accepted too, which Marketo does not offer: tests need short
    fields.

    Raises:
        ValueError: in Marketo's manner, naming what is wrong.
    """
    name, kind = wanted.get("name"), wanted.get("dataType")
    if not isinstance(name, str) or not _NAME.fullmatch(name):
        raise ValueError("Invalid value for attribute 'name'")
    if name in fields:
        raise ValueError(f"Field '{name}' already exists")
    if kind not in CREATABLE_TYPES:
        raise ValueError(f"Invalid value for attribute 'dataType': '{kind}'")
    if not wanted.get("displayName"):
        raise ValueError("Missing value for attribute 'displayName'")
    length = wanted.get("length", 255) if kind in SIZED_TYPES else None
    display = wanted["displayName"]
    return Field(
        next_id(fields), name, display, kind, length,
        soap=name, custom=True, api_created=True,
    )  # fmt: skip
