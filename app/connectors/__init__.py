"""The connectors, by the beginning of their sources' names."""

from __future__ import annotations

from typing import Final

from app.connectors.base import Connector
from app.connectors.hubspot import HubSpot
from app.connectors.marketo import Marketo
from app.domain import system_of

CONNECTORS: Final[dict[str, type[Connector]]] = {
    Marketo.name: Marketo,
    HubSpot.name: HubSpot,
}


def connector_for(source: str) -> type[Connector] | None:
    """`marketo-eu` → Marketo: the longest name that the source begins with."""
    name = system_of(source, CONNECTORS)
    return CONNECTORS[name] if name else None
