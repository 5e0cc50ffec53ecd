"""Reading leads: by filter, by id."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from flask import Response

from sandbox.marketo.activities import page_token, read_page_token
from sandbox.marketo.envelope import Refused, success
from sandbox.marketo.fields import DEFAULT_READ

if TYPE_CHECKING:
    from sandbox.marketo.state import MarketoState

MOST_VALUES = 300
MOST_MATCHES = 1_000
MOST_ON_PAGE = 300

Query = dict[str, str]


def leads_by_filter(marketo: MarketoState, query: Query) -> Response:
    """Leads that match; `nextPageToken` only when another page exists.

    Raises:
        Refused: 1003 for missing or too many values and for more than 1,000
            matches, 1006 for unknown fields, 1011 for a field one cannot
            filter by.

    Source: Marketo, "Get Leads by Filter Type".
    """
    name = query.get("filterType", "")
    if not name:
        raise Refused("1003", "filterType not specified")
    if not query.get("filterValues"):
        raise Refused("1003", "filterValues not specified")
    field = marketo.fields.get(name)
    if field is None:
        raise Refused("1006", f"Lookup field '{name}' not found")
    if not field.searchable:
        raise Refused("1011", f"Field '{name}' not supported for filter")
    wanted = query["filterValues"].split(",")
    if len(wanted) > MOST_VALUES:
        raise Refused("1003", f"Too many filterValues: more than {MOST_VALUES}")
    found = marketo.store.find(name, wanted)
    if len(found) > MOST_MATCHES:
        raise Refused("1003", "Too many results match the filter")
    names = wanted_fields(marketo, query)
    rows = [marketo.store.shown(lead, names) for lead in found]
    return page_of(rows, query, "leads")


def lead_by_id(marketo: MarketoState, lead_id: str, query: Query) -> Response:
    """One lead in `result[0]`; a missing one is 1004, or an empty result by switch."""
    names = wanted_fields(marketo, query)
    found = marketo.store.find("id", [lead_id])
    if not found and marketo.options.missing_lead == "1004":
        raise Refused("1004", f"Lead '{lead_id}' not found")
    return success([marketo.store.shown(lead, names) for lead in found])


def wanted_fields(marketo: MarketoState, query: Query) -> list[str]:
    """The `fields` asked for, `id` always first, or the defaults.

    Raises:
        Refused: 1006 for an unknown field.
    """
    given = [name.strip() for name in query.get("fields", "").split(",")]
    names = [name for name in given if name] or list(DEFAULT_READ)
    for name in names:
        if name not in marketo.fields:
            raise Refused("1006", f"Field '{name}' not found")
    return list(dict.fromkeys(["id", *names]))


def batch_size(query: Query) -> int:
    """`batchSize`, 1 to 300, default 300.

    Raises:
        Refused: 1003 when it is none of these.
    """
    text = query.get("batchSize") or str(MOST_ON_PAGE)
    if not text.isdigit() or not 0 < int(text) <= MOST_ON_PAGE:
        raise Refused("1003", f"Invalid value for parameter 'batchSize': '{text}'")
    return int(text)


def page_of(rows: list[Any], query: Query, kind: str) -> Response:
    """One page of rows; paging keys only when there is another page."""
    size, start = batch_size(query), 0
    if query.get("nextPageToken"):
        start = int(read_token(query["nextPageToken"], kind)["from"])
    end = start + size
    if end >= len(rows):
        return success(rows[start:])
    token = page_token(kind, **{"from": end})
    return success(rows[start:end], nextPageToken=token, moreResult=True)


def read_token(token: str, kind: str) -> dict[str, float]:
    """What a paging token holds.

    Raises:
        Refused: 1003 for a token of another call, or none at all.
    """
    try:
        return read_page_token(token, kind)
    except ValueError as error:
        raise Refused("1003", "Invalid value for parameter 'nextPageToken'") from error
