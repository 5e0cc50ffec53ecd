"""Records that came or changed since a time, by search: for those without a webhook.

Each page begins at the time where the one before ended: records that change, or go,
between two pages shift what an offset would point at. That a record was modified does
not say what has changed, and our own writes modify it too; so of modified records the
history of what the mappings read is fetched, in a call of its own.

Source: HubSpot, "Search the CRM", "Contacts: batch read with history"
(docs/connectors/hubspot.md).
"""

from __future__ import annotations

import json
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime
from typing import Any, Final

from app.connectors.base import Found
from app.connectors.hubspot.rest import ID_NAMES, PLURALS, Rest, results_of
from app.connectors.hubspot.webhooks import BY_APPS, record_id_of
from app.domain import LeadEvent
from app.errors import RequestRefused
from app.values import read_moment

_PAGE: Final = 100
#: Searches have a limit of their own: five a second, for all of an account's apps.
SEARCH_EVERY_S: Final = 0.25
#: A read with history takes up to 50 records; half as many, for histories are long.
_HISTORIES: Final = 25
#: A search shows no more than 10,000 records, however many there are.
_LAST_OFFSET: Final = 9_900
#: What is searched may lag behind what is there.
OVERLAP_S: Final = 600.0
#: A record gets its first values within this time.
_MAKING_MS: Final = 1_000
#: The property that says when: a company's last change has a name of its own.
_TIMES: Final[Mapping[tuple[str, str], str]] = {
    ("contact", "created"): "createdate",
    ("company", "created"): "createdate",
    ("contact", "updated"): "lastmodifieddate",
    ("company", "updated"): "hs_lastmodifieddate",
}


@dataclass(frozen=True, slots=True)
class _Place:
    """Where a search is, as its cursor has it; times in milliseconds."""

    #: The whole search: from when, and until when it is known to be covered.
    start: int
    until: int
    #: Which object and event, in the order of `_steps`.
    step: int = 0
    #: The page: from when, and how many of that very moment were seen.
    since: int = 0
    offset: int = 0
    #: Modified records whose history is asked for next, and of which object.
    ids: tuple[str, ...] = ()
    about: str = ""


class Pace:
    """Keeps calls of one thread at a time apart by `every_s`."""

    def __init__(
        self,
        every_s: float,
        *,
        now: Callable[[], float],
        sleep: Callable[[float], None],
    ) -> None:
        self._every_s = every_s
        self._now = now
        self._sleep = sleep
        self._next_at = 0.0

    def wait(self) -> None:
        """Until the next call may go."""
        wait_s = self._next_at - self._now()
        if wait_s > 0:
            self._sleep(wait_s)
        self._next_at = self._now() + self._every_s


def changed_since(
    rest: Rest,
    pace: Pace,
    cursor: str | None,
    since: datetime,
    events: Mapping[str, Collection[str]],
    fields: Sequence[str],
    app_id: str,
    timeout_s: float,
) -> Found:
    """One page: of each object and event that is wanted, one after the other.

    `app_id`, if known, tells changes that we made ourselves.
    """
    now = _ms(datetime.now(UTC))
    place = _read(cursor) if cursor else _Place(_ms(since), now, since=_ms(since))
    if place == _Place(place.start, place.until, since=place.start):
        # A search that begins now covers what came until now.
        place = replace(place, until=now)
    names = [name for name in fields if name not in ID_NAMES]
    steps = _steps(events, names)
    if place.ids:
        history = _history(rest, place.about, place.ids, names, timeout_s)
        found = _changes(place.about, history, place.start, app_id)
        # Its page of the search is done: the place is where the next one begins.
        return _found(found, replace(place, ids=()), steps, now)
    if place.step >= len(steps):
        return Found([], _write(_next_search(place, now)), is_more=False)
    about, event = steps[place.step]
    name = _TIMES[about, event]
    pace.wait()
    body = rest.call(
        "POST",
        rest.objects(about, "search"),
        operation="search",
        json=_question(name, place, _PAGE if event == "created" else _HISTORIES),
        read_timeout_s=timeout_s,
    )
    rows = results_of(body, "search")
    following = _after_page(place, rows, name, is_last=_is_last(body))
    if event == "created":
        return _found(_created(about, rows), following, steps, now)
    ids = tuple(own for row in rows if (own := record_id_of(row.get("id"))))
    return _found([], replace(following, ids=ids, about=about), steps, now)


def _steps(
    events: Mapping[str, Collection[str]], names: Collection[str]
) -> list[tuple[str, str]]:
    wanted = {name.casefold(): set(some) for name, some in events.items()}
    return [
        (name, event)
        for event in ("created", "updated")
        for name in sorted(wanted.keys() & PLURALS.keys())
        if event in wanted[name] and (event == "created" or names)
    ]


def _found(
    events: list[LeadEvent], place: _Place, steps: Collection[object], now: int
) -> Found:
    """These events; the search is over when the last step has no more pages."""
    if place.step < len(steps) or place.ids:
        return Found(events, _write(place), is_more=True)
    return Found(events, _write(_next_search(place, now)), is_more=False)


def _next_search(place: _Place, now: int) -> _Place:
    """From when this one began, and a while before."""
    start = place.until - round(OVERLAP_S * 1000)
    return _Place(start, now, since=start)


def _after_page(
    place: _Place, rows: Sequence[Mapping[str, Any]], name: str, *, is_last: bool
) -> _Place:
    """Where the next page of this step begins, or the first one of the next step."""
    if is_last or not rows:
        return replace(place, step=place.step + 1, since=place.start, offset=0)
    last = _ms(_at(rows[-1], name) or datetime.fromtimestamp(0, UTC))
    if last > place.since:
        return replace(place, since=last, offset=0)
    offset = place.offset + len(rows)
    if offset <= _LAST_OFFSET:
        return replace(place, offset=offset)
    # More of one moment than a search shows: what is left of it stays unseen.
    return replace(place, since=place.since + 1, offset=0)


def _question(name: str, place: _Place, size: int) -> dict[str, Any]:
    since = {"propertyName": name, "operator": "GTE", "value": str(place.since)}
    return {
        "filterGroups": [{"filters": [since]}],
        "sorts": [{"propertyName": name, "direction": "ASCENDING"}],
        "properties": [name],
        "limit": size,
        **({"after": str(place.offset)} if place.offset else {}),
    }


def _is_last(body: Mapping[str, Any]) -> bool:
    paging = body.get("paging")
    return not (isinstance(paging, dict) and paging.get("next"))


def _created(about: str, rows: Sequence[Mapping[str, Any]]) -> list[LeadEvent]:
    return [
        LeadEvent(
            object=about,
            record_id=own,
            event="created",
            lead={"id": own},
            event_id=f"search {about} {own}",
            at=_at(row, "createdate"),
            is_thin=True,
        )
        for row in rows
        if (own := record_id_of(row.get("id"))) is not None
    ]


def _history(
    rest: Rest, about: str, ids: Sequence[str], names: Sequence[str], timeout_s: float
) -> list[dict[str, Any]]:
    body = rest.call(
        "POST",
        rest.objects(about, "batch/read"),
        operation="batch.read",
        json={
            "properties": [],
            "propertiesWithHistory": list(names),
            "inputs": [{"id": own} for own in ids],
        },
        read_timeout_s=timeout_s,
    )
    return results_of(body, "batch.read")


def _changes(
    about: str, rows: Sequence[Mapping[str, Any]], start: int, app_id: str
) -> list[LeadEvent]:
    """An event for each record of which something that is read has changed."""
    found = []
    for row in rows:
        own = record_id_of(row.get("id"))
        history = row.get("propertiesWithHistory")
        newest = {
            name: one
            for name, versions in (history.items() if isinstance(history, dict) else ())
            if (one := _newest(versions)) is not None
        }
        times = {
            name: read_moment(one.get("timestamp")) for name, one in newest.items()
        }
        # What a record was made with is no change.
        born = read_moment(row.get("createdAt"))
        first = max(start, _ms(born) + _MAKING_MS if born else 0)
        late = {name: at for name, at in times.items() if at and _ms(at) >= first}
        if own is None or not late or row.get("archived") is True:
            continue
        at = max(late.values())
        found.append(
            LeadEvent(
                object=about,
                record_id=own,
                event="updated",
                lead={"id": own},
                event_id=f"search {about} {own} {_ms(at)}",
                at=at,
                is_thin=True,
                changed={name: newest[name].get("value") for name in late},
                is_ours=all(_is_ours(newest[name], app_id) for name in late),
            )
        )
    return found


def _newest(versions: object) -> Mapping[str, Any] | None:
    """The last version of a property; their order is nowhere promised."""
    rows = versions if isinstance(versions, list) else []
    dated = [
        (at, -n, one)
        for n, one in enumerate(rows)
        if isinstance(one, dict) and (at := read_moment(one.get("timestamp")))
    ]
    return max(dated, key=lambda row: row[:2])[2] if dated else None


def _is_ours(version: Mapping[str, Any], app_id: str) -> bool:
    source = str(version.get("sourceId") or "")
    return version.get("sourceType") == BY_APPS and bool(app_id) and source == app_id


def _write(place: _Place) -> str:
    return json.dumps(asdict(place))


def _read(cursor: str) -> _Place:
    """Raises RequestRefused for what is no cursor of ours: the time will do."""
    try:
        given = json.loads(cursor)
        return _Place(**{**given, "ids": tuple(map(str, given["ids"]))})
    except (ValueError, TypeError, KeyError):
        raise RequestRefused(
            "the cursor of this search is not one of hubspot's",
            system="hubspot",
            operation="search",
            code="cursor",
        ) from None


def _at(row: Mapping[str, Any], name: str) -> datetime | None:
    properties = row.get("properties")
    given = properties if isinstance(properties, dict) else {}
    other = "createdAt" if name == "createdate" else "updatedAt"
    return read_moment(given.get(name) or row.get(other))


def _ms(at: datetime) -> int:
    """Whole milliseconds; a part of one counts as before it."""
    return round(at.timestamp() * 1_000_000) // 1000
