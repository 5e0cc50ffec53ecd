"""Reconcile: ask a source for records that came without a run, and run them.

A webhook that was fired while nobody listened is fired once and for good. So each
source that can be searched is asked at intervals. Records whose webhook did come
have a run and are left; the others become runs like any other, fetched by REST.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime, timedelta

import structlog

from app.connectors.base import Found
from app.errors import AppError, Disposition, RequestRefused
from app.ledger.cursors import Cursor
from app.ledger.wakeups import Wake
from app.mapping.model import MappingFile
from app.pipeline.holds import aside, is_closed, note_aside, note_success
from app.pipeline.intake import Intake
from app.pipeline.parts import Parts, Source, calling, source_of
from app.pipeline.retry import log_fields

log = structlog.get_logger()

#: What a pause of searches is called beside the source's name.
SEARCH = "search"
#: Of a source without webhooks, which are what all the others are for.
ALONE_EVERY_S = 60.0
#: A search by time begins so much earlier: clocks differ, and logs fill late.
OVERLAP = timedelta(minutes=10)
#: Oldest event that is still looked for: what came long ago is a back-fill.
LONGEST_GAP = timedelta(days=7)


def every(parts: Parts, source: Source) -> timedelta | None:
    """Time between two searches of this source; None: it is not searched."""
    seconds = parts.settings.reconcile_every_s
    if not source.connector.is_searchable or not seconds:
        return None
    if not source.connector.sends_webhooks:
        seconds = min(seconds, ALONE_EVERY_S)
    return timedelta(seconds=seconds)


def reconcile(parts: Parts, intake: Intake, source_name: str) -> list[Wake]:
    """Search one source from where the last search ended; returns what to wake."""
    source = source_of(parts, source_name)
    grace = timedelta(seconds=parts.settings.reconcile_grace_s)
    now = datetime.now(UTC)
    # A webhook may take a while: flows that call one have a low priority.
    until = now - grace if source.connector.sends_webhooks else now
    deadline = time.monotonic() + parts.settings.enrich_budget_s
    found, missed = 0, 0
    woken: set[Wake] = set()
    while time.monotonic() < deadline and not parts.stopping.is_set():
        if is_closed(parts, source.scope, aside(source, SEARCH)):
            break
        cursor = parts.ledger.cursors.of(source.name)
        if cursor is None:
            # History is a back-fill, and costs credits: it has a command of its own.
            cursor = Cursor("", now)
        page = _page(parts, source, cursor)
        if page is None:
            break
        settled = [one for one in page.events if one.at is None or one.at <= until]
        accepted, wakes = intake.found(source, settled)
        woken |= set(wakes)
        found += len(settled)
        missed += accepted
        is_young = len(settled) < len(page.events)
        if is_young and source.connector.search_overlap_s < grace.total_seconds():
            # The rest of the page is too young; the page is read again next time.
            break
        parts.ledger.cursors.keep(source.name, Cursor(page.cursor, cursor.at))
        if not page.is_more:
            parts.ledger.cursors.keep(source.name, Cursor(page.cursor, until))
            break
    log.info("source searched", source=source.name, found=found, missed=missed)
    return sorted(woken, key=lambda wake: (wake.task, wake.scope))


def _page(parts: Parts, source: Source, cursor: Cursor) -> Found | None:
    """The page at this cursor; None after a failure, which is noted."""
    since = max(cursor.at - OVERLAP, datetime.now(UTC) - LONGEST_GAP)
    try:
        with calling(parts, source):
            page = source.connector.changed_since(
                cursor.text or None,
                since,
                wanted_of(source.mappings),
                fields_of(source.mappings),
            )
    except AppError as error:
        if isinstance(error, RequestRefused) and cursor.text:
            # Too old, or of another account: begin by the time instead.
            parts.ledger.cursors.keep(source.name, Cursor("", cursor.at))
        note_aside(parts, source, SEARCH, error)
        is_for_people = error.disposition is not Disposition.RETRY
        tell = log.error if is_for_people else log.warning
        tell("source not searched", source=source.name, **log_fields(error))
        return None
    note_success(parts, aside(source, SEARCH))
    return page


def wanted_of(mappings: Iterable[MappingFile]) -> dict[str, set[str]]:
    """Which events of which object a search of their source has to find."""
    wanted: dict[str, set[str]] = {}
    for mapping in mappings:
        for name, events in mapping.events.items():
            wanted.setdefault(name, set()).update(events)
    return wanted


def fields_of(mappings: Iterable[MappingFile]) -> Sequence[str]:
    """What counts as an update: the fields that a mapping for updates reads."""
    return sorted(
        {
            name
            for mapping in mappings
            if any("updated" in events for events in mapping.events.values())
            for name in mapping.lead_fields
        }
    )
