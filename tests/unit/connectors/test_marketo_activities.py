"""Marketo's activity log and its campaigns: one call each, and what is read of it."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

import pytest

from app.connectors.marketo import Marketo
from app.errors import AnswerUnexpected, RecordMissing, RequestRefused

URL = "https://123-abc-456.mktorest.com"
SINCE = datetime(2026, 11, 23, 10, 0, tzinfo=UTC)
BOTH = {"lead": {"created", "updated"}}


@pytest.fixture
def marketo(requests_mock: Any) -> Marketo:
    token = {"access_token": "a-token", "expires_in": 3600}
    requests_mock.post(f"{URL}/identity/oauth/token", json=token)
    settings = {"URL": URL, "CLIENT_ID": "a", "CLIENT_SECRET": "b"}
    return Marketo("marketo", settings)


def answer(mock: Any, path: str, **envelope: Any) -> None:
    mock.register_uri(
        mock_any(path), f"{URL}{path}", json={"success": True, **envelope}
    )


def mock_any(path: str) -> str:
    return "POST" if path.endswith("trigger.json") else "GET"


def test_a_search_begins_with_a_token_for_its_time(
    marketo: Marketo, requests_mock: Any
) -> None:
    answer(
        requests_mock, "/rest/v1/activities/pagingtoken.json", nextPageToken="GIY==="
    )
    found = marketo.changed_since(None, SINCE, BOTH, ["email"])
    assert (found.events, found.cursor, found.is_more) == ([], "GIY===", True)
    assert requests_mock.last_request.qs["sincedatetime"] == ["2026-11-23t10:00:00z"]


def test_a_page_is_read_whatever_is_missing_in_it(
    marketo: Marketo, requests_mock: Any
) -> None:
    rows = [
        {"marketoGUID": "1078", "leadId": 775, "activityDate": "2026-11-23T10:02:49Z",
         "activityTypeId": 13,
         "fields": [{"id": 48, "name": "country", "newValue": "Germany"}]},
        {"id": 1079, "leadId": 776, "activityDate": "2026-11-23 10:03:00",
         "activityTypeId": 12},
        {"leadId": 777, "activityDate": "yesterday", "activityTypeId": 12},
        {"leadId": 778, "activityTypeId": 46},
        {"activityTypeId": 12},
        {},
    ]  # fmt: skip
    answer(
        requests_mock,
        "/rest/v1/activities/leadchanges.json",
        result=rows,
        nextPageToken="next",
        moreResult=True,
    )
    found = marketo.changed_since("GIY===", SINCE, BOTH, ["country", "email"])
    assert (found.cursor, found.is_more) == ("next", True)
    shown = [(e.record_id, e.event, e.event_id, e.changed) for e in found.events]
    assert shown == [
        ("775", "updated", "activity 1078", {"country": "Germany"}),
        ("776", "created", "activity 1079", None),
        ("777", "created", None, None),
    ]
    times = [e.at and e.at.isoformat() for e in found.events]
    assert times == ["2026-11-23T10:02:49+00:00", "2026-11-23T10:03:00+00:00", None]
    assert all(e.is_thin and e.lead == {"id": int(e.record_id)} for e in found.events)
    assert requests_mock.last_request.qs["fields"] == ["country,email"]


def test_only_what_a_mapping_wants_is_taken(
    marketo: Marketo, requests_mock: Any
) -> None:
    rows = [{"leadId": 1, "activityTypeId": 13}, {"leadId": 2, "activityTypeId": 12}]
    path = "/rest/v1/activities/leadchanges.json"
    answer(requests_mock, path, result=rows, nextPageToken="n", moreResult=False)
    found = marketo.changed_since("c", SINCE, {"lead": {"created"}}, [])
    assert [e.record_id for e in found.events] == ["2"]
    # The call wants a field all the same; an empty page may leave `result` out.
    assert requests_mock.last_request.qs["fields"] == ["email"]
    answer(requests_mock, path, nextPageToken="n", moreResult=True)
    found = marketo.changed_since("c", SINCE, BOTH, [])
    assert (found.events, found.is_more) == ([], True)


def test_a_page_without_its_token_is_not_understood(
    marketo: Marketo, requests_mock: Any
) -> None:
    answer(requests_mock, "/rest/v1/activities/leadchanges.json", result=[])
    with pytest.raises(AnswerUnexpected, match="nextPageToken"):
        marketo.changed_since("c", SINCE, BOTH, [])


def test_a_campaign_is_requested_for_ids_that_are_numbers(
    marketo: Marketo, requests_mock: Any
) -> None:
    path = "/rest/v1/campaigns/1234/trigger.json"
    answer(requests_mock, path, result=[{"id": 1234}])
    marketo.request_campaign("1234", ["7", "8"])
    sent = json.loads(requests_mock.last_request.body)
    assert sent == {"input": {"leads": [{"id": 7}, {"id": 8}]}}
    with pytest.raises(RecordMissing):
        marketo.request_campaign("1234", ["7", "x"])


@pytest.mark.parametrize(
    ("code", "kind"), [("1004", RecordMissing), ("1003", RequestRefused)]
)
def test_who_is_gone_is_told_from_a_campaign_that_is_not_for_this(
    marketo: Marketo, requests_mock: Any, code: str, kind: type[Exception]
) -> None:
    refused = {"success": False, "errors": [{"code": code, "message": "no"}]}
    requests_mock.post(f"{URL}/rest/v1/campaigns/1/trigger.json", json=refused)
    with pytest.raises(kind, match=code):
        marketo.request_campaign("1", ["7"])
