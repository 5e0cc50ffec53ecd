"""Marketo's activity log: who came, and who changed, since a paging token.

Source: Adobe, "Activities" (docs/connectors/marketo.md, "What came without a webhook").
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, Final

from app.connectors.base import Found
from app.connectors.marketo.records import MOST, result_of
from app.connectors.marketo.rest import Rest
from app.domain import LeadEvent
from app.errors import AnswerUnexpected
from app.values import read_moment

#: Types in the log: New Lead, Change Data Value.
_EVENTS: Final = {12: "created", 13: "updated"}
#: The call wants a field, also of who is only looked for as new.
_ANY_FIELD: Final = ("email",)


def lead_changes(
    rest: Rest,
    cursor: str | None,
    since: datetime,
    wanted: Collection[str],
    fields: Sequence[str],
    timeout_s: float,
) -> Found:
    """One page of the log, or the token of its first page: one call either way.

    A page can be short or empty and still not be the last.
    """
    if cursor is None:
        return _begin(rest, since, timeout_s)
    operation = "activities.leadchanges"
    envelope = rest.call(
        "GET",
        "/rest/v1/activities/leadchanges.json",
        operation=operation,
        params={
            "nextPageToken": cursor,
            "fields": ",".join(fields or _ANY_FIELD),
            "batchSize": str(MOST),
        },
        read_timeout_s=timeout_s,
    )
    events = [
        event
        for row in result_of(envelope, operation)
        if (event := _event(row)) is not None and event.event in wanted
    ]
    token = _token(envelope, operation)
    return Found(events, token, is_more=envelope.get("moreResult") is True)


def _begin(rest: Rest, since: datetime, timeout_s: float) -> Found:
    operation = "activities.pagingtoken"
    envelope = rest.call(
        "GET",
        "/rest/v1/activities/pagingtoken.json",
        operation=operation,
        params={"sinceDatetime": since.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")},
        read_timeout_s=timeout_s,
    )
    return Found([], _token(envelope, operation), is_more=True)


def _token(envelope: Mapping[str, Any], operation: str) -> str:
    token = envelope.get("nextPageToken")
    if isinstance(token, str) and token:
        return token
    raise AnswerUnexpected(
        "marketo answered without a nextPageToken",
        system="marketo",
        operation=operation,
        status=200,
    )


def _event(row: Mapping[str, Any]) -> LeadEvent | None:
    event = _EVENTS.get(row.get("activityTypeId") or 0)
    lead_id = row.get("leadId")
    if event is None or not isinstance(lead_id, int):
        return None
    changed = {
        one["name"]: one.get("newValue")
        for one in row.get("fields") or ()
        if isinstance(one, dict) and isinstance(one.get("name"), str)
    }
    # `id` may be missing: the GUID takes its place.
    number = row.get("marketoGUID") or row.get("id")
    return LeadEvent(
        object="lead",
        record_id=str(lead_id),
        event=event,
        lead={"id": lead_id},
        event_id=f"activity {number}" if number is not None else None,
        at=read_moment(row.get("activityDate")),
        is_thin=True,
        changed=changed if event == "updated" else None,
    )
