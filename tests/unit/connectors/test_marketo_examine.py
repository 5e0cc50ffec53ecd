"""Marketo's own checks for the doctor."""

from __future__ import annotations

from typing import Any

import pytest

from app.connectors.base import Examined
from app.connectors.marketo import Marketo
from app.errors import AnswerUnexpected, CredentialsRefused

URL = "https://marketo.invalid"
NOT_FOUND = {"code": "1004", "message": "Lead not found"}


@pytest.fixture
def marketo(requests_mock: Any) -> Marketo:
    requests_mock.post(
        f"{URL}/identity/oauth/token", json={"access_token": "t", "expires_in": 3599}
    )
    given = {"URL": URL, "CLIENT_ID": "id", "CLIENT_SECRET": "hidden"}
    return Marketo("marketo", given, now=lambda: 0.0, sleep=lambda _: None)


def ask(marketo: Marketo, name: str) -> Examined:
    (found,) = (one for one in marketo.examine("lead") if one.name == name)
    return found.ask()


def test_writing_is_tried_on_nobody(marketo: Marketo, requests_mock: Any) -> None:
    row = {"status": "skipped", "reasons": [NOT_FOUND]}
    mock = requests_mock.post(
        f"{URL}/rest/v1/leads.json", json={"success": True, "result": [row]}
    )
    assert not ask(marketo, "writing").advice
    sent = mock.last_request.json()
    assert (sent["action"], sent["lookupField"]) == ("updateOnly", "id")
    assert sent["input"] == [{"id": 2147483647}]
    requests_mock.post(
        f"{URL}/rest/v1/leads.json",
        json={"success": True, "result": [{"status": "updated", "id": 2147483647}]},
    )
    assert ask(marketo, "writing").advice
    refused = {"success": False, "errors": [{"code": "603", "message": "denied"}]}
    requests_mock.post(f"{URL}/rest/v1/leads.json", json=refused)
    with pytest.raises(CredentialsRefused):
        ask(marketo, "writing")


@pytest.mark.parametrize(("total", "is_much"), [(39_999, False), (40_000, True)])
def test_the_account_s_calls_are_close_to_the_usual_limit(
    marketo: Marketo, requests_mock: Any, total: int, is_much: bool
) -> None:
    usage = f"{URL}/rest/v1/stats/usage.json"
    row: dict[str, Any] = {"date": "2026-01-01", "total": total}
    answer = {"success": True, "result": [row]}
    requests_mock.get(usage, json=answer)
    found = ask(marketo, "everybody's calls")
    assert f"{total:,}" in found.said
    assert bool(found.advice) == is_much
    row["total"] = "many"
    requests_mock.get(usage, json=answer)
    with pytest.raises(AnswerUnexpected):
        ask(marketo, "everybody's calls")
