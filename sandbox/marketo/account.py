"""Around the leads: usage, partitions, campaigns, paging tokens, lead changes."""

from __future__ import annotations

from collections import Counter
from datetime import datetime
from typing import Any

from flask import Response

from sandbox.marketo.activities import (
    CHANGE_DATA_VALUE,
    DELETE_LEAD,
    NEW_LEAD,
    Activity,
    page_token,
)
from sandbox.marketo.envelope import Refused, success
from sandbox.marketo.reads import Query, batch_size, read_token
from sandbox.marketo.state import MarketoState

MOST_CHANGE_IDS = 30
MOST_CAMPAIGN_LEADS = 100


def usage(marketo: MarketoState) -> Response:
    """stats/usage.json: today's counted calls, in total and by API user."""
    today = marketo.day()
    total = marketo.calls_by_day[today]
    users = [{"userId": marketo.options.api_user, "count": total}]
    return success([{"date": today, "total": total, "users": users}])


def errors(marketo: MarketoState) -> Response:
    """stats/errors.json: today's error codes and how often each was given."""
    today = marketo.day()
    counts = marketo.errors_by_day.get(today, Counter())
    found = [{"errorCode": code, "count": n} for code, n in sorted(counts.items())]
    total = sum(counts.values())
    return success([{"date": today, "total": total, "errors": found}])


def partitions() -> Response:
    """leads/partitions.json: the one partition every lead is in."""
    words = "Initial system lead partition"
    return success([{"id": 1, "name": "Default", "description": words}])


def request_campaign(
    marketo: MarketoState, campaign: str, body: dict[str, Any]
) -> Response:
    """campaigns/{id}/trigger.json: recorded, and seen in `/_sandbox/state`.

    Raises:
        Refused: 1003 without leads, for more than 100, and for a batch
            campaign; 1004 for an unknown lead.
    """
    given = body.get("input")
    if not isinstance(given, dict):
        given = {}
    leads = given.get("leads")
    if not isinstance(leads, list) or not leads:
        raise Refused("1003", "Missing required attribute 'input.leads'")
    if len(leads) > MOST_CAMPAIGN_LEADS:
        raise Refused("1003", f"Too many leads: more than {MOST_CAMPAIGN_LEADS}")
    if campaign in marketo.options.batch_campaigns:
        raise Refused("1003", f"Campaign '{campaign}' is not a trigger campaign")
    ids = [lead.get("id") if isinstance(lead, dict) else None for lead in leads]
    for lead_id in ids:
        if not marketo.store.find("id", [lead_id]):
            raise Refused("1004", f"Lead '{lead_id}' not found")
    marketo.campaign_requests.append(
        {"campaign": campaign, "leads": ids, "tokens": given.get("tokens", [])}
    )
    return success([{"id": int(campaign)}])


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
    token = page_token("activities", since=moment.timestamp())
    return success(None, nextPageToken=token)


def lead_changes(marketo: MarketoState, query: Query) -> Response:
    """activities/leadchanges.json: New Lead and changes of the `fields` named.

    A page looks at `batchSize` activities and keeps those that fit, so it can
    be short or empty although `moreResult` is true.

    Raises:
        Refused: 1002 without `fields`, 1003 for a bad token or more than 30
            leadIds, 1006 for an unknown field.
    """
    names = {name.strip() for name in query.get("fields", "").split(",")} - {""}
    if not names:
        raise Refused("1002", "Missing value for the required parameter 'fields'")
    for name in sorted(names):
        if name not in marketo.fields:
            raise Refused("1006", f"Field '{name}' not found")
    ids = {text for text in query.get("leadIds", "").split(",") if text}
    if len(ids) > MOST_CHANGE_IDS:
        raise Refused("1003", f"Too many leadIds: more than {MOST_CHANGE_IDS}")

    def fits(activity: Activity) -> bool:
        if ids and str(activity.lead_id) not in ids:
            return False
        if activity.type == CHANGE_DATA_VALUE and activity.field:
            return activity.field[1] in names
        return activity.type == NEW_LEAD

    return _activities(marketo, query, fits)


def deleted_leads(marketo: MarketoState, query: Query) -> Response:
    """activities/deletedleads.json: type 37."""
    return _activities(marketo, query, lambda activity: activity.type == DELETE_LEAD)


def _activities(marketo: MarketoState, query: Query, fits: Any) -> Response:
    start = _start(marketo, query)
    end = min(start + batch_size(query), len(marketo.store.activities))
    page = marketo.store.activities[start:end]
    found = [activity.as_json() for activity in page if fits(activity)]
    return success(
        found,
        nextPageToken=page_token("activities", place=end),
        moreResult=end < len(marketo.store.activities),
    )


def _start(marketo: MarketoState, query: Query) -> int:
    """The place of the first activity that the token covers."""
    if not query.get("nextPageToken"):
        raise Refused(
            "1002", "Missing value for the required parameter 'nextPageToken'"
        )
    where = read_token(query["nextPageToken"], "activities")
    if "place" in where:
        return int(where["place"])
    activities, since = marketo.store.activities, where["since"]
    for place, activity in enumerate(activities):
        # Dates on the wire have whole seconds, so the comparison has them too.
        if int(activity.at) >= int(since):
            return place
    return len(activities)
