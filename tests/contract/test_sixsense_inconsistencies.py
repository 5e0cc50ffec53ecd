"""Where 6sense's document contradicts itself: both readings come out as one.

`I<n>` numbers the contradictions as docs/6sense.md does. Those of spelling, type and
blanks are here; test_sixsense_contract.py holds what every product must do, and the
sandbox's tests hold its side.
"""

from __future__ import annotations

import json
from typing import Any

import pytest
from sixsense_contract import TOKEN, sample

from app.domain import LookupResult
from app.errors import AnswerUnexpected
from app.sixsense import PRODUCTS
from app.sixsense.client import HOSTS, SixsenseClient

FULL, SCORES = "lead-scoring-and-firmographics", "lead-scoring"
COMPANY, VISITOR = "company-firmographics", "company-identification"
PEOPLE, SEARCH, WORDS = (
    "people-enrichment",
    "people-search",
    "people-search-dictionary",
)


def read(product: str, **parts: Any) -> Any:
    return PRODUCTS[product].canonical(parts)


def test_i1_sample_names_and_table_names_are_the_same_fields() -> None:
    sent = "lead_scoring_firmographics_v2"
    for case in ("document", "table"):
        company = json.loads(sample(f"{sent}.{case}.json"))["company"]
        found = read(FULL, company=company)["company"]
        assert "extra" not in found
        blank = {name for name, value in found.items() if value in (None, [])}
        assert blank <= {"industry_v2", "company_id", "is_blacklisted"}, case


@pytest.mark.parametrize("score", [58, "58", 58.0])
def test_i2_a_score_may_be_a_text(score: Any) -> None:
    found = read(SCORES, scores=[{"product": "a", "contact_profile_score": score}])
    assert found["scores"][0]["contact_profile_score"] == 58


def test_i3_without_is_blacklisted_nothing_is_known_of_it() -> None:
    assert read(FULL, company={"name": "Acme"})["company"]["is_blacklisted"] is None
    found = read(FULL, company={"is_blacklisted": "False"})["company"]
    assert found["is_blacklisted"] is False


@pytest.mark.parametrize(
    "body",
    [
        {"status": "error", "message": "Invalid email ID"},
        {"status": "error"},
        {"status": "error", "type": "validation", "message": None},
    ],
)
def test_i4_i5_an_error_of_either_form_says_no_match(
    requests_mock: Any, body: Any
) -> None:
    client = SixsenseClient({"default": TOKEN})
    for product in (FULL, SCORES, COMPANY, "company-firmographics-v2"):
        spec = PRODUCTS[product]
        requests_mock.post(HOSTS[spec.host] + spec.path, status_code=404, json=body)
        answered = client.call(product, {"email": "jo@acme.example"})
        assert (answered.result, answered.status) == (LookupResult.NO_MATCH, 404)
        # The other reading: 200, and every variable blank.
        assert spec.outcome(200, spec.canonical({})) is LookupResult.NO_MATCH


@pytest.mark.parametrize("blank", [None, "", [], " "])
def test_i6_all_blanks_are_one(blank: Any) -> None:
    found = read(VISITOR, company={"sic": blank, "industry_v2": blank})["company"]
    assert (found["sic"], found["industry_v2"]) == (None, [])


def test_i8_i9_i10_the_address_is_a_header_and_inputs_are_bodies() -> None:
    method, sent = PRODUCTS[VISITOR].request({"ip": "192.0.2.7"})
    assert (method, sent) == ("GET", {"headers": {"X-Forwarded-For": "192.0.2.7"}})
    assert PRODUCTS[PEOPLE].path == "/v1/enrichment/people"
    assert "data" in PRODUCTS[PEOPLE].request({"peopleId": "1"})[1]
    assert "json" in PRODUCTS[SEARCH].request({"domain": "acme.example"})[1]
    assert "params" in PRODUCTS[WORDS].request({"domain": "acme.example"})[1]


def test_i11_i19_i20_fields_that_only_one_place_has_are_optional() -> None:
    assert read(VISITOR, company={"state_code": "CA"})["company"]["state_code"] == "CA"
    assert read(VISITOR)["company"]["state_code"] is None
    assert read(SEARCH, data=[{"peopleId": "1"}])["people"][0]["has_work_phone"] is None
    assert read(WORDS, city=["Pune"])["industries"] == []


@pytest.mark.parametrize("wrap", [lambda one: one, lambda one: [one]])
def test_i12_i13_one_object_is_a_list_of_one(wrap: Any) -> None:
    trade = {"industry": "Education", "subindustry": "Colleges"}
    found = read(VISITOR, company={"industry_v2": wrap(trade)})["company"]
    assert found["industry_v2"] == [trade]
    school = {"schoolName": "Acme University", "startDate": 2021, "endDate": "2008"}
    (found,) = read(PEOPLE, person={"education": wrap(school)})["person"]["education"]
    # Their order is not ours to judge.
    assert (found["start_date"], found["end_date"]) == (2021, 2008)


@pytest.mark.parametrize("value", [["a", "b"], "a, b,", "a,b"])
def test_i13_i15_i16_a_text_with_commas_is_a_list(value: Any) -> None:
    assert read(PEOPLE, person={"skills": value})["person"]["skills"] == ["a", "b"]
    for product in (SEARCH, WORDS):
        found = read(product, city=value, titles=value)
        assert (found["cities"], found["titles"]) == (["a", "b"], ["a", "b"])


def test_i14_i17_i18_our_words_are_spelt_as_each_product_wants() -> None:
    inputs = {"domain": "acme.example", "page_number": 2, "page_size": 5}
    _, search = PRODUCTS[SEARCH].request({**inputs, "country": ["India"]})
    assert search["json"] == {
        "domain": "acme.example",
        "pageNo": 2,
        "pageSize": 5,
        "country": ["India"],
    }
    _, words = PRODUCTS[WORDS].request(inputs)
    assert words["params"] == {
        "domainName": "acme.example",
        "pageNumber": "2",
        "pageSize": "5",
    }
    assert read(SEARCH, pageNo=3)["page_number"] == 3


def test_i24_a_person_has_the_same_names_in_both_products() -> None:
    found = read(SEARCH, data=[{"peopleId": "7", "seniorityLevel": "VP"}])["people"][0]
    same = read(PEOPLE, person={"id": "7", "level": "VP"})["person"]
    for name in ("people_id", "level"):
        assert found[name] == same[name]


@pytest.mark.parametrize(
    ("raw", "number"),
    [("7449000000", 7449000000), ("$12,603,100", 12603100), (201, 201), ("", None)],
)
def test_i26_i27_numbers_as_texts_are_numbers(raw: Any, number: int | None) -> None:
    found = read(COMPANY, company={"annualRevenue": raw, "employeeCount": raw})
    assert found["company"]["annual_revenue"] == number
    assert found["company"]["employee_count"] == number


def test_i35_confidence_stands_beside_the_segments() -> None:
    found = read(VISITOR, confidence="very high", segments={"confidence": "Low"})
    assert found["confidence"] == "Very High"


@pytest.mark.parametrize("said", ["No Match", "No match", "NO MATCH"])
def test_i36_capitals_of_no_match_do_not_count(said: str) -> None:
    found = read(VISITOR, company={"company_match": said, "name": "Acme"})
    assert found["company"]["company_match"] == "No Match"
    assert PRODUCTS[VISITOR].outcome(200, found) is LookupResult.NO_MATCH


@pytest.mark.parametrize("flag", [True, "true", "True"])
def test_i37_words_for_flags_are_flags(flag: Any) -> None:
    assert read(VISITOR, company={"is_6qa": flag})["company"]["is_6qa"] is True
    assert read(SEARCH, data=[{"hasEmail": flag}])["people"][0]["has_email"] is True


@pytest.mark.parametrize(
    "ids", [[456456, 119900], ["456456", "119900"], "456456, 119900,"]
)
def test_i38_segment_ids_are_numbers(ids: Any) -> None:
    found = read(FULL, segments={"ids": ids})["segments"]
    assert found["ids"] == [456456, 119900]
    assert found["list"] == [
        {"id": 456456, "name": None},
        {"id": 119900, "name": None},
    ]


@pytest.mark.parametrize(("score", "fit"), [(9, "Weak"), (9, "Strong"), (81, "Weak")])
def test_i39_no_stage_or_fit_follows_from_a_number(score: int, fit: str) -> None:
    row = {"product": "a", "company_profile_score": score, "company_profile_fit": fit}
    found = read(SCORES, scores=[row])["scores"][0]
    assert (found["company_profile_score"], found["company_profile_fit"]) == (
        score,
        fit,
    )
    assert found["company_buying_stage"] is None


def test_i25_totals_are_taken_as_they_are_said() -> None:
    found = json.loads(sample("people_search_v1.document.json"))
    data = PRODUCTS[SEARCH].canonical(found)
    assert (data["total_record_count"], len(data["people"])) == (8, 2)


def test_i28_broken_json_is_not_mended(requests_mock: Any) -> None:
    spec = PRODUCTS[FULL]
    requests_mock.post(HOSTS[spec.host] + spec.path, text='{"company": {},}')
    with pytest.raises(AnswerUnexpected, match="not JSON"):
        SixsenseClient({"default": TOKEN}).call(FULL, {"email": "jo@acme.example"})
