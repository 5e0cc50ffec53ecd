"""Marketo's codes, row by row as its contract has them: a missing row fails.

Source: Adobe, "Error Codes", with what public clients do (docs/connectors/marketo.md).
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import parse_qs

import pytest

from app import errors
from app.connectors.marketo import Marketo, codes
from app.domain import Update
from app.errors import Disposition

URL = "https://marketo.invalid"
LEADS = f"{URL}/rest/v1/leads.json"
LOGIN = f"{URL}/identity/oauth/token"
RETRY, FAIL, HOLD = Disposition.RETRY, Disposition.FAIL, Disposition.HOLD


@dataclass(frozen=True)
class Row:
    """One row of the contract: what it says, and what we make of it."""

    code: str
    meaning: str
    says: str  #: the contract's handling
    kind: type[errors.AppError] | None  #: None: it is as we want it
    disposition: Disposition | None
    wait_s: float | None = None
    is_dropped: bool = False  #: the field is left out, the rest is sent
    once: bool = False


FAULT, REFUSED = errors.RemoteFault, errors.RequestRefused
NO_RIGHT, LIMITED = errors.CredentialsRefused, errors.RateLimited

#: HTTP 200, `success` false: nothing was executed.
RESPONSE = [
    Row("500", "internal error", "backoff", FAULT, RETRY),
    Row("502", "bad gateway", "backoff; write again", FAULT, RETRY),
    Row("600", "empty access token", "send header, once", NO_RIGHT, HOLD),
    Row("601", "token invalid", "new token, repeat once", NO_RIGHT, HOLD),
    Row("602", "token expired", "new token, repeat once", NO_RIGHT, HOLD),
    Row("603", "access denied", "alert, pause tenant", NO_RIGHT, HOLD),
    Row("604", "time-out", "backoff, halve the batch", errors.TookTooLong, RETRY),
    Row("605", "method not supported", "bug", REFUSED, FAIL),
    Row("606", "rate limit", "wait up to 20 s", LIMITED, RETRY, 20.0),
    # The wait is the rest of the day: see below.
    Row("607", "daily quota", "after 00:00 Central", errors.QuotaSpent, HOLD, -1),
    Row("608", "unavailable", "backoff", FAULT, RETRY),
    Row("609", "invalid JSON", "bug", REFUSED, FAIL),
    Row("610", "not found", "bug or config", REFUSED, FAIL),
    Row("611", "system error", "backoff", FAULT, RETRY),
    Row("612", "content type", "bug", REFUSED, FAIL),
    Row("613", "multipart", "bug", REFUSED, FAIL),
    Row("614", "subscription not reachable", "backoff, slow", FAULT, RETRY),
    Row("615", "concurrency", "short backoff", LIMITED, RETRY, 2.0),
    Row("616", "wrong subscription type", "no", NO_RIGHT, HOLD),
    Row("701", "required value blank", "fix request", REFUSED, FAIL),
    Row("702", "no data found", "treat as empty", REFUSED, FAIL),
    Row("703", "feature not enabled", "no", NO_RIGHT, HOLD),
    Row("704", "date format", "fix", REFUSED, FAIL),
    Row("709", "business rule", "no", REFUSED, FAIL),
    Row("710", "parent folder", "no", REFUSED, FAIL),
    Row("711", "folder type", "no", REFUSED, FAIL),
    Row("712", "merge person account", "no", REFUSED, FAIL),
    Row("713", "transient", "backoff", FAULT, RETRY),
    Row("714", "default record type", "no", REFUSED, FAIL),
    Row("718", "ExternalSalesPersonID", "no", REFUSED, FAIL),
    Row("719", "lock wait", "backoff", FAULT, RETRY),
    Row("1003", "too many results, invalid fields", "no", REFUSED, FAIL),
    Row("1006", "lookup field", "no", REFUSED, FAIL),
    Row("1011", "field not supported for filter", "config", REFUSED, FAIL),
    Row("1016", "too many imports", "wait", LIMITED, RETRY, 60.0),
    Row("1019", "import in progress", "wait", LIMITED, RETRY, 60.0),
    Row("1029", "too many jobs", "yes", LIMITED, RETRY, 60.0),
    Row("1035", "extract filter", "fall back", REFUSED, FAIL),
]

NO, LATER = errors.RecordRefused, errors.RecordRetriable
GONE = errors.RecordMissing

#: `success` true, `result[i].status` skipped.
RECORD = [
    Row("604", "time-out", "backoff", LATER, RETRY),
    Row("608", "unavailable", "backoff", LATER, RETRY),
    Row("611", "system error", "backoff", LATER, RETRY),
    Row("713", "transient", "backoff", LATER, RETRY),
    Row("719", "lock wait", "backoff", LATER, RETRY),
    Row("1001", "required of type", "dead-letter with field", NO, FAIL,
        is_dropped=True),
    Row("1002", "parameter missing", "fix", NO, FAIL),
    Row("1003", "invalid data", "drop that field, resend once", NO, FAIL,
        is_dropped=True),
    Row("1004", "lead not found", "once after delay; by email", GONE, FAIL),
    Row("1005", "already exists", "switch to update", NO, FAIL),
    Row("1006", "field not found", "resend without it", NO, FAIL, is_dropped=True),
    Row("1007", "several match", "policy", NO, FAIL),
    Row("1008", "partition access", "config alert", NO, FAIL),
    Row("1009", "partition name", "config alert", NO, FAIL),
    Row("1010", "partition update", "config alert", NO, FAIL),
    Row("1011", "lookup field", "config", NO, FAIL),
    Row("1012", "invalid cookie", "no", NO, FAIL),
    Row("1013", "object not found", "no", GONE, FAIL),
    Row("1014", "failed to create", "one retry", LATER, RETRY, once=True),
    Row("1015", "not in list", "treat as done", None, None),
    Row("1016", "too many imports", "wait", LATER, RETRY),
    Row("1017", "already exists", "no", NO, FAIL),
    Row("1018", "CRM enabled", "use person fields", NO, FAIL, is_dropped=True),
    Row("1019", "import in progress", "wait", LATER, RETRY),
    Row("1020", "program clones", "next day", LATER, RETRY),
    Row("1021", "company update", "drop company fields", NO, FAIL, is_dropped=True),
    Row("1022", "object in use", "maybe", LATER, RETRY),
    Row("1025", "program status", "no", NO, FAIL),
    Row("1026", "custom object limit", "no", NO, FAIL),
    Row("1027", "activity type limit", "no", NO, FAIL),
    Row("1028", "field limit", "no", NO, FAIL),
    Row("1029", "too many jobs", "yes", LATER, RETRY),
    Row("1035", "extract filter", "no", NO, FAIL),
    # A batch of ours has one run of a record; alone, the second one goes through.
    Row("1036", "duplicate in input", "deduplicate batch", LATER, RETRY),
    Row("1037", "in or past status", "treat as done", None, None),
    Row("1042", "runAt date", "no", NO, FAIL),
    Row("1048", "discard draft", "no", NO, FAIL),
    Row("1049", "attributes > 65,536 bytes", "no", NO, FAIL),
    Row("1076", "merge", "no", NO, FAIL),
    Row("1077", "field length", "no", NO, FAIL, is_dropped=True),
    Row("1078", "merge", "no", NO, FAIL),
    Row("1079", "merge", "no", NO, FAIL),
    Row("1080", "more than 25 ids", "no", NO, FAIL),
]  # fmt: skip

#: Words of the wire, where a field's name is in them.
WIRE = {
    "1001": "Invalid value for field 'industry'. Required of type 'integer'",
    "1003": "Invalid value for field 'industry' and value 'x'",
    "1006": "Field 'industry' not found",
    "1018": "CRM enabled",
    "1021": "Company update not allowed",
    "1077": "Value for field 'industry' exceeds max length",
}


def code_of(row: Row) -> str:
    return row.code


@pytest.fixture
def marketo(requests_mock: Any) -> Marketo:
    requests_mock.post(LOGIN, json={"access_token": "t", "expires_in": 3599})
    given = {"URL": URL, "CLIENT_ID": "i", "CLIENT_SECRET": "s", "WEBHOOK_SECRET": "x"}
    return Marketo("marketo", given, now=lambda: 0.0, sleep=lambda _: None)


def update(**values: Any) -> list[Update]:
    return [Update("lead", "id", "1", values)]


def failed(code: str, message: str = "words") -> dict[str, Any]:
    error = {"code": code, "message": message}
    return {"requestId": "a#1", "success": False, "errors": [error]}


def test_the_tables_have_the_contracts_rows_and_no_others() -> None:
    assert set(codes.RESPONSE_CODES) == {row.code for row in RESPONSE}
    assert set(codes.RECORD_CODES) == {row.code for row in RECORD}


@pytest.mark.parametrize("row", RESPONSE, ids=code_of)
def test_a_code_of_a_call_is_handled_as_stated(
    marketo: Marketo, requests_mock: Any, row: Row
) -> None:
    requests_mock.post(LEADS, json=failed(row.code))
    with pytest.raises(errors.RemoteError) as caught:
        marketo.send(update(a=1))
    error = caught.value
    assert type(error) is row.kind
    assert error.disposition is row.disposition
    assert error.code == row.code
    if row.wait_s == -1:
        assert error.retry_after is not None
        end = datetime.now(UTC) + timedelta(seconds=error.retry_after)
        assert (end.hour, end.minute) in ((5, 0), (6, 0))
    else:
        assert error.retry_after == row.wait_s
    # A token at fault: a new one, and the call once more.
    is_token = row.code in ("600", "601", "602")
    calls = [one.url for one in requests_mock.request_history]
    assert calls.count(LEADS) == (2 if is_token else 1)
    assert calls.count(LOGIN) == (2 if is_token else 1)


@pytest.mark.parametrize("row", RECORD, ids=code_of)
def test_a_code_of_a_record_is_handled_as_stated(
    marketo: Marketo, requests_mock: Any, row: Row
) -> None:
    reason = {"code": row.code, "message": WIRE.get(row.code, "words")}
    skipped = {"status": "skipped", "reasons": [reason]}
    requests_mock.post(LEADS, json={"success": True, "result": [skipped]})
    (result,) = marketo.send(update(industry="x", city="y"))
    error = result.error
    if row.kind is None:
        assert error is None
        return
    assert error is not None
    assert type(error) is row.kind
    assert error.disposition is row.disposition
    assert error.field == ("industry" if row.is_dropped else None)
    assert error.once is row.once
    # It quotes values, so none of Marketo's words is kept.
    assert "words" not in str(error)


@pytest.mark.parametrize(
    ("status", "kind", "disposition"),
    [
        (401, NO_RIGHT, HOLD),
        (413, REFUSED, FAIL),
        (414, REFUSED, FAIL),
        (500, FAULT, RETRY),
        (502, FAULT, RETRY),
        (503, FAULT, RETRY),
    ],
)
def test_an_http_status_is_handled_as_stated(
    marketo: Marketo, requests_mock: Any, status: int, kind: Any, disposition: Any
) -> None:
    requests_mock.post(LEADS, status_code=status, text="<html></html>")
    with pytest.raises(errors.RemoteError) as caught:
        marketo.send(update(a=1))
    assert (type(caught.value), caught.value.status) == (kind, status)
    assert caught.value.disposition is disposition


def test_identity_says_401_and_the_tenant_stops(
    marketo: Marketo, requests_mock: Any
) -> None:
    requests_mock.post(LOGIN, status_code=401, json={"error": "invalid_client"})
    with pytest.raises(errors.CredentialsRefused) as caught:
        marketo.send(update(a=1))
    assert (caught.value.disposition, caught.value.code) == (HOLD, "invalid_client")


def test_no_data_found_is_no_people(marketo: Marketo, requests_mock: Any) -> None:
    requests_mock.post(LEADS, json=failed("702"))
    (record,) = marketo.read("lead", "id", ["1"], ["city"])
    assert record.values is None


@pytest.mark.parametrize(
    ("message", "kind", "is_long"),
    [
        ("Too many jobs in queue", LIMITED, False),
        ("Export daily quota exceeded", errors.QuotaSpent, True),
        ("Job already queued", REFUSED, False),
    ],
)
def test_the_three_meanings_of_1029_are_told_apart(
    marketo: Marketo, requests_mock: Any, message: str, kind: Any, *, is_long: bool
) -> None:
    requests_mock.post(LEADS, json=failed("1029", message))
    with pytest.raises(errors.RemoteError) as caught:
        marketo.send(update(a=1))
    assert type(caught.value) is kind
    assert ((caught.value.retry_after or 0) > 60) is is_long


@pytest.mark.parametrize(("code", "kind"), [("1004", REFUSED), ("1014", FAULT)])
def test_a_records_code_told_of_a_whole_call_keeps_its_meaning(
    marketo: Marketo, requests_mock: Any, code: str, kind: Any
) -> None:
    requests_mock.post(LEADS, json=failed(code))
    with pytest.raises(errors.RemoteError, match=codes.RECORD_CODES[code].said) as told:
        marketo.send(update(a=1))
    assert type(told.value) is kind


def test_a_question_too_long_for_an_address_goes_as_a_form(
    marketo: Marketo, requests_mock: Any
) -> None:
    changes = f"{URL}/rest/v1/activities/leadchanges.json"
    page = {"success": True, "nextPageToken": "t2", "moreResult": False, "result": []}
    requests_mock.get(changes, json=page)
    requests_mock.post(changes, json=page)
    since, events = datetime(2026, 1, 1, tzinfo=UTC), {"lead": ["updated"]}
    marketo.changed_since("t1", since, events, ["city"])
    assert requests_mock.last_request.method == "GET"
    names = [f"aFieldOfACustomer{n}" for n in range(400)]
    marketo.changed_since("t1", since, events, names)
    asked = requests_mock.last_request
    assert (asked.method, asked.qs) == ("POST", {"_method": ["get"]})
    assert parse_qs(asked.text)["fields"] == [",".join(names)]
    assert len(asked.url) < 8_000
