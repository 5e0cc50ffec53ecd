"""HubSpot's tokens that end, and whose calls they let through."""

from __future__ import annotations

from typing import Any

import pytest

from tests.sandbox.hubspot_calls import JANE, TOKEN, HubSpot

CODE = {"grant_type": "authorization_code", "code": "sandbox-hubspot-code"}


def is_taken(hubspot: HubSpot, token: str) -> int:
    path = f"/crm/v3/objects/contacts/{JANE}"
    return hubspot.call("GET", path, token=token).status_code


@pytest.mark.parametrize(
    "form",
    [{"grant_type": "refresh_token"}, CODE, {"grant_type": "client_credentials"}],
)
def test_a_token_is_taken_until_it_ends(
    hubspot: HubSpot, control: Any, form: dict[str, str]
) -> None:
    answer = hubspot.token(**form)
    assert answer.status_code == 200
    body = answer.json()
    assert (body["expires_in"], body["token_type"]) == (1800, "bearer")
    assert body["hub_id"] == 48210077
    # Nobody stands behind the credentials of a client.
    has_refresh = form["grant_type"] != "client_credentials"
    assert ("refresh_token" in body) is has_refresh
    token = body["access_token"]
    assert is_taken(hubspot, token) == 200
    control.config(clock={"advance_s": 1700})
    assert is_taken(hubspot, token) == 200
    control.config(clock={"advance_s": 221})
    late = hubspot.call("GET", f"/crm/v3/objects/contacts/{JANE}", token=token)
    assert late.status_code == 401
    assert late.json()["category"] == "EXPIRED_AUTHENTICATION"
    assert late.json()["message"].endswith("expired 2 minute(s) ago.")
    assert is_taken(hubspot, TOKEN) == 200


def test_a_new_token_does_not_end_the_former(hubspot: HubSpot) -> None:
    tokens = {hubspot.token().json()["access_token"] for _ in range(2)}
    assert [is_taken(hubspot, one) for one in tokens] == [200, 200]


def test_a_code_is_good_once(hubspot: HubSpot) -> None:
    assert hubspot.token(**CODE).status_code == 200
    again = hubspot.token(**CODE)
    assert (again.status_code, again.json()["status"]) == (400, "BAD_AUTH_CODE")


@pytest.mark.parametrize(
    ("form", "status"),
    [
        ({"client_id": "x"}, "BAD_CLIENT_ID"),
        ({"client_secret": "x"}, "BAD_CLIENT_SECRET"),
        ({"refresh_token": "x"}, "BAD_REFRESH_TOKEN"),
        ({"grant_type": "password"}, "BAD_GRANT_TYPE"),
        ({**CODE, "code": "x"}, "BAD_AUTH_CODE"),
    ],
)
def test_what_is_wrong_with_the_form_is_said(
    hubspot: HubSpot, form: dict[str, str], status: str
) -> None:
    answer = hubspot.token(**form)
    assert (answer.status_code, answer.json()["status"]) == (400, status)


@pytest.mark.parametrize("version", ["v1", "2026-09"])
def test_it_has_other_paths(hubspot: HubSpot, version: str) -> None:
    url = f"{hubspot.url}/oauth/{version}/token"
    answer = hubspot.session.post(url, data={"client_id": "x"}, timeout=10)
    assert answer.json()["status"] == "BAD_CLIENT_ID"


def test_secrets_stay_out_of_the_journal_and_the_options(
    hubspot: HubSpot, control: Any
) -> None:
    token = hubspot.token().json()["access_token"]
    is_taken(hubspot, token)
    for secret in ("sandbox-hubspot-secret", "sandbox-hubspot-refresh", token):
        assert secret not in str(control.state())
    shown = control.send("GET", "/config")["hubspot"]
    for name in (
        "access_token", "client_secret", "refresh_token", "authorization_code",
        "developer_key",
    ):  # fmt: skip
        assert shown[name] == "…"


def test_a_token_can_be_ended_by_a_fault(hubspot: HubSpot, control: Any) -> None:
    token = hubspot.token().json()["access_token"]
    control.fault(system="hubspot", kind="expired_token")
    assert [is_taken(hubspot, token) for _ in range(2)] == [401, 401]
    assert is_taken(hubspot, hubspot.token().json()["access_token"]) == 200
    # The account's own does not end.
    control.fault(system="hubspot", kind="expired_token")
    assert [is_taken(hubspot, TOKEN) for _ in range(2)] == [401, 200]


def test_the_token_call_fails_when_a_fault_names_it(
    hubspot: HubSpot, control: Any
) -> None:
    control.fault(system="hubspot", kind="status", status=503)
    assert hubspot.token().status_code == 200
    control.fault(system="hubspot", kind="status", status=503, operation="token")
    assert hubspot.token().status_code == 503
