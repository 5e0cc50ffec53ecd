"""The other six operations of 6sense, against its OpenAPI document."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import requests
from hypothesis import given, settings
from hypothesis import strategies as st

from sandbox import contacts, people, visitors
from sandbox.server import Sandbox

SAMPLES = Path(__file__).parents[1] / "contract" / "sixsense" / "samples"
VISIT, COMPANY = "/v3/company/details", "/v1/enrichment/company"
COMPANY_V2, PERSON = "/v2/people/enrichment", "/v1/enrichment/people"
SEARCH, WORDS = "/v1/search/people", "/v1/dictionary/peopleSearch"
TOKEN, DAY = "a1" * 20, 86_400
ACME, PROVIDER, NOBODY = "192.0.2.7", "198.18.0.1", "10.0.0.1"


def visit(sixsense: Any, ip: str, **headers: str) -> Any:
    return sixsense.call("GET", VISIT, headers={"X-Forwarded-For": ip, **headers})


def credits_of(control: Any) -> tuple[int, int]:
    """Used of Enrichment, and of Company Identification."""
    (token,) = control.state()["sixsense"]["tokens"].values()
    return token["credits_used"], token["identification_credits_used"]


def sample(name: str) -> Any:
    return json.loads((SAMPLES / f"{name}.json").read_text("utf-8"))


# Company Identification.


@pytest.mark.parametrize(
    ("ip", "match", "domain"),
    [
        (ACME, "Match", "acme.example"),
        ("203.0.113.9, 10.1.2.3", "Match", "initech.example"),
        (PROVIDER, "Non-actionable Match", None),
        (NOBODY, "No Match", None),
        ("2001:db8::1", None, None),
        ("acme", None, None),
    ],
)
def test_an_address_is_a_company_a_provider_nobody_or_none(
    sixsense: Any, conforms: Any, ip: str, match: str | None, domain: str | None
) -> None:
    body = conforms(visit(sixsense, ip), VISIT)
    company = body["company"]
    assert (company["company_match"], company["domain"]) == (match, domain)
    assert company["additional_comment"] == visitors.COMMENTS.get(match or "")
    assert list(body) == list(sample("company_identification_v3.document"))
    assert set(company) == set(sample("company_identification_v3.document")["company"])
    assert bool(body["scores"]) == bool(domain)
    assert bool(company["geoIP_city"]) == bool(match)
    if match is None:
        assert body == sample("company_identification_v3.blank_nulls")


def test_an_identified_company_has_its_own_scores_and_segments(sixsense: Any) -> None:
    body = visit(sixsense, ACME).json()
    lead = people.full_answer("jane@acme.example")
    for visitor, account in zip(body["scores"], lead["scores"], strict=True):
        assert visitor["product"] == account["product"]
        assert visitor["intent_score"] == account["company_intent_score"]
        assert visitor["buying_stage"] == account["company_buying_stage"]
    assert body["segments"] == lead["segments"]
    assert body["company"]["is_6qa"] is True
    assert body["company"]["state_code"] == "CA"
    assert body["confidence"] in visitors.CONFIDENCES
    assert visit(sixsense, "203.0.113.250").json()["company"]["is_blacklisted"] is True


def test_the_caller_is_the_visitor_if_no_header_says_another(sixsense: Any) -> None:
    body = sixsense.call("GET", VISIT).json()
    # This test calls from the machine itself.
    assert body["company"]["company_match"] == "No Match"
    assert sixsense.call("GET", f"{VISIT}?ip={ACME}").json()["company"]["name"] in (
        None,
        "Acme",
    )


def test_only_a_match_costs_and_each_time(control: Any, sixsense: Any) -> None:
    for ip in (ACME, ACME, PROVIDER, NOBODY, "::1"):
        assert visit(sixsense, ip).status_code == 200
    assert credits_of(control) == (0, 2)
    control.config(sixsense={"charge_non_actionable": True})
    visit(sixsense, PROVIDER)
    assert credits_of(control) == (0, 3)


def test_an_address_can_cost_once_a_year(control: Any, sixsense: Any) -> None:
    control.config(
        sixsense={"identification_charge": "per-ip", "identification_credits": 1}
    )
    assert visit(sixsense, ACME).status_code == 200
    assert visit(sixsense, ACME).status_code == 200
    assert visit(sixsense, "192.0.2.8").status_code == 402
    assert credits_of(control) == (0, 1)
    control.config(clock={"advance_s": 366 * DAY})
    assert visit(sixsense, ACME).status_code == 402


def test_the_two_pools_are_apart(control: Any, sixsense: Any, conforms: Any) -> None:
    control.config(sixsense={"credits": 0, "identification_credits": 1})
    assert visit(sixsense, ACME).status_code == 200
    for path in (COMPANY, COMPANY_V2, PERSON, "/v2/people/full"):
        answer = sixsense.post(path, "jane@acme.example")
        assert answer.status_code == 402
        conforms(answer, path)
    control.config(sixsense={"credits": 1})
    answer = visit(sixsense, ACME)
    assert answer.status_code == 402
    conforms(answer, VISIT)
    assert sixsense.post(COMPANY, "jane@acme.example").status_code == 200
    # What takes no credit works without any.
    assert sixsense.score("jo@globex.example").status_code == 200
    assert sixsense.call("POST", SEARCH, json={"domain": "acme.example"}).ok
    assert sixsense.call("GET", WORDS, params={"domainName": "acme.example"}).ok
    assert credits_of(control) == (1, 1)


def test_a_partner_is_recorded_without_its_token(control: Any, sixsense: Any) -> None:
    for names in ("bridge", "bridge-acme"):
        header = {"X-6s-CustomID": f"{names}-{'b2' * 20}", "EpsilonCookie": "c=1"}
        assert visit(sixsense, ACME, **header).status_code == 200
        (call,) = control.state(calls=1)["last_calls"]
        assert call["request"] == {
            "ip": ACME,
            "EpsilonCookie": "c=1",
            "custom_id": names,
        }
    for wrong in ("b2" * 20, f"-{'b2' * 20}", "bridge-short"):
        assert visit(sixsense, ACME, **{"X-6s-CustomID": wrong}).status_code == 422


def test_a_page_may_call_and_is_asked_before(control: Any, sixsense: Any) -> None:
    origin = {"Origin": "https://shop.example"}
    asked = {"Access-Control-Request-Headers": "authorization,epsiloncookie", **origin}
    preflight = control.session.options(control.url + VISIT, headers=asked)
    assert preflight.status_code == 204
    allowed = preflight.headers
    assert allowed["Access-Control-Allow-Origin"] == "https://shop.example"
    assert allowed["Access-Control-Allow-Headers"] == "authorization,epsiloncookie"
    answer = visit(sixsense, ACME, **origin)
    assert answer.headers["Access-Control-Allow-Origin"] == "https://shop.example"
    assert answer.headers["Access-Control-Allow-Credentials"] == "true"
    # A server's call is no page's.
    assert "Access-Control-Allow-Origin" not in visit(sixsense, ACME).headers
    control.config(sixsense={"cors": False})
    assert control.session.options(control.url + VISIT, headers=asked).status_code == (
        405
    )


# Company Firmographics.


@pytest.mark.parametrize("path", [COMPANY, COMPANY_V2])
def test_firmographics_are_of_the_company_alone(
    sixsense: Any, conforms: Any, path: str
) -> None:
    body = conforms(sixsense.post(path, "jo@acme.example", title="CFO"), path)
    full = people.full_answer("jo@acme.example", "CFO")
    assert body == {"company": full["company"], "segments": full["segments"]}
    company = conforms(sixsense.post(path, "jo@acme.example"), path)["company"]
    assert (company["titleLevel"], company["titleFunction"]) == (None, None)


def test_the_domain_helps_where_the_email_knows_nothing(
    control: Any, sixsense: Any, conforms: Any
) -> None:
    def name(**inputs: str) -> Any:
        answer = sixsense.call("POST", COMPANY, data=inputs)
        return conforms(answer, COMPANY)["company"]["name"]

    assert name(domain="Acme.Example") == "Acme"
    assert name(email="jo@globex.example", domain="acme.example") == "Globex"
    assert name(email="jo@gmail.com", domain="acme.example") == "Acme"
    assert name(email="jo@gmail.com", domain="nomatch.example") is None
    # An e-mail and its domain are two records.
    assert credits_of(control) == (2, 0)


@pytest.mark.parametrize(
    ("path", "inputs", "status"),
    [
        (COMPANY, {"country": "US"}, 400),
        (COMPANY, {"email": " ", "domain": ""}, 400),
        (COMPANY, {"email": "jane"}, 404),
        (COMPANY_V2, {"domain": "acme.example"}, 400),
        (COMPANY_V2, {"email": "jane"}, 404),
        (PERSON, {"country": "US"}, 400),
        (WORDS, {}, 400),
        (WORDS, {"domainName": "acme.example", "pageSize": "1001"}, 422),
        (WORDS, {"domainName": "acme.example", "pageSize": "0"}, 422),
        (WORDS, {"domainName": "acme.example", "pageNumber": "x"}, 422),
    ],
)
def test_what_is_wrong_with_a_request_has_its_status(
    sixsense: Any, conforms: Any, path: str, inputs: Any, status: int
) -> None:
    if path == WORDS:
        answer = sixsense.call("GET", path, params=inputs)
    else:
        answer = sixsense.call("POST", path, data=inputs)
    assert answer.status_code == status
    conforms(answer, path)


def test_messages_of_blank_inputs_are_those_of_the_contract(sixsense: Any) -> None:
    asked = {
        "people_enrichment_v1": sixsense.call("POST", PERSON, data={"a": "b"}),
        "people_search_v1": sixsense.call("POST", SEARCH, json={"city": ["Pune"]}),
        "people_search_dictionary_v1": sixsense.call("GET", WORDS),
        "company_firmographics_v3": sixsense.call("POST", COMPANY, data={"a": "b"}),
    }
    for api, answer in asked.items():
        assert answer.json() == sample(f"{api}.error_400")


# People Enrichment.


def test_a_person_is_found_in_three_ways_and_costs_once(
    control: Any, sixsense: Any, conforms: Any
) -> None:
    def ask(**inputs: str) -> Any:
        return conforms(sixsense.call("POST", PERSON, data=inputs), PERSON)

    by_email = ask(email=" Jane.Doe@acme.example ")
    person = by_email["person"]
    assert person["fullName"] == "Jane Doe"
    assert person["email"] == "jane.doe@acme.example"
    assert list(by_email["company"]) == ["domain", "name", "region", "country", "state"]
    address = person["linkedinUrl"]
    assert address.endswith("/")
    for inputs in (
        {"linkedinUrl": address},
        {"linkedinUrl": address.rstrip("/")},
        {"peopleId": person["id"]},
        {"email": "jo@gmail.com", "peopleId": person["id"]},
    ):
        assert ask(**inputs) == by_email
    assert credits_of(control) == (1, 0)
    control.config(clock={"advance_s": 31 * DAY})
    ask(peopleId=person["id"])
    assert credits_of(control) == (2, 0)


@pytest.mark.parametrize(
    "inputs",
    [
        {"email": "jo@gmail.com"},
        {"email": "nobody@acme.example"},
        {"email": "no address"},
        {"peopleId": "12345678-90ab"},
        {"peopleId": "none"},
        {"linkedinUrl": "https://www.linkedin.example/in/jane"},
    ],
)
def test_nobody_is_an_empty_204_and_free(
    control: Any, sixsense: Any, conforms: Any, inputs: dict[str, str]
) -> None:
    answer = sixsense.call("POST", PERSON, data=inputs)
    assert answer.status_code == 204
    assert conforms(answer, PERSON) is None
    assert credits_of(control) == (0, 0)


def test_the_pool_is_shared_by_record_unless_switched(
    control: Any, sixsense: Any
) -> None:
    for path in (PERSON, COMPANY, COMPANY_V2, "/v2/people/full"):
        assert sixsense.post(path, "jane.doe@acme.example").status_code == 200
    assert credits_of(control) == (1, 0)
    control.reset(sixsense={"credit_window_of": "api"})
    for path in (PERSON, COMPANY, PERSON):
        assert sixsense.post(path, "jane.doe@acme.example").status_code == 200
    assert credits_of(control) == (2, 0)


def test_the_short_paths_of_some_samples_come_by_switch(
    control: Any, sixsense: Any
) -> None:
    data = {"email": "jane.doe@acme.example"}
    for path in ("/v1/enrichment", "/v1/enrichment/"):
        control.config(sixsense={"short_paths": False})
        assert sixsense.call("POST", path, data=data).status_code == 404
        control.config(sixsense={"short_paths": True})
        assert sixsense.call("POST", path, data=data).json()["person"]["id"]


# People Search and its dictionary.


def search(sixsense: Any, **inputs: Any) -> Any:
    return sixsense.call("POST", SEARCH, json={"domain": "globex.example", **inputs})


def test_pages_hold_everybody_once_and_nobody_by_name(
    control: Any, sixsense: Any, conforms: Any
) -> None:
    found: list[Any] = []
    for number in (1, 2, 3):
        body = conforms(search(sixsense, pageNo=number), SEARCH)
        totals = [body[n] for n in ("totalRecordCount", "totalPage", "pageSize")]
        assert totals == [130, 3, 50]
        assert body["pageNumber"] == number
        found += body["data"]
    staff = contacts.people_of("globex.example")
    assert [one["peopleId"] for one in found] == [one["id"] for one in staff]
    assert search(sixsense, pageNo=4).status_code == 204
    text = json.dumps(found).lower()
    for one in staff:
        for value in (one["email"], f"{one['first']} {one['last']}".lower()):
            assert value not in text
    assert "@" not in text
    assert {one["hasEmail"] for one in found} == {True, False}
    assert credits_of(control) == (0, 0)


def test_an_id_of_a_search_is_a_person_to_buy(sixsense: Any, conforms: Any) -> None:
    for profile in search(sixsense, pageSize=10).json()["data"]:
        answer = sixsense.call("POST", PERSON, data={"peopleId": profile["peopleId"]})
        person = conforms(answer, PERSON)["person"]
        assert contacts.masked(person["fullName"]) == profile["fullName"]
        assert bool(person["email"]) == profile["hasEmail"]
        assert bool(person["phone"]) == profile["hasPhone"]
        assert person["level"] == profile["seniorityLevel"]


def test_every_word_of_the_dictionary_finds_somebody(
    sixsense: Any, conforms: Any
) -> None:
    answer = sixsense.call("GET", WORDS, params={"domainName": "globex.example"})
    words = conforms(answer, WORDS)
    assert words["pageSize"] == 1000
    longest = max(len(words[name]) for name in ("city", "titles", "country", "state"))
    assert words["totalRecordCount"] == longest
    for name in ("city", "state", "country", "titles"):
        for word in words[name]:
            body = search(sixsense, **{name: [word.upper()]}).json()
            assert body[name] == [word]
            assert body["totalRecordCount"] >= 1
    (industry,) = words["industry"]
    assert search(sixsense, industry=industry).json()["totalRecordCount"] == 130


def test_lists_of_words_are_paged_and_short_ones_run_out(
    sixsense: Any, conforms: Any
) -> None:
    def page(number: int) -> Any:
        query = {"domainName": "globex.example", "pageNumber": number, "pageSize": 5}
        return conforms(sixsense.call("GET", WORDS, params=query), WORDS)

    first, last = page(1), page(3)
    assert first["totalPage"] == 3
    assert (len(first["titles"]), len(first["industry"])) == (5, 1)
    assert last["industry"] == []
    assert not set(first["titles"]) & set(last["titles"])
    assert page(4) is None


@pytest.mark.parametrize(
    ("inputs", "status"),
    [
        ({"titles": [str(n) for n in range(11)]}, 422),
        ({"city": ",".join(map(str, range(11)))}, 422),
        ({"country": {"is": "US"}}, 422),
        ({"industry": ["Retail", "Education"]}, 422),
        ({"pageSize": 51}, 422),
        ({"pageNo": 0}, 422),
        ({"titles": ["astronaut"]}, 204),
        ({"domain": "nomatch.example"}, 204),
        ({"domain": ""}, 400),
        ({"city": "Munich, Paris", "pageNumber": 7}, 200),
    ],
)
def test_a_search_is_checked(
    sixsense: Any, conforms: Any, inputs: Any, status: int
) -> None:
    answer = search(sixsense, **inputs)
    assert answer.status_code == status
    conforms(answer, SEARCH)


def test_searches_have_switches(control: Any, sixsense: Any, conforms: Any) -> None:
    control.config(
        sixsense={"no_people": "empty", "over_limit": "cut", "titles": "part"}
    )
    body = conforms(search(sixsense, titles=["astronaut"]), SEARCH)
    assert (body["data"], body["totalRecordCount"]) == ([], 0)
    assert conforms(search(sixsense, pageSize=99), SEARCH)["pageSize"] == 50
    titles = search(sixsense, titles=["director"]).json()["titles"]
    assert titles
    assert all("director" in title for title in titles)


def test_a_search_wants_json(control: Any, sixsense: Any, conforms: Any) -> None:
    answer = sixsense.call("POST", SEARCH, data={"domain": "acme.example"})
    assert answer.status_code == 422
    conforms(answer, SEARCH)
    headers = {"Content-Type": "application/json"}
    for body in ("{", "[]", "1"):
        answer = sixsense.call("POST", SEARCH, data=body, headers=headers)
        assert answer.status_code == 422
    control.config(sixsense={"any_content_type": True})
    assert sixsense.call("POST", SEARCH, data={"domain": "acme.example"}).ok


# All of them.

ODD = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(max_size=6)
    | st.sampled_from(["globex.example", "\ud800.example", "1", "Munich,"])
    | st.lists(st.text(max_size=6) | st.integers(), max_size=12)
)
KEYS = ("domain", "city", "titles", "industry", "pageNo", "pageSize", "email", "ip")


@settings(max_examples=60, deadline=None)
@given(body=st.dictionaries(st.sampled_from(KEYS), ODD, max_size=5) | ODD)
def test_whatever_is_searched_for_has_an_answer(
    running: Sandbox, http: requests.Session, body: Any
) -> None:
    running.world.configure({"sixsense": {"rate_calls": 0}})
    headers = {"Authorization": f"Token {TOKEN}", "Content-Type": "application/json"}
    text = json.dumps(body)
    answer = http.post(running.url + SEARCH, data=text, headers=headers)
    assert answer.status_code in (200, 204, 400, 422)


def test_each_operation_is_a_right_of_its_own(control: Any, sixsense: Any) -> None:
    control.config(sixsense={"tokens": {TOKEN: {"apis": ["people-enrichment"]}}})
    assert sixsense.post(PERSON, "jane@acme.example").status_code == 200
    assert search(sixsense).status_code == 200
    assert visit(sixsense, ACME).status_code == 403
    assert sixsense.post(COMPANY, "jane@acme.example").status_code == 403
    # A token of People Enrichment opens the search, and the search its dictionary.
    query = {"domainName": "acme.example"}
    assert sixsense.call("GET", WORDS, params=query).status_code == 200
    control.config(sixsense={"tokens": {TOKEN: {"apis": ["people-search"]}}})
    assert sixsense.call("GET", WORDS, params=query).status_code == 200
    assert sixsense.post(PERSON, "jane@acme.example").status_code == 403


def test_settings_of_scores_and_segments_hold_for_visitors_too(
    control: Any, sixsense: Any, conforms: Any
) -> None:
    control.config(sixsense={"scores": False, "segments": "ids"})
    body = conforms(visit(sixsense, ACME), VISIT)
    assert (body["scores"], body["segments"]["names"]) == ([], [])
    assert body["segments"]["ids"] == [4713, 28237]
    assert sixsense.post(COMPANY, "jo@acme.example").json()["segments"]["names"] == []


def test_what_is_not_published_never_shows(sixsense: Any) -> None:
    (hidden,) = people.UNPUBLISHED
    answers = [visit(sixsense, ACME), sixsense.post(COMPANY, "jo@acme.example")]
    assert not any(str(hidden) in answer.text for answer in answers)


def test_all_operations_share_the_tokens_window(control: Any, sixsense: Any) -> None:
    control.config(sixsense={"rate_calls": 3})
    assert visit(sixsense, ACME).status_code == 200
    assert search(sixsense).status_code == 200
    assert sixsense.post(PERSON, "jane@acme.example").status_code == 200
    for answer in (
        visit(sixsense, ACME),
        search(sixsense),
        sixsense.full("a@b.example"),
    ):
        assert answer.status_code == 429
