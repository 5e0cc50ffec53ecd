"""Records that were created since a time, by search: for those without a webhook.

Changes are not searched for: `lastmodifieddate` moves with our own writes too, and
a search does not say what has changed.

Source: HubSpot, "Search the CRM" (docs/connectors/hubspot.md).
"""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from app.connectors.base import Found
from app.connectors.hubspot.rest import PLURALS, Rest, results_of
from app.connectors.hubspot.webhooks import record_id_of
from app.domain import LeadEvent
from app.errors import AnswerUnexpected, RequestRefused

_PAGE: Final = 100
#: A search shows 10,000 records; before that it begins anew where it is.
_LAST_PAGE: Final = 9_900
#: A new record may be found a while after it came.
_LATE: Final = timedelta(minutes=2)


def created_since(
    rest: Rest,
    cursor: str | None,
    since: datetime,
    events: Mapping[str, Collection[str]],
    timeout_s: float,
) -> Found:
    """One page: of each object whose creation is wanted, one after the other."""
    objects = _objects(events)
    place = _place(cursor, since)
    if not objects:
        return Found([], json.dumps(_began(place)), is_more=False)
    number = min(int(place["object"]), len(objects) - 1)
    name = objects[number]
    body = rest.call(
        "POST",
        rest.objects(name, "search"),
        operation="search",
        json=_question(place),
        read_timeout_s=timeout_s,
    )
    found = [
        event
        for row in results_of(body, "search")
        if (event := _event(name, row)) is not None
    ]
    after = _after(body)
    if after is not None:
        if after.isdigit() and int(after) >= _LAST_PAGE and found and found[-1].at:
            last = _ms(found[-1].at)
            place = {**place, "since": max(last, int(place["since"])), "after": None}
        else:
            place = {**place, "after": after}
        return Found(found, json.dumps(place), is_more=True)
    if number + 1 < len(objects):
        first = {**place, "since": place["from"], "object": number + 1, "after": None}
        return Found(found, json.dumps(first), is_more=True)
    return Found(found, json.dumps(_began(place)), is_more=False)


def _objects(events: Mapping[str, Collection[str]]) -> list[str]:
    return sorted(
        name.casefold()
        for name, wanted in events.items()
        if "created" in wanted and name.casefold() in PLURALS
    )


def _place(cursor: str | None, since: datetime) -> dict[str, Any]:
    """Where the search is: the object, the time it begins at, the page."""
    now = _ms(datetime.now(UTC))
    if cursor is None:
        start = _ms(since)
        return {"object": 0, "from": start, "since": start, "after": None, "until": now}
    try:
        place = json.loads(cursor)
        numbers = [int(place[key]) for key in ("object", "from", "since", "until")]
    except (ValueError, TypeError, KeyError):
        raise RequestRefused(
            "the cursor of this search is not one of hubspot's",
            system="hubspot",
            operation="search",
            code="cursor",
        ) from None
    names = ("object", "from", "since", "until")
    found = dict(zip(names, numbers, strict=True))
    is_first = found["object"] == 0 and not place.get("after")
    if is_first and found["since"] == found["from"]:
        # A search that begins now covers what came until now.
        found["until"] = now
    return {**found, "after": place.get("after")}


def _began(place: Mapping[str, Any]) -> dict[str, Any]:
    """The next search: from when this one began, and a while before."""
    start = int(place["until"]) - int(_LATE.total_seconds() * 1000)
    now = _ms(datetime.now(UTC))
    return {"object": 0, "from": start, "since": start, "after": None, "until": now}


def _question(place: Mapping[str, Any]) -> dict[str, Any]:
    came = {
        "propertyName": "createdate",
        "operator": "GTE",
        "value": str(place["since"]),
    }
    return {
        "filterGroups": [{"filters": [came]}],
        "sorts": [{"propertyName": "createdate", "direction": "ASCENDING"}],
        "properties": ["createdate"],
        "limit": _PAGE,
        **({"after": place["after"]} if place["after"] else {}),
    }


def _event(name: str, row: Mapping[str, Any]) -> LeadEvent | None:
    own = record_id_of(row.get("id"))
    properties = row.get("properties")
    given = properties if isinstance(properties, dict) else {}
    at = _time(given.get("createdate") or row.get("createdAt"))
    if own is None:
        return None
    return LeadEvent(
        object=name,
        record_id=own,
        event="created",
        lead={"id": own},
        event_id=f"search {name} {own}",
        at=at,
        is_thin=True,
    )


def _after(body: Mapping[str, Any]) -> str | None:
    paging = body.get("paging")
    following = paging.get("next") if isinstance(paging, dict) else None
    if not isinstance(following, dict):
        return None
    after = following.get("after")
    if isinstance(after, str | int) and str(after):
        return str(after)
    raise AnswerUnexpected(
        "hubspot named a next page without its place",
        system="hubspot",
        operation="search",
        status=200,
    )


def _ms(at: datetime) -> int:
    return int(at.timestamp() * 1000)


def _time(text: object) -> datetime | None:
    try:
        found = datetime.fromisoformat(str(text))
    except ValueError:
        return None
    return found if found.tzinfo else found.replace(tzinfo=UTC)
