"""HubSpot's search: filters, one sort, pages, limits."""

from __future__ import annotations

from typing import Any

import pytest

from tests.sandbox.hubspot_calls import JANE, HubSpot

ROWS = [
    {"id": "1", "email": "a@x.example", "city": "Oslo", "sixsense_intent": "9"},
    {"id": "2", "email": "b@x.example", "city": "oslo", "sixsense_intent": "10",
     "sixsense_day": "2026-11-02"},
    {"id": "3", "email": "c@y.example", "city": "Bergen", "sixsense_intent": "100",
     "sixsense_day": "2026-11-03", "sixsense_checked": "2026-11-02T09:15:00.000Z"},
    {"id": "4", "firstname": "Dag"},
]  # fmt: skip


@pytest.fixture
def found(hubspot: HubSpot, control: Any) -> Any:
    """Search among those alone; the ids, sorted."""
    control.reset(seed_demo=False, contacts=ROWS, hubspot={"search_calls": 0})

    def search(*filters: dict[str, Any]) -> list[str]:
        answer = hubspot.search(*filters)
        assert answer.status_code == 200, answer.text
        return sorted(one["id"] for one in answer.json()["results"])

    return search


@pytest.mark.parametrize(
    ("operator", "name", "value", "ids"),
    [
        ("EQ", "city", "OSLO", "12"),
        ("NEQ", "city", "Oslo", "34"),
        ("LT", "sixsense_intent", "10", "1"),
        ("LTE", "sixsense_intent", "10", "12"),
        ("GT", "sixsense_intent", "10", "3"),
        ("GTE", "sixsense_intent", "10", "23"),
        ("HAS_PROPERTY", "email", None, "123"),
        ("NOT_HAS_PROPERTY", "email", None, "4"),
        ("CONTAINS_TOKEN", "email", "*x.example", "12"),
        ("NOT_CONTAINS_TOKEN", "email", "x.example", "34"),
        # Days are compared as such, in both forms.
        ("GTE", "sixsense_day", "1793664000000", "3"),
        ("LT", "sixsense_day", "2026-11-03", "2"),
        ("EQ", "sixsense_day", "1793577600000", "2"),
        ("EQ", "sixsense_checked", "2026-11-02T10:15:00+01:00", "3"),
        ("GTE", "sixsense_checked", "1793610900001", ""),
        ("EQ", "hs_object_id", "3", "3"),
    ],
)
def test_every_operator(
    found: Any, operator: str, name: str, value: str | None, ids: str
) -> None:
    given = {"propertyName": name, "operator": operator, "value": value}
    assert found({k: v for k, v in given.items() if v}) == list(ids)


def test_operators_with_several_values(found: Any) -> None:
    cities = {"propertyName": "city", "values": ["bergen", "Rome"]}
    assert found({**cities, "operator": "IN"}) == ["3"]
    assert found({**cities, "operator": "NOT_IN"}) == ["1", "2", "4"]
    between = {"propertyName": "sixsense_intent", "operator": "BETWEEN"}
    assert found({**between, "value": "10", "highValue": "100"}) == ["2", "3"]
    days = {**between, "propertyName": "sixsense_day"}
    assert found({**days, "value": "1793577600000", "highValue": "2026-11-02"}) == ["2"]


def test_all_filters_of_a_group_and_any_group(found: Any, hubspot: HubSpot) -> None:
    city = {"propertyName": "city", "operator": "EQ", "value": "oslo"}
    intent = {"propertyName": "sixsense_intent", "operator": "EQ", "value": "9"}
    bergen = {**city, "value": "Bergen"}
    assert found(city, intent) == ["1"]
    body = {"filterGroups": [{"filters": [city, intent]}, {"filters": [bergen]}]}
    results = hubspot.post("/search", body).json()["results"]
    assert {one["id"] for one in results} == {"1", "3"}


def test_changes_are_found_by_their_time(hubspot: HubSpot, control: Any) -> None:
    control.reset(seed_demo=False, contacts=ROWS, hubspot={"search_calls": 0})
    control.config(clock={"advance_s": 60})
    (changed,) = hubspot.update(("2", {"city": "Rome"})).json()["results"]
    since = {"propertyName": "lastmodifieddate", "operator": "GTE"}
    at = changed["properties"]["lastmodifieddate"]
    found = hubspot.search({**since, "value": at}).json()["results"]
    assert [one["id"] for one in found] == ["2"]


@pytest.mark.parametrize(
    ("sorts", "ids"),
    [
        ([{"propertyName": "sixsense_intent", "direction": "ASCENDING"}], "123"),
        ([{"propertyName": "sixsense_intent", "direction": "DESCENDING"}], "321"),
        (["sixsense_intent"], "123"),
        (["-sixsense_intent"], "321"),
    ],
)
def test_one_sort_in_both_forms(
    found: Any, hubspot: HubSpot, sorts: Any, ids: str
) -> None:
    has = {"propertyName": "email", "operator": "HAS_PROPERTY"}
    results = hubspot.search(has, sorts=sorts).json()["results"]
    assert [one["id"] for one in results] == list(ids)


def test_pages_follow_each_other(hubspot: HubSpot, control: Any) -> None:
    like = {"count": 25, "first_id": 1001, "like": {"email": "p{n}@many.example"}}
    control.reset(seed_demo=False)
    control.send("POST", "/hubspot/contacts", like)
    seen: list[str] = []
    after = "0"
    for size in (10, 10, 5):
        body = hubspot.search(after=after, properties=["email"]).json()
        assert (body["total"], len(body["results"])) == (25, size)
        seen += [one["id"] for one in body["results"]]
        after = body.get("paging", {}).get("next", {}).get("after", "")
    assert (sorted(seen), after) == ([str(1000 + n) for n in range(1, 26)], "")
    assert len(hubspot.search(limit=200).json()["results"]) == 25


@pytest.mark.parametrize(
    ("body", "words"),
    [
        ({"limit": 201}, "at most 200"),
        ({"after": "9990", "limit": 11}, "10000"),
        ({"after": "x"}, "paging.next.after"),
        ({"sorts": ["city", "email"]}, "Only one sort"),
        ({"sorts": "city"}, "sorts must be a list"),
        ({"filterGroups": [{"filters": []}] * 6}, "At most 5 groups"),
        (
            {"filterGroups": [{"filters": [
                {"propertyName": "city", "operator": "HAS_PROPERTY"}] * 7}]},
            "at most 6 filters",
        ),
        (
            {"filterGroups": [{"filters": [
                {"propertyName": "city", "operator": "HAS_PROPERTY"}] * 5}] * 4},
            "18 filters",
        ),
        (
            {"filterGroups": [{"filters": [{"propertyName": "citty",
                                            "operator": "EQ", "value": "x"}]}]},
            "no property 'citty'",
        ),
        (
            {"filterGroups": [{"filters": [{"propertyName": "city",
                                            "operator": "LIKE", "value": "x"}]}]},
            "no operator 'LIKE'",
        ),
        (
            {"filterGroups": [{"filters": [{"propertyName": "city",
                                            "operator": "EQ"}]}]},
            "lacks its value",
        ),
    ],
)  # fmt: skip
def test_a_search_that_makes_no_sense_is_refused(
    hubspot: HubSpot, body: Any, words: str
) -> None:
    answer = hubspot.post("/search", body)
    assert (answer.status_code, words in answer.json()["message"]) == (400, True)


def test_searches_have_a_limit_of_their_own(hubspot: HubSpot, control: Any) -> None:
    control.config(hubspot={"search_calls": 2, "burst_calls": 1})
    answers = [hubspot.search() for _ in range(10)]
    assert [one.status_code for one in answers[:2]] == [200, 200]
    assert not [one for one in answers if "X-HubSpot-RateLimit-Max" in one.headers]
    refused = next(one.json() for one in answers if one.status_code == 429)
    # Not as other limits are told.
    assert (refused["category"], refused.get("policyName")) == ("RATE_LIMITS", None)
    assert refused["message"] == "You have reached your secondly limit."
    assert [hubspot.read(JANE).status_code for _ in range(2)] == [200, 429]
