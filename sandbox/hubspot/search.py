"""Search: filters, one sort, pages of up to 200, and no more than 10,000 records."""

from __future__ import annotations

import math
import operator as operators
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from sandbox.hubspot.errors import bad
from sandbox.hubspot.events import told
from sandbox.hubspot.merges import additional_emails
from sandbox.hubspot.properties import Property
from sandbox.hubspot.state import Record

if TYPE_CHECKING:
    from sandbox.state import World

Known = Mapping[str, Property]
MOST_FOUND, MOST_OF_PAGE = 10_000, 200
MOST_GROUPS, MOST_OF_GROUP, MOST_FILTERS = 5, 6, 18
_COMPARED: Mapping[str, Callable[[Any, Any], bool]] = {
    "LT": operators.lt,
    "LTE": operators.le,
    "GT": operators.gt,
    "GTE": operators.ge,
}
_SINGLE = ("EQ", "NEQ", "CONTAINS_TOKEN", "NOT_CONTAINS_TOKEN", *_COMPARED)
_LISTED = ("IN", "NOT_IN")
_PRESENCE = ("HAS_PROPERTY", "NOT_HAS_PROPERTY")
_TIMES = ("createdate", "lastmodifieddate", "hs_lastmodifieddate")


def search(world: World, kind: str, asked: Any) -> tuple[Any, int]:
    """One page of the records that fit any of the groups."""
    body = asked["body"] if isinstance(asked["body"], dict) else {}
    known = world.hubspot.properties[kind]
    groups = _groups(body.get("filterGroups"), known)
    start, limit = _place(body)
    found = [
        record
        for record in world.hubspot.records.values()
        if record.kind == kind
        and not record.is_archived
        and world.hubspot.is_visible(record)
        and (not groups or any(_fits_all(record, group, known) for group in groups))
    ]
    by, is_falling = _sort(body.get("sorts"))
    found.sort(
        key=lambda one: (_sortable(_value(one, by, known)), one.id),
        reverse=is_falling,
    )
    names = [str(one) for one in _list(body.get("properties"), "properties")]
    answer: dict[str, Any] = {
        "total": len(found),
        "results": [
            one.as_json(world.hubspot.known(kind, names))
            for one in found[start : start + limit]
        ],
    }
    if start + limit < len(found):
        answer["paging"] = {"next": {"after": str(start + limit)}}
    return answer, 200


def _list(given: Any, what: str) -> list[Any]:
    if given is None:
        return []
    if not isinstance(given, list):
        raise bad(f"Invalid input JSON: {what} must be a list")
    return given


def _groups(given: Any, known: Known) -> list[list[dict[str, Any]]]:
    """The filters of each group, every one checked."""
    found = []
    for group in _list(given, "filterGroups"):
        filters = _list(group.get("filters") if isinstance(group, dict) else None, "f")
        if len(filters) > MOST_OF_GROUP:
            raise bad(f"A filter group has at most {MOST_OF_GROUP} filters")
        for one in filters:
            _check(one, known)
        found.append(filters)
    if len(found) > MOST_GROUPS or sum(map(len, found)) > MOST_FILTERS:
        raise bad(f"At most {MOST_GROUPS} groups and {MOST_FILTERS} filters in total")
    return found


def _check(one: Any, known: Known) -> None:
    name = one.get("propertyName") if isinstance(one, dict) else one
    if not isinstance(one, dict) or not isinstance(name, str) or name not in known:
        raise bad(f"There was a problem with the request: no property {name!r}")
    operator = one.get("operator")
    if operator in _SINGLE:
        good = isinstance(one.get("value"), str)
    elif operator == "BETWEEN":
        good = all(isinstance(one.get(key), str) for key in ("value", "highValue"))
    elif operator in _LISTED:
        good = isinstance(one.get("values"), list)
    elif operator in _PRESENCE:
        good = True
    else:
        raise bad(f"Invalid input JSON: no operator {operator!r}")
    if not good:
        raise bad(f"operator {operator} lacks its value")


def _place(body: dict[str, Any]) -> tuple[int, int]:
    """Offset and size of the page."""
    after, limit = body.get("after") or "0", body.get("limit") or 10
    if not str(after).isdecimal() or len(str(after)) > 9:
        raise bad("after must be what paging.next.after said")
    if not isinstance(limit, int) or not 0 < limit <= MOST_OF_PAGE:
        raise bad(f"limit must be at most {MOST_OF_PAGE}")
    if int(after) + limit > MOST_FOUND:
        raise bad(f"No more than {MOST_FOUND} records of one search can be had")
    return int(after), limit


def _sort(given: Any) -> tuple[str, bool]:
    """By which property, and whether it falls; the documentation has two forms."""
    sorts = _list(given, "sorts")
    if len(sorts) > 1:
        raise bad("Only one sort is supported")
    if not sorts:
        return "createdate", False
    if isinstance(sorts[0], dict):
        return str(sorts[0].get("propertyName")), sorts[0].get("direction") == (
            "DESCENDING"
        )
    return str(sorts[0]).removeprefix("-"), str(sorts[0]).startswith("-")


def _fits_all(record: Record, filters: list[dict[str, Any]], known: Known) -> bool:
    return all(_fits(record, one, known) for one in filters)


def _fits(record: Record, one: dict[str, Any], known: Known) -> bool:
    name, operator = one["propertyName"], one["operator"]
    value = _value(record, name, known)
    # Days and times are compared in milliseconds, however they were given.
    wanted = told(known[name], str(one.get("value", "")))
    if operator in _PRESENCE:
        return bool(value) is (operator == "HAS_PROPERTY")
    values = {value.casefold()}
    if name == "email":
        values |= {mail.casefold() for mail in additional_emails(record)}
    if operator in _LISTED:
        among = not values.isdisjoint(str(v).casefold() for v in one["values"])
        return among is (operator == "IN")
    if operator in ("CONTAINS_TOKEN", "NOT_CONTAINS_TOKEN"):
        inside = wanted.strip("*").casefold() in value.casefold()
        return inside is (operator == "CONTAINS_TOKEN")
    if operator in ("EQ", "NEQ"):
        return (wanted.casefold() in values) is (operator == "EQ")
    own = _sortable(value)
    if operator == "BETWEEN":
        high = told(known[name], one["highValue"])
        return bool(value) and _sortable(wanted) <= own <= _sortable(high)
    return bool(value) and _COMPARED[operator](own, _sortable(wanted))


def _value(record: Record, name: str, known: Known) -> str:
    """As filters compare it: days and times in milliseconds."""
    if name in _TIMES:
        at = record.created if name == "createdate" else record.updated
        # Cut, as the times in answers are.
        return str(int(at.timestamp()) * 1000 + at.microsecond // 1000)
    if name == "hs_object_id":
        return record.id
    return told(known.get(name), record.properties.get(name) or "")


def _sortable(text: str) -> tuple[float, str]:
    """Numbers by their size and before texts; texts without their capitals."""
    try:
        number = float(text)
    except ValueError:
        number = math.inf
    return (number, "") if math.isfinite(number) else (math.inf, text.casefold())
