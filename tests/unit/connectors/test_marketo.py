"""Marketo beyond the contract: bodies, codes, clocks, and replies."""

from __future__ import annotations

import contextlib
import json
from datetime import UTC, date, datetime, timedelta, timezone
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfoNotFoundError

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.connectors.base import NotOffered
from app.connectors.marketo import Marketo, codes
from app.connectors.marketo.body import read_body
from app.domain import Update
from app.errors import (
    PayloadInvalid,
    QuotaSpent,
    RecordError,
    RecordRefused,
    RemoteError,
    RequestRefused,
)

URL = "https://marketo.invalid"
LEADS = f"{URL}/rest/v1/leads.json"


@pytest.fixture
def marketo(requests_mock: Any) -> Marketo:
    requests_mock.post(
        f"{URL}/identity/oauth/token", json={"access_token": "t", "expires_in": 3599}
    )
    given = {
        "URL": URL,
        "CLIENT_ID": "id",
        "CLIENT_SECRET": "hidden",
        "WEBHOOK_SECRET": "x",
    }
    return Marketo("marketo", given, now=lambda: 0.0, sleep=lambda _: None)


def updates(count: int, **values: Any) -> list[Update]:
    return [Update("lead", "id", str(n + 1), values) for n in range(count)]


# Bodies.

FLAT = st.dictionaries(
    st.text("abcdefgh", min_size=1, max_size=5),
    st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0{"))
    | st.integers(-(2**53), 2**53)
    | st.booleans()
    | st.none(),
    max_size=6,
)


@given(lead=FLAT)
def test_what_is_json_is_read_as_it_is(lead: dict[str, Any]) -> None:
    assert read_body(json.dumps(lead).encode()) == [lead]


@given(lead=FLAT)
def test_tokens_in_quotation_marks_lose_only_those(lead: dict[str, Any]) -> None:
    texts = {key: value for key, value in lead.items() if isinstance(value, str)}
    # Without an odd one, the body is JSON; with one, all are read alike.
    rows = [f'"{key}": "{json.dumps(value)}"' for key, value in texts.items()]
    body = '{"odd": ""x"", ' + ", ".join([*rows, '"last": 1}'])
    try:
        found = read_body(body.encode())
    except PayloadInvalid:
        return
    # A value that looks like the next key is refused, or shows up as one.
    if set(found[0]) == {"odd", "last", *texts}:
        assert found == [{"odd": "x", "last": 1, **texts}]


@pytest.mark.parametrize(
    ("body", "lead"),
    [
        ('\ufeff{"id": 5}', {"id": 5}),
        ('{"id": 5,}', {"id": 5}),
        ('{"id": 5, "a": TRUE, "b": False, "c": -1.5}', {"id": 5, "a": True}),
        ('{"id": 5, "a": , "b": "", "c": null}', {"a": "", "b": "", "c": None}),
        ('{"id": 5, "a": "x\ty", "b": }', {"a": "x\ty"}),
        ('{"id": 5, "a": "it\\u0027s", "b": }', {"a": "it's"}),
        ('{"id": 5, "a": "nul\\u0000", "b": "\\ud800"}', {"a": "nul", "b": "?"}),
        ("id=5&&a=1&", {"id": "5", "a": "1"}),
        ("id=5&a=Web form", {"a": "Web form"}),
        ("id=5&a=x%3Dy&b=100%25", {"a": "x=y", "b": "100%"}),
    ],
)
def test_a_body_that_can_be_read_is_read(body: str, lead: dict[str, Any]) -> None:
    (found,) = read_body(body.encode("utf-8", "surrogatepass"))
    assert {key: found[key] for key in lead} == lead


@pytest.mark.parametrize(
    "body",
    [
        "{",
        "{}}",
        '{"a": 1 "b": 2}',
        '{"a": 007, "b": 1}',
        '{"a": {"b": }}',
        '{"a": NaN}',
        '{"a": 1e999}',
        '{"a": "x}',
        '{"a": "x"y", "a": "z"}',
        '{"a": "x\\"}',
        '{"a": "C:\\dir", "b": 1}',
        "[]",
        "[1]",
        '"text"',
        "a=1&a=2",
        "a",
        '{"a":' * 9999,
        "[" * 99999,
    ],
)
def test_a_body_that_cannot_be_read_in_one_way_is_refused(body: str) -> None:
    with pytest.raises(PayloadInvalid) as caught:
        read_body(body.encode())
    assert caught.value.__context__ is None or caught.value.__suppress_context__


@pytest.mark.parametrize(
    "piece", ['"', ' "', '",', '","a', "\\", "{{", '": "', "}", " "]
)
def test_no_body_takes_long(piece: str) -> None:
    for start in ('{"a": "', '{"a": ', "a="):
        body = (start + piece * (500_000 // len(piece)) + "x").encode()
        started = datetime.now(UTC)
        with contextlib.suppress(PayloadInvalid):
            read_body(body)
        assert datetime.now(UTC) - started < timedelta(seconds=3)


# Codes.


def test_every_code_of_a_call_has_an_error() -> None:
    for code, meaning in codes.RESPONSE_CODES.items():
        error = codes.call_error(
            [code, "606", "699"],
            operation="leads.sync",
            status=200,
            request_id="r",
            now=datetime(2026, 7, 1, tzinfo=UTC),
        )
        assert type(error) is meaning.kind
        assert isinstance(error, RemoteError)
        assert (error.code, error.system) == (code, "marketo")
        assert error.__notes__ == [
            "also: 100 calls in 20 s are used up (606)",
            "also: unknown code (699)",
        ]


def test_every_code_of_a_record_has_an_error_or_is_done() -> None:
    for code, meaning in codes.RECORD_CODES.items():
        error = codes.record_error(code, "Field 'x' of jane@acme.example", ["x"])
        if meaning.kind is None:
            assert error is None
            continue
        assert isinstance(error, RecordError)
        assert (error.code, error.field) == (code, "x")
        assert "jane" not in str(error)


def test_only_a_field_that_was_sent_can_be_to_blame() -> None:
    error = codes.record_error("1006", "Field 'secret' not found", ["x"])
    assert error is not None
    assert error.field is None
    assert "secret" not in str(error)


@pytest.mark.parametrize(
    ("now", "hours"),
    [
        # 06:00 UTC is midnight in winter, 05:00 in summer.
        (datetime(2026, 1, 10, 5, tzinfo=UTC), 1.0),
        (datetime(2026, 1, 10, 6, tzinfo=UTC), 24.0),
        (datetime(2026, 7, 10, 4, tzinfo=UTC), 1.0),
        (datetime(2026, 7, 10, 5, tzinfo=UTC), 24.0),
        # The day on which clocks go forward has 23 hours, the other one 25.
        (datetime(2026, 3, 8, 6, tzinfo=UTC), 23.0),
        (datetime(2026, 11, 1, 5, tzinfo=UTC), 25.0),
        (datetime(2026, 1, 10, 7, tzinfo=timezone(timedelta(hours=2))), 1.0),
    ],
)
def test_the_quota_reopens_at_midnight_us_central(now: datetime, hours: float) -> None:
    assert codes.seconds_to_reset(now) == hours * 3600


def test_the_quota_reopens_without_a_time_zone_database_too(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def missing(name: str) -> None:
        raise ZoneInfoNotFoundError(name)

    monkeypatch.setattr(codes, "ZoneInfo", missing)
    assert codes.seconds_to_reset(datetime(2026, 1, 10, 5, tzinfo=UTC)) == 3600


def test_a_spent_quota_waits_for_midnight(marketo: Marketo, requests_mock: Any) -> None:
    body = {"success": False, "errors": [{"code": "607", "message": "Daily quota"}]}
    requests_mock.post(LEADS, json=body)
    with pytest.raises(QuotaSpent) as caught:
        marketo.send(updates(1, a=1))
    assert caught.value.retry_after is not None
    assert 0 < caught.value.retry_after <= 25 * 3600


# Calls.


def test_a_full_batch_goes_in_one_call(marketo: Marketo, requests_mock: Any) -> None:
    def done(request: Any, context: Any) -> dict[str, Any]:
        rows = request.json()["input"]
        result = [{"id": row["id"], "status": "updated"} for row in rows]
        return {"success": True, "result": result}

    requests_mock.post(LEADS, json=done)
    results = marketo.send(updates(300, a=1))
    assert [r.record_id for r in results] == [str(n) for n in range(1, 301)]
    assert not any(r.error for r in results)
    assert requests_mock.call_count == 2


@pytest.mark.parametrize(
    "batch",
    [updates(301, a=1), updates(300, note="x" * 4000), updates(2, n="ë" * 300_000)],
)
def test_a_batch_that_is_too_big_asks_to_be_split(
    marketo: Marketo, requests_mock: Any, batch: list[Update]
) -> None:
    with pytest.raises(RequestRefused) as caught:
        marketo.send(batch)
    assert caught.value.status == 413
    assert not requests_mock.called


def test_types_go_out_as_they_are(marketo: Marketo, requests_mock: Any) -> None:
    result = {"success": True, "result": [{"id": 1, "status": "updated"}]}
    requests_mock.post(LEADS, json=result)
    values = {
        "text": "41",
        "whole": 41,
        "flag": False,
        "none": None,
        "part": 12.5,
        "money": Decimal("1234.57"),
        "round": Decimal("12.00"),
        "day": date(2026, 11, 2),
        "moment": datetime(2026, 11, 2, 10, 15, tzinfo=timezone(timedelta(hours=1))),
        "odd": "\ud800Zoë",
    }
    marketo.send([Update("lead", "id", "1", values)])
    sent = requests_mock.last_request
    assert sent.headers["Content-Type"] == "application/json"
    assert sent.headers["Authorization"] == "Bearer t"
    assert sent.json()["input"] == [
        {
            **values,
            "money": 1234.57,
            "round": 12,
            "day": "2026-11-02",
            "moment": "2026-11-02T09:15:00Z",
            "odd": "?Zoë",
            "id": 1,
        }
    ]


def test_the_client_secret_is_in_no_address(
    marketo: Marketo, requests_mock: Any
) -> None:
    requests_mock.post(LEADS, json={"success": True, "result": []})
    marketo.read("lead", "id", ["1"], ["email"])
    assert not any("hidden" in one.url for one in requests_mock.request_history)
    assert "client_secret=hidden" in requests_mock.request_history[0].text


@pytest.mark.parametrize(
    "issued",
    [{}, [], {"access_token": ""}, {"access_token": 1}, {"access_token": "a\nb"}],
)
def test_an_identity_without_a_token_is_unexpected(
    marketo: Marketo, requests_mock: Any, issued: Any
) -> None:
    requests_mock.post(f"{URL}/identity/oauth/token", json=issued)
    with pytest.raises(RemoteError) as caught:
        marketo.send(updates(1, a=1))
    assert type(caught.value).__name__ == "AnswerUnexpected"


def test_pages_without_end_are_not_followed(
    marketo: Marketo, requests_mock: Any
) -> None:
    page = {"success": True, "result": [{"id": 1}], "nextPageToken": "x"}
    requests_mock.post(LEADS, json=page)
    with pytest.raises(RemoteError, match="pages"):
        marketo.read("lead", "id", ["1"], ["email"])


def test_a_key_with_a_comma_is_not_asked(marketo: Marketo, requests_mock: Any) -> None:
    (record,) = marketo.read("lead", "sxKey", ["a,b"], ["email"])
    assert (record.record_id, record.values) == ("a,b", None)
    assert not requests_mock.called


def test_an_empty_key_is_refused_alone(marketo: Marketo, requests_mock: Any) -> None:
    result = {"success": True, "result": [{"id": 1, "status": "updated"}]}
    requests_mock.post(LEADS, json=result)
    batch = [Update("lead", "email", " ", {"a": 1}), Update("lead", "email", "x", {})]
    refused, taken = marketo.send(batch)
    assert isinstance(refused.error, RecordRefused)
    assert taken.error is None


def test_only_people_are_written(marketo: Marketo) -> None:
    for run in (
        lambda: marketo.read("company", "id", ["1"], []),
        lambda: marketo.send([Update("company", "id", "1", {})]),
        lambda: marketo.fields("company"),
    ):
        with pytest.raises(NotOffered, match="company"):
            run()


# Replies.


def test_the_reply_tells_what_became_of_the_events(marketo: Marketo) -> None:
    shown = [
        json.loads(marketo.reply(*n).body)["status"] for n in ((1, 1, 1), (0, 1, 1))
    ]
    assert shown == ["accepted", "repeated"]
    assert json.loads(marketo.reply(0, 0, 1).body)["status"] == "unwanted"


def test_a_reply_with_values_has_flat_keys_only(marketo: Marketo) -> None:
    answered = {"a": 0, "b": False, "c": "x", "d": None, "e": "", "f": [1], "g": 1.5}
    reply = marketo.reply_values(answered, "matched")
    assert json.loads(reply.body) == {
        "status": "matched",
        "a": 0,
        "b": False,
        "c": "x",
        "g": 1.5,
    }


def test_a_refused_body_is_told_why(marketo: Marketo) -> None:
    reply = marketo.refused(PayloadInvalid("The body is empty."))
    assert reply.status == 400
    assert json.loads(reply.body)["message"] == "The body is empty."


def test_what_a_template_says_of_its_campaign_is_not_asked_of_a_person(
    marketo: Marketo, requests_mock: Any
) -> None:
    row = {"id": 7, "email": "jo@tubes.example"}
    requests_mock.post(LEADS, json={"success": True, "result": [row]})
    (found,) = marketo.read("lead", "id", ["7"], ["email", "campaignId", "munchkinId"])
    assert found.values == {
        "email": "jo@tubes.example",
        "campaignId": None,
        "munchkinId": None,
    }
    assert "campaign" not in requests_mock.last_request.text
