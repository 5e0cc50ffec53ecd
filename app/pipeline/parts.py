"""What the pumps work with, handed to each of them as one argument."""

from __future__ import annotations

import random
import threading
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import timedelta

from app.connectors.base import Connector, calls_made
from app.errors import ConfigurationError, QuotaSpent, RateLimited
from app.ledger import Ledger
from app.ledger.calls import count_calls
from app.ledger.pauses import Scope
from app.ledger.rates import RateRing, Slot
from app.mapping.model import MappingFile
from app.settings import Settings
from app.sixsense.client import SixsenseClient

#: How long a call waits for a slot of its source's ring, in seconds: less than the
#: margin of a batch's lease.
SLOT_WAIT_S = 25.0


@dataclass(frozen=True)
class Source:
    """One configured account: its connector, its share of calls, its mappings."""

    name: str
    connector: Connector
    ring: RateRing
    #: Calls at the same time; its slots are given back when a call is over.
    at_once: RateRing
    mappings: tuple[MappingFile, ...]

    @property
    def scope(self) -> Scope:
        """What a pause of this source stops."""
        return Scope("source", self.name)


@dataclass(frozen=True)
class Parts:
    """Everything a pump needs; built by the runtime, the same in every process."""

    settings: Settings
    ledger: Ledger
    mappings: Mapping[str, MappingFile]
    sources: Mapping[str, Source]
    sixsense: SixsenseClient
    #: Rate rings by the name of the token's limit.
    rings: Mapping[str, RateRing]
    #: Keys the hashes of persons and questions.
    person_key: bytes
    #: Set when the process is told to stop: pumps hand back what they hold.
    stopping: threading.Event = field(default_factory=threading.Event)
    #: Calls to 6sense run here; shared by the tokens of a process.
    callers: ThreadPoolExecutor | None = None
    #: Sources with waiting work that no mapping names; told once.
    unknown: set[str] = field(default_factory=set)
    #: Scopes with failures since their last success, as far as this process knows.
    struggling: set[Scope] = field(default_factory=set)
    #: Turns of pumps that broke off, and may hold what nobody works at: task, scope
    #: and owner, and since when by the monotonic clock.
    interrupted: dict[tuple[str, str, int], float] = field(default_factory=dict)

    @property
    def enrich_lease(self) -> timedelta:
        """How long a claimed run is kept from others."""
        return timedelta(seconds=self.settings.enrich_lease_s)

    @property
    def stalled(self) -> timedelta:
        """A worker silent for this long is dead."""
        return timedelta(seconds=self.settings.stalled_after_s)

    def write_lease(self, source: Source) -> timedelta:
        """How long a batch is kept from others: both its calls, and waits for slots.

        Only a worker that lives and yet hangs needs it: a dead one is found by its
        heartbeat.
        """
        timeout = self.settings.crm_timeout_s or source.connector.write_timeout_s
        return timedelta(seconds=2 * timeout + 4 * SLOT_WAIT_S + 10)

    def jitter(self) -> float:
        """A random share of a wait, so that retries do not come in step."""
        return random.random()  # noqa: S311 - spreads load, guards nothing


def source_of(parts: Parts, name: str) -> Source:
    """The source of this name. Raises ConfigurationError if no mapping names it."""
    source = parts.sources.get(name)
    if source is None:
        raise ConfigurationError(f"no mapping file names the source {name} any more")
    return source


def token_of(parts: Parts, mapping: MappingFile) -> str:
    """The name of the token under which this mapping asks first."""
    api = mapping.lookups[0].api if mapping.lookups else ""
    return parts.sixsense.token_name(api, mapping.source)


@contextmanager
def calling(parts: Parts, source: Source) -> Iterator[None]:
    """Wait for this source's leave to make one call, count it, and make it inside.

    What turns out to be several calls is counted afterwards: the next one waits for it.

    Raises:
        RateLimited: no slot of our share came free in time.
        QuotaSpent: our calls of the day are used up; until the source's midnight.
    """
    # A slot of a process that died is free again after the longest call.
    held = _wait_for_slot(parts, source.at_once)
    try:
        _wait_for_slot(parts, source.ring)
        _count(parts, source)
        before = calls_made()
        try:
            yield
        finally:
            _count_more(parts, source, calls_made() - before - 1)
    finally:
        source.at_once.give_back(held)


def _count(parts: Parts, source: Source) -> None:
    connector = source.connector
    calls, day_ends_in_s = count_calls(
        parts.ledger.database, source.name, connector.day_zone
    )
    if connector.quota is not None and calls > connector.quota:
        raise QuotaSpent(
            f"our {connector.quota} calls of the day are used up; the setting QUOTA "
            f"of {source.name} says how many there are",
            system=source.name,
            operation="call",
            retry_after=day_ends_in_s,
        )


def _count_more(parts: Parts, source: Source, calls: int) -> None:
    if calls > 0:
        zone = source.connector.day_zone
        count_calls(parts.ledger.database, source.name, zone, calls)
        source.ring.take(calls)


def _wait_for_slot(parts: Parts, ring: RateRing) -> Sequence[Slot]:
    waited = 0.0
    while True:
        slots = ring.take(1)
        if slots.taken:
            return slots.taken
        # Another process may give one back, so ask again after a second at most.
        step = min(1.0, max(0.05, slots.wait_s))
        waited += step
        if waited > SLOT_WAIT_S or parts.stopping.wait(step):
            raise RateLimited(
                "our own share of calls is used up for the moment",
                system=ring.name,
                operation="wait for a slot",
                retry_after=min(slots.wait_s, SLOT_WAIT_S),
            )
