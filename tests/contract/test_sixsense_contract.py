"""Every product keeps the contract of a product; tables fit the field map."""

from __future__ import annotations

import json
from typing import Any

import pytest
from sixsense_contract import EMAIL, FOLDER, INDEX, OPENAPI, TOKEN, SixsenseContract

from app.sixsense import PRODUCTS
from app.sixsense import fields as tables


class TestLeadScoringAndFirmographics(SixsenseContract):
    product = "lead-scoring-and-firmographics"
    api = "lead_scoring_firmographics_v2"


class TestLeadScoring(SixsenseContract):
    product = "lead-scoring"
    api = "lead_scoring_v2"


class TestCompanyFirmographics(SixsenseContract):
    product = "company-firmographics"
    api = "company_firmographics_v3"
    malformed = [
        {},
        {"email": " ", "domain": "\t"},
        {"email": "jane", "domain": "acme.example"},
        {"domain": "jane@acme.example"},
        {"domain": "acme example"},
        {"domain": "https://"},
        {"domain": 7},
    ]

    @pytest.mark.parametrize(
        ("given", "domain"),
        [
            ("acme.example", "acme.example"),
            (" https://www.acme.example/about?a=b#c\n", "www.acme.example"),
            ("acme.example/", "acme.example"),
            ("//acme.example:8443", "acme.example"),
            ("Acme.Example", "Acme.Example"),
        ],
    )
    def test_a_web_address_is_sent_as_its_domain(
        self, requests_mock: Any, given: str, domain: str
    ) -> None:
        requests_mock.post(self.url, status_code=204)
        self.client().call(self.product, {"domain": given})
        assert requests_mock.last_request.text == f"domain={domain}"


class TestCompanyFirmographicsV2(SixsenseContract):
    product = "company-firmographics-v2"
    api = "company_firmographics_v2"


class TestPeopleEnrichment(SixsenseContract):
    product = "people-enrichment"
    api = "people_enrichment_v1"
    inputs = {"peopleId": "hlud-asdsad-asd9as7-28323"}
    offered = {
        "email": f"{EMAIL} ",
        "linkedinUrl": "https://linkedin.example/in/jane?a=b&c=d",
        "peopleId": "",
        "ip": "192.0.2.7",
    }
    sent = {"email": EMAIL, "linkedinUrl": "https://linkedin.example/in/jane?a=b&c=d"}
    headers = {"Cache-Control": "no-cache", "X-Forwarded-For": "192.0.2.7"}
    malformed = [
        {},
        {"email": "", "linkedinUrl": None, "peopleId": " "},
        {"email": "jane.acme.example"},
        {"linkedinUrl": "in/jane in/jo"},
        {"peopleId": "a\0b"},
        {"email": EMAIL, "ip": "2001:db8::1"},
    ]


class TestCompanyIdentification(SixsenseContract):
    product = "company-identification"
    api = "company_identification_v3"
    inputs = {"ip": "192.0.2.7"}
    offered = {"ip": " 192.0.2.7 ", "EpsilonCookie": "abc=1; d"}
    sent: dict[str, Any] = {}
    headers = {"X-Forwarded-For": "192.0.2.7", "EpsilonCookie": "abc=1; d"}
    malformed = [
        {},
        {"ip": " "},
        {"ip": "2001:db8::1"},
        {"ip": "::ffff:192.0.2.7"},
        {"ip": "192.0.2.256"},
        {"ip": "192.0.2.07"},
        {"ip": "192.0.2"},
        {"ip": "192.0.2.7, 198.51.100.1"},
        {"ip": "acme.example"},
        {"ip": "192.0.2.7", "EpsilonCookie": "a\r\nX-Evil: 1"},
    ]


class TestPeopleSearch(SixsenseContract):
    product = "people-search"
    api = "people_search_v1"
    inputs = {"domain": "acme.example"}
    offered = {
        "domain": "https://acme.example/",
        "titles": [" vp, sales ", "", "chief"],
        "city": ["Zürich"],
        "state": [],
        "country": None,
        "industry": "Software",
        "page_number": 2,
        "page_size": 50,
    }
    sent = {
        "domain": "acme.example",
        "titles": ["vp, sales", "chief"],
        "city": ["Zürich"],
        "industry": "Software",
        "pageNo": 2,
        "pageSize": 50,
    }
    headers: dict[str, str] = {}
    malformed = [
        {},
        {"titles": ["vp"]},
        {"domain": "jane@acme.example"},
        *(
            {"domain": "acme.example", **wrong}
            for wrong in (
                {"titles": [str(n) for n in range(11)]},
                {"city": [str(n) for n in range(11)]},
                {"state": "one, two"},
                {"country": [1]},
                {"industry": ["Software", "Retail"]},
                {"page_number": 0},
                {"page_number": "2"},
                {"page_size": 51},
                {"page_size": True},
            )
        ),
    ]


class TestPeopleSearchDictionary(SixsenseContract):
    product = "people-search-dictionary"
    api = "people_search_dictionary_v1"
    inputs = {"domain": "acme.example"}
    offered = {"domain": " acme.example", "page_number": 3, "page_size": 1000}
    sent = {"domainName": "acme.example", "pageNumber": "3", "pageSize": "1000"}
    headers: dict[str, str] = {}
    malformed = [
        {},
        *(
            {"domain": "acme.example", **wrong}
            for wrong in ({"page_size": 0}, {"page_size": 1001}, {"page_number": 0})
        ),
    ]


def test_every_operation_and_every_recorded_answer_is_somebodys() -> None:
    ours = {each.api: each for each in SixsenseContract.__subclasses__()}
    documented = {
        found["operationId"]
        for item in OPENAPI["paths"].values()
        for method, found in item.items()
        if method in ("get", "post")
    }
    assert set(ours) == documented == {one["api"] for one in INDEX}
    assert {each.product for each in ours.values()} == set(PRODUCTS)
    assert len(INDEX) == 122
    assert len(TOKEN) == 40


MAP = json.loads((FOLDER / "sixsense" / "field-map.json").read_text("utf-8"))
TABLES = {
    "company": tables.COMPANY,
    "score": tables.SCORE,
    "segment": tables.SEGMENT,
    "segments": tables.SEGMENTS.members,
    "person": tables.PERSON,
    "education": tables.EDUCATION,
    "page": tables.PAGE,
}


@pytest.mark.parametrize("name", sorted(TABLES))
def test_a_table_is_that_of_the_field_map(name: str) -> None:
    ours = {field.name: field for field in TABLES[name]}
    assert list(ours) == list(MAP[name])
    for field_name, documented in MAP[name].items():
        field = ours[field_name]
        assert list(field.aliases) == documented["aliases"], field_name
        kind, _, enum = documented["type"].partition(":")
        assert field.kind == kind, field_name
        values = field.scale or tables.UNORDERED.get(field_name, ())
        assert sorted(values) == sorted(MAP["enums"].get(enum, [])), field_name


def test_scales_go_from_the_lowest_to_the_highest() -> None:
    # The field map has stages in this order, and the others the other way round.
    assert list(tables.STAGES) == MAP["enums"]["buying_stage"]
    assert list(reversed(tables.FITS)) == MAP["enums"]["fit"]
    assert list(reversed(tables.GRADES)) == MAP["enums"]["grade"]
    assert list(reversed(tables.CONFIDENCES)) == MAP["enums"]["confidence"]
    assert list(reversed(tables.EMAIL_CONFIDENCES)) == MAP["enums"]["email_confidence"]


def test_products_stand_under_their_own_names() -> None:
    assert all(name == product.info.name for name, product in PRODUCTS.items())
    aliases = [product.info.path_alias for product in PRODUCTS.values()]
    assert len(set(aliases)) == len(aliases)
