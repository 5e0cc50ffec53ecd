"""Tokens, addresses and words of the 6sense client."""

from __future__ import annotations

from typing import Any

import pytest

from app import runtime
from app.errors import ConfigurationError, CredentialsRefused, RequestRefused
from app.settings import Settings
from app.sixsense import PRODUCTS
from app.sixsense.client import HOSTS, Partner, SixsenseClient

FIRST, SECOND = "a" * 40, "b" * 40
FULL = "lead-scoring-and-firmographics"
DETAILS = "https://epsilon.6sense.com/v3/company/details"


def test_a_product_may_have_a_token_of_its_own(requests_mock: Any) -> None:
    client = SixsenseClient({"default": FIRST, "lead-scoring": SECOND})
    assert client.token_name("lead-scoring") == "lead-scoring"
    assert client.token_name(FULL) == "default"
    requests_mock.post("https://scribe.6sense.com/v2/people/score", json={"scores": []})
    client.call("lead-scoring", {"email": "jo@acme.example"})
    assert requests_mock.last_request.headers["Authorization"] == f"Token {SECOND}"


def test_a_token_of_people_enrichment_opens_the_search_and_its_dictionary() -> None:
    client = SixsenseClient({"default": FIRST, "people-enrichment": SECOND})
    for product in ("people-search", "people-search-dictionary"):
        assert client.token_name(product) == "people-enrichment"
    own = SixsenseClient({"people-enrichment": FIRST, "people-search": SECOND})
    assert own.token_name("people-search-dictionary") == "people-search"
    assert own.token_name("lead-scoring") == "default"


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


def test_three_public_hosts_serve_the_products() -> None:
    hosts = {name: product.host for name, product in PRODUCTS.items()}
    assert [n for n, h in hosts.items() if h == "epsilon"] == ["company-identification"]
    assert {n for n, h in hosts.items() if h == "scribe"} == {
        FULL,
        "lead-scoring",
        "company-firmographics-v2",
    }
    assert set(hosts.values()) == set(HOSTS)
    assert set(HOSTS.values()) == {
        f"https://{host}.6sense.com" for host in ("scribe", "api", "epsilon")
    }


@pytest.mark.parametrize(
    ("partner", "header"),
    [
        (None, None),
        (Partner("bridge"), f"bridge-{FIRST}"),
        (Partner("bridge", "acme-inc"), f"bridge-acme-inc-{FIRST}"),
    ],
)
def test_a_partner_says_on_whose_behalf_it_asks(
    requests_mock: Any, partner: Partner | None, header: str | None
) -> None:
    requests_mock.get(DETAILS, json={})
    requests_mock.post("https://scribe.6sense.com/v2/people/score", json={})
    client = SixsenseClient({"default": FIRST}, partner=partner)
    client.call("company-identification", {"ip": "192.0.2.7"})
    assert requests_mock.last_request.headers.get("X-6s-CustomID") == header
    assert requests_mock.last_request.headers["Authorization"] == f"Token {FIRST}"
    client.call("lead-scoring", {"email": "jo@acme.example"})
    assert "X-6s-CustomID" not in requests_mock.last_request.headers


def test_a_partners_names_come_from_settings(requests_mock: Any) -> None:
    requests_mock.get(DETAILS, json={})
    environ = {
        "SIXSENSE_TOKEN": FIRST,
        "SIXSENSE_PARTNER": "bridge",
        "SIXSENSE_PARTNER_CUSTOMER": "acme",
    }
    client = runtime.sixsense_of(Settings.load(environ))
    client.call("company-identification", {"ip": "192.0.2.7"})
    assert requests_mock.last_request.headers["X-6s-CustomID"] == (
        f"bridge-acme-{FIRST}"
    )


@pytest.mark.parametrize("product", PRODUCTS)
def test_a_token_never_shows(requests_mock: Any, product: str) -> None:
    spec = PRODUCTS[product]
    said = f"token {FIRST} of bridge-{FIRST}"
    url = HOSTS[spec.host] + spec.path
    for method in ("GET", "POST"):
        requests_mock.register_uri(method, url, status_code=401, text=said)
    client = SixsenseClient({"default": FIRST}, partner=Partner("bridge"))
    email = "email" in spec.info.inputs
    ip, domain = {"ip": "192.0.2.7"}, {"domain": "acme.example"}
    inputs = {"email": "jo@acme.example"} if email else domain
    inputs = ip if spec.info.required == (("ip",),) else inputs
    with pytest.raises(CredentialsRefused) as caught:
        client.call(product, inputs)
    url = requests_mock.last_request.url
    shown = (str(caught.value), repr(caught.value), repr(client), url)
    assert not any(FIRST in text for text in shown)


def test_a_token_of_another_form_is_told_by_its_name() -> None:
    client = SixsenseClient({"default": FIRST, "lead-scoring": "abc"})
    assert client.odd_tokens == ["lead-scoring"]


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


@pytest.mark.parametrize(
    ("product", "source", "name"),
    [
        ("lead-scoring", "marketo", "lead-scoring"),
        ("lead-scoring", "marketo-eu", "marketo-eu"),
        ("people-enrichment", "marketo-eu", "marketo-eu-people-enrichment"),
        ("people-enrichment", "marketo", "default"),
        ("lead-scoring", "", "lead-scoring"),
    ],
)
def test_the_most_particular_token_is_the_one(
    product: str, source: str, name: str
) -> None:
    names = ["default", "lead-scoring", "marketo-eu", "marketo-eu-people-enrichment"]
    client = SixsenseClient({each: each * 3 for each in names})
    assert client.token_name(product, source) == name
    assert client.token_limit_name(product, source) == client.limit_name(name)
