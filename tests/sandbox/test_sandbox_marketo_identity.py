"""Marketo's token and who may call."""

from __future__ import annotations

from typing import Any

import pytest

LEADS = "/rest/v1/leads.json"
QUERY = {"filterType": "id", "filterValues": "318581"}


def _code(answer: Any) -> str:
    body = answer.json()
    assert answer.status_code == 200
    assert list(body) == ["requestId", "success", "errors"]
    assert body["success"] is False
    return body["errors"][0]["code"]


@pytest.mark.parametrize("verb", ["GET", "POST"])
def test_the_same_token_comes_with_its_remaining_life(
    control: Any, marketo: Any, verb: str
) -> None:
    first = marketo.identity(verb)
    assert first.json()["expires_in"] == 3599
    assert list(first.json()) == ["access_token", "token_type", "expires_in", "scope"]
    assert first.json()["token_type"] == "bearer"
    assert first.headers["Content-Type"] == "application/json;charset=UTF-8"
    assert first.headers["Cache-Control"] == "no-store"
    assert first.headers["Pragma"] == "no-cache"
    control.config(clock={"advance_s": 600})
    second = marketo.identity(verb).json()
    assert second["access_token"] == first.json()["access_token"]
    assert 2997 <= second["expires_in"] <= 2999


@pytest.mark.parametrize(
    ("values", "status", "body"),
    [
        ({"client_secret": "x"}, 401,
         {"error": "invalid_client", "error_description": "Bad client credentials"}),
        ({"client_id": "x"}, 401,
         {"error": "unauthorized",
          "error_description": "No client with requested id: x"}),
        ({"grant_type": "password"}, 400,
         {"error": "unsupported_grant_type",
          "error_description": "Unsupported grant type: password"}),
    ],
)  # fmt: skip
def test_bad_credentials_are_401_without_an_envelope(
    marketo: Any, values: Any, status: int, body: Any
) -> None:
    answer = marketo.identity(**values)
    assert (answer.status_code, answer.json()) == (status, body)


def test_identity_calls_do_not_count(control: Any, marketo: Any) -> None:
    marketo.identity()
    assert control.state()["marketo"]["calls_by_day"] == {}


def test_missing_unknown_and_expired_tokens_are_600_601_602(
    control: Any, marketo: Any
) -> None:
    url = control.url + LEADS
    assert _code(control.session.get(url, params=QUERY)) == "600"
    assert _code(marketo.call("GET", LEADS, token="nobody", params=QUERY)) == "601"
    old = marketo.token()
    control.config(clock={"advance_s": 3601})
    assert _code(marketo.call("GET", LEADS, params=QUERY)) == "602"
    assert marketo.identity().json()["access_token"] != old
    assert _code(marketo.call("GET", LEADS, params=QUERY)) == "602"


def test_a_short_life_can_reach_zero_seconds(control: Any, marketo: Any) -> None:
    control.config(marketo={"token_lifetime_s": 0.9})
    assert marketo.identity().json()["expires_in"] == 0


def test_the_token_parameter_is_refused_unless_switched(
    control: Any, marketo: Any
) -> None:
    query = {**QUERY, "access_token": marketo.token()}
    url = control.url + LEADS
    assert _code(control.session.get(url, params=query)) == "600"
    control.config(marketo={"legacy_token_parameter": True})
    assert control.session.get(url, params=query).json()["success"]


def test_credentials_are_a_setting(control: Any, marketo: Any) -> None:
    control.config(marketo={"client_id": "eu", "client_secret": "other"})
    assert marketo.identity().status_code == 401
    assert marketo.identity(client_id="eu", client_secret="other").ok


def test_a_denied_operation_is_603(control: Any, marketo: Any) -> None:
    control.config(marketo={"denied": ["sync_leads"]})
    assert marketo.sync({"email": "a@acme.example"})["errors"][0]["code"] == "603"
    assert marketo.get("leads.json", **QUERY)["success"]
