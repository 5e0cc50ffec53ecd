"""The activity log by paging token: lead changes, deleted leads, any type."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Any

from flask import Response

from sandbox.marketo.activities import (
    CHANGE_DATA_VALUE,
    DELETE_LEAD,
    NEW_LEAD,
    Activity,
    page_token,
    type_entry,
)
from sandbox.marketo.envelope import Answer, Refused, request_id, success, wire
from sandbox.marketo.reads import Query, batch_size, read_token
from sandbox.marketo.state import MarketoState

MOST_CHANGE_IDS = 30
MOST_TYPES = 10


def paging_token(query: Query) -> Response:
    """activities/pagingtoken.json: a token that begins at `sinceDatetime`.

    Raises:
        Refused: 1003 without a time, or for one that cannot be read.
    """
    text = query.get("sinceDatetime", "")
    try:
        # A raw plus sign in a query arrives as a blank.
        moment = datetime.fromisoformat(text.strip().replace(" ", "+"))
    except ValueError as error:
        raise Refused(
            "1003", f"Invalid value for parameter 'sinceDatetime': '{text}'"
        ) from error
    if moment.tzinfo is None:
        raise Refused("1003", f"sinceDatetime '{text}' has no time zone")
    return _page(None, page_token("activities", since=moment.timestamp()))


def lead_changes(marketo: MarketoState, query: Query) -> Response:
    """activities/leadchanges.json: New Lead and changes of the `fields` named.

    A page looks at `batchSize` activities and keeps those that fit, so it can
    be short or empty although `moreResult` is true.

    Raises:
        Refused: 1002 without `fields`, 1003 for a bad token, for more than 30
            leadIds and for a list (there are none), 1006 for an unknown field.
    """
    names = {name.strip() for name in query.get("fields", "").split(",")} - {""}
    if not names:
        raise _missing("fields")
    for name in sorted(names):
        if name not in marketo.fields:
            raise Refused("1006", f"Field '{name}' not found")
    is_about = _people(query)

    def fits(activity: Activity) -> bool:
        if activity.type == CHANGE_DATA_VALUE and activity.field:
            return activity.field[1] in names and is_about(activity)
        return activity.type == NEW_LEAD and is_about(activity)

    return _activities(marketo, query, fits, Activity.as_change)


def deleted_leads(marketo: MarketoState, query: Query) -> Response:
    """activities/deletedleads.json: type 37."""
    return _activities(
        marketo,
        query,
        lambda activity: activity.type == DELETE_LEAD,
        Activity.as_change,
    )


def activities(marketo: MarketoState, query: Query) -> Response:
    """activities.json: any activities, of up to ten types.

    Raises:
        Refused: 1002 without `activityTypeIds`, 1003 for more than ten, for
            one that is no number, and as `lead_changes`.
    """
    given = [text.strip() for text in query.get("activityTypeIds", "").split(",")]
    types = [text for text in given if text]
    if not types:
        raise _missing("activityTypeIds")
    if len(types) > MOST_TYPES:
        raise Refused("1003", f"Too many activityTypeIds: more than {MOST_TYPES}")
    if not all(text.isdigit() for text in types):
        raise Refused("1003", "Invalid value for parameter 'activityTypeIds'")
    wanted, is_about = {int(text) for text in types}, _people(query)
    return _activities(
        marketo,
        query,
        lambda activity: activity.type in wanted and is_about(activity),
        Activity.as_activity,
    )


def activity_types(marketo: MarketoState) -> Response:
    """activities/types.json: the types that this log knows."""
    calls = marketo.options.webhook_activity_type
    kinds = (NEW_LEAD, CHANGE_DATA_VALUE, DELETE_LEAD, calls)
    return success([type_entry(kind) for kind in kinds])


def _people(query: Query) -> Callable[[Activity], bool]:
    """Whether an activity is about the `leadIds` asked for; all without them."""
    if query.get("listId"):
        raise Refused("1003", f"List '{query['listId']}' not found")
    ids = {text for text in query.get("leadIds", "").split(",") if text}
    if len(ids) > MOST_CHANGE_IDS:
        raise Refused("1003", f"Too many leadIds: more than {MOST_CHANGE_IDS}")
    return lambda activity: not ids or str(activity.lead_id) in ids


def _missing(name: str) -> Refused:
    return Refused("1002", f"Missing value for the required parameter '{name}'")


def _activities(
    marketo: MarketoState,
    query: Query,
    fits: Callable[[Activity], bool],
    shown: Callable[[Activity], dict[str, Any]],
) -> Response:
    options, known = marketo.options, marketo.store.activities
    start, empty = _start(marketo, query)
    if empty < options.empty_pages:
        # Nothing on this page, and yet it is not the last.
        token = page_token("activities", place=start, empty=empty + 1)
        return _page([], token, is_more=True)
    size = max(1, min(batch_size(query), options.activities_page))
    end = min(start + size, len(known))
    found = [shown(activity) for activity in known[start:end] if fits(activity)]
    for entry in found if options.activity_id == "guid" else ():
        del entry["id"]
    token = page_token("activities", place=end)
    return _page(found, token, is_more=end < len(known))


def _page(
    found: list[dict[str, Any]] | None, token: str, *, is_more: bool = False
) -> Answer:
    """A page of the log; its keys stand in another order than those of leads."""
    body: dict[str, Any] = {
        "requestId": request_id(), "success": True, "nextPageToken": token,
    }  # fmt: skip
    if found is not None:
        body |= {"moreResult": is_more, "result": found}
    return wire(body)


def _start(marketo: MarketoState, query: Query) -> tuple[int, int]:
    """The place of the first activity that the token covers; empty pages so far."""
    if not query.get("nextPageToken"):
        raise _missing("nextPageToken")
    where = read_token(query["nextPageToken"], "activities")
    if "place" in where:
        return int(where["place"]), int(where.get("empty", 0))
    known, since = marketo.store.activities, where["since"]
    for place, activity in enumerate(known):
        # Dates on the wire have whole seconds, so the comparison has them too.
        if int(activity.at) >= int(since):
            return place, 0
    return len(known), 0
