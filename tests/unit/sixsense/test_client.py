"""Tokens, addresses and words of the 6sense client."""

from __future__ import annotations

from typing import Any

import pytest

from app.errors import ConfigurationError, CredentialsRefused, RequestRefused
from app.sixsense.client import SixsenseClient

FIRST, SECOND = "a" * 40, "b" * 40
FULL = "lead-scoring-and-firmographics"


def test_a_product_may_have_a_token_of_its_own(requests_mock: Any) -> None:
    client = SixsenseClient({"default": FIRST, "lead-scoring": SECOND})
    assert client.token_name("lead-scoring") == "lead-scoring"
    assert client.token_name(FULL) == "default"
    requests_mock.post("https://scribe.6sense.com/v2/people/score", json={"scores": []})
    client.call("lead-scoring", {"email": "jo@acme.example"})
    assert requests_mock.last_request.headers["Authorization"] == f"Token {SECOND}"


def test_two_names_of_one_token_share_its_limit() -> None:
    same = SixsenseClient({"default": FIRST, "lead-scoring": FIRST})
    assert same.token_limit_name("lead-scoring") == same.token_limit_name(FULL)
    two = SixsenseClient({"default": FIRST, "lead-scoring": SECOND})
    assert two.token_limit_name("lead-scoring") != two.token_limit_name(FULL)
    again = SixsenseClient({"default": FIRST})
    assert again.token_limit_name(FULL) == two.token_limit_name(FULL)
    assert FIRST not in again.token_limit_name(FULL)


def test_one_address_serves_all_products(requests_mock: Any) -> None:
    client = SixsenseClient({"default": FIRST}, url="http://127.0.0.1:8600")
    requests_mock.post("http://127.0.0.1:8600/v2/people/full", status_code=204)
    assert client.call(FULL, {"email": "jo@acme.example"}).status == 204


@pytest.mark.parametrize("token", ["", " ", "a b", "a\n", "tökén"])
def test_a_token_that_no_header_can_hold_is_refused(token: str) -> None:
    with pytest.raises(ConfigurationError) as caught:
        SixsenseClient({"lead-scoring": token})
    assert "lead-scoring" in str(caught.value.problems)
    assert not token.strip() or token not in str(caught.value.problems)


def test_no_token_at_all_is_a_setting_to_mend(requests_mock: Any) -> None:
    client = SixsenseClient({})
    for run in (
        lambda: client.call(FULL, {"email": "jo@acme.example"}),
        lambda: client.token_limit_name(FULL),
    ):
        with pytest.raises(ConfigurationError, match="no 6sense token"):
            run()
    assert not requests_mock.called


def test_plain_http_is_for_this_machine_only() -> None:
    with pytest.raises(ConfigurationError):
        SixsenseClient({"default": FIRST}, url="http://sixsense.example")
    SixsenseClient({"default": FIRST}, url="http://sandbox:8600", allow_http=True)


def test_a_client_shows_names_only() -> None:
    shown = repr(SixsenseClient({"default": FIRST, "lead-scoring": SECOND}))
    assert shown == "<SixsenseClient tokens: default, lead-scoring>"


def test_words_of_6sense_are_kept_without_what_we_sent(requests_mock: Any) -> None:
    url = "https://scribe.6sense.com/v2/people/full"
    message = "No rights for Roe of ACME%20Inc (acme inc), US, key abc"
    requests_mock.post(
        url, status_code=403, json={"status": "error", "message": message}
    )
    inputs = {
        "email": "jo@acme.example",
        "company": "Acme Inc",
        "country": "US",
        "lastname": "Roe",
    }
    with pytest.raises(CredentialsRefused) as caught:
        SixsenseClient({"default": "abcd"}).call(FULL, inputs)
    said = str(caught.value)
    assert said == "6sense answered 403: No rights for Roe of … (…), US, key abc"


def test_a_refusal_of_ours_names_no_value() -> None:
    with pytest.raises(RequestRefused) as caught:
        SixsenseClient({"default": FIRST}).call(FULL, {"email": "jane acme"})
    assert str(caught.value) == f"{FULL} was not asked: email is not an e-mail address"
