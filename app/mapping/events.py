"""What the last events brought, against what a mapping reads of them."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

from app.domain import Finding
from app.mapping.model import MappingFile
from app.mapping.nodes import Scalar, located

#: How much of a place is told: a lookup's input, a field's name, else the key alone.
_TOLD = {"lookups": 4, "fields": 2}


def unsent(
    mapping: MappingFile, leads: Collection[Mapping[str, Any]]
) -> list[Finding]:
    """A warning for each field of the lead that none of these events had.

    A field that is there and empty was sent.
    """
    if not leads:
        return []
    events = f"last {len(leads)} events" if len(leads) > 1 else "last event"
    return [
        located(
            "W211",
            f"the {events} had no lead.{name}, which {_reader(node)} reads",
            node,
            fix="Add it to the webhook.",
        )
        for name, node in mapping.lead_places.items()
        if not any(name in lead for lead in leads)
    ]


def _reader(node: Scalar) -> str:
    first = node.at[0] if node.at else "the file"
    return " → ".join(node.at[: _TOLD.get(first, 1)]) or first
