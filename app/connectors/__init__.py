"""The connectors, by the beginning of their sources' names."""

from __future__ import annotations

from typing import Final

from app.connectors.base import Connector
from app.connectors.hubspot import HubSpot
from app.connectors.marketo import Marketo

CONNECTORS: Final[dict[str, type[Connector]]] = {
    Marketo.name: Marketo,
    HubSpot.name: HubSpot,
}


def connector_for(source: str) -> type[Connector] | None:
    """`marketo-eu` → Marketo: the longest name that the source begins with."""
    parts = source.split("-")
    for length in range(len(parts), 0, -1):
        found = CONNECTORS.get("-".join(parts[:length]))
        if found:
            return found
    return None
