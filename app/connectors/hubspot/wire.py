"""Values as HubSpot takes them: every one is a text."""

from __future__ import annotations

from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any


def wire(value: Any) -> str:
    """The text of a value; "" clears.

    Blanks around are refused by all types but texts, and change nothing there. Items
    of a list that are empty are left out: a leading `;` would add to what is there.
    """
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float):
        value = Decimal(repr(value))
    if isinstance(value, Decimal):
        whole = value == value.to_integral_value()
        return f"{int(value)}" if whole else f"{value.normalize():f}"
    if isinstance(value, datetime):
        return value.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, list | tuple | set | frozenset):
        return ";".join(text for one in value if (text := wire(one)))
    return str(value).strip()
