"""HubSpot's merges, and other changes by hand: which id stays, who is told."""

from __future__ import annotations

from typing import Any

import pytest

from tests.sandbox.hubspot_calls import APP, JANE, Hooks, HubSpot
from tests.sandbox.receiver import Receiver

SECOND = "jane@old.example"


@pytest.fixture
def loser(hubspot: HubSpot) -> str:
    return hubspot.create(email=SECOND, city="Oslo", country="Norway")


def test_what_only_the_loser_had_is_the_winners(hubspot: HubSpot, loser: str) -> None:
    assert hubspot.change(loser, merge_into=JANE) == JANE
    kept = hubspot.kept(JANE)
    assert kept["email"] == "jane.doe@acme.example"
    assert (kept["city"], kept["country"]) == ("Oslo", "United States")
    assert kept["hs_additional_emails"] == SECOND
    assert kept["hs_merged_object_ids"] == loser
    body = {"inputs": [{"id": JANE}], "propertiesWithHistory": ["city"]}
    (found,) = hubspot.post("/batch/read", body).json()["results"]
    (version,) = found["propertiesWithHistory"]["city"]
    assert (version["value"], version["sourceType"]) == ("Oslo", "MERGE_OBJECTS")


def test_an_additional_address_finds_the_contact(hubspot: HubSpot, loser: str) -> None:
    hubspot.change(loser, merge_into=JANE)
    assert hubspot.get(SECOND.upper(), idProperty="email").json()["id"] == JANE
    (read,) = hubspot.read(SECOND, idProperty="email").json()["results"]
    assert read["id"] == JANE
    (made,) = hubspot.upsert((SECOND, {"city": "Bergen"})).json()["results"]
    assert (made["id"], made["new"]) == (JANE, False)
    # It stays an additional one.
    assert hubspot.kept(JANE)["email"] == "jane.doe@acme.example"
    for operator, wanted in (
        ("EQ", {"value": SECOND}),
        ("IN", {"values": ["x@old.example", SECOND]}),
    ):
        same = {"propertyName": "email", "operator": operator, **wanted}
        found = hubspot.search(same).json()["results"]
        assert [one["id"] for one in found] == [JANE]
    other = {"propertyName": "email", "operator": "NEQ", "value": SECOND}
    assert JANE not in {one["id"] for one in hubspot.search(other).json()["results"]}
    taken = hubspot.post("", {"properties": {"email": SECOND}})
    assert (taken.status_code, taken.json()["category"]) == (409, "CONFLICT")
    assert JANE in taken.json()["message"]


def test_one_whose_own_address_it_is_comes_first(hubspot: HubSpot, loser: str) -> None:
    hubspot.change(loser, merge_into=JANE)
    own = hubspot.create(email=SECOND)
    assert hubspot.get(SECOND, idProperty="email").json()["id"] == own


def test_a_winner_without_an_address_takes_the_losers(
    hubspot: HubSpot, loser: str
) -> None:
    winner = hubspot.create(firstname="Jane")
    hubspot.change(loser, merge_into=winner)
    kept = hubspot.kept(winner)
    assert (kept["email"], kept.get("hs_additional_emails")) == (SECOND, None)


def test_a_chain_of_merges_keeps_all_addresses_and_ids(
    hubspot: HubSpot, loser: str
) -> None:
    third = hubspot.create(email="j@older.example")
    hubspot.change(third, merge_into=loser)
    hubspot.change(loser, merge_into=JANE)
    kept = hubspot.kept(JANE)
    assert kept["hs_additional_emails"] == f"{SECOND};j@older.example"
    assert kept["hs_merged_object_ids"] == f"{third};{loser}"
    hubspot.control.config(hubspot={"merged": "follow"})
    assert [hubspot.get(own).json()["id"] for own in (third, loser)] == [JANE, JANE]


def test_a_merge_is_a_change_of_the_winner(
    hubspot: HubSpot, control: Any, loser: str
) -> None:
    before = hubspot.get(JANE).json()["updatedAt"]
    control.config(clock={"advance_s": 60})
    hubspot.change(loser, merge_into=JANE)
    assert hubspot.get(JANE).json()["updatedAt"] > before


def test_what_merges_write_is_read_only(hubspot: HubSpot) -> None:
    for name in ("hs_additional_emails", "hs_merged_object_ids"):
        answer = hubspot.update((JANE, {name: "1"}))
        assert answer.json()["errors"][0]["code"] == "READ_ONLY_VALUE"


@pytest.mark.parametrize(
    ("merged", "listed", "found"),
    [("absent", [], []), ("missing", ["lost"], []), ("follow", [], [JANE])],
)
def test_a_merged_id_is_read_in_three_ways(
    hubspot: HubSpot, control: Any, loser: str, merged: str, listed: Any, found: Any
) -> None:
    control.config(hubspot={"merged": merged})
    hubspot.change(loser, merge_into=JANE)
    for answer in (hubspot.read(loser), hubspot.update((loser, {"city": "Bergen"}))):
        body = answer.json()
        assert answer.status_code == (207 if listed else 200)
        assert [one["id"] for one in body["results"]] == found
        errors = body.get("errors", [])
        lost = [own for one in errors for own in one["context"]["ids"]]
        assert lost == [loser for _ in listed]


@pytest.mark.parametrize("merge_id", ["winner", "new"])
def test_the_record_that_stays_may_have_a_new_id(
    hubspot: HubSpot, control: Any, receiver: Receiver, loser: str, merge_id: str
) -> None:
    control.config(hubspot={"merge_id": merge_id})
    hooks = Hooks(control, receiver)
    hooks.subscribe("contact.merge", "contact.propertyChange", "contact.deletion")
    kept = hubspot.change(loser, merge_into=JANE)
    assert (kept == JANE) is (merge_id == "winner")
    assert hubspot.get(kept).json()["properties"]["hs_object_id"] == kept
    (event,) = hooks.events()
    assert event["subscriptionType"] == "contact.merge"
    assert (event["objectId"], event["primaryObjectId"]) == (int(JANE), int(JANE))
    assert (event["mergedObjectIds"], event["newObjectId"]) == ([int(loser)], int(kept))
    # City alone: an address is no property that moved.
    assert event["numberOfPropertiesMoved"] == 1
    gone = {loser} if merge_id == "winner" else {loser, JANE}
    assert set(hubspot.kept(kept)["hs_merged_object_ids"].split(";")) == gone
    for own in gone:
        answer = hubspot.read(own)
        assert (answer.status_code, answer.json()["results"]) == (200, [])
        assert hubspot.get(own).status_code == 404
    control.config(hubspot={"merged": "follow"})
    for own in gone:
        assert hubspot.get(own).json()["id"] == kept


def test_a_merge_may_be_a_deletion_as_well(
    hubspot: HubSpot, control: Any, receiver: Receiver, loser: str
) -> None:
    control.config(hubspot={"merge_deletion": True})
    hooks = Hooks(control, receiver)
    hooks.subscribe("contact.merge", "contact.deletion")
    hubspot.change(loser, merge_into=JANE)
    told = [(one["subscriptionType"], one["objectId"]) for one in hooks.events()]
    assert told == [("contact.merge", int(JANE)), ("contact.deletion", int(loser))]


def test_a_merge_by_the_api_is_our_own(
    hubspot: HubSpot, control: Any, receiver: Receiver, loser: str
) -> None:
    hooks = Hooks(control, receiver)
    hooks.subscribe("contact.merge")
    both = {"primaryObjectId": JANE, "objectIdToMerge": loser}
    answer = hubspot.post("/merge", both)
    assert (answer.status_code, answer.json()["id"]) == (200, JANE)
    assert answer.json()["properties"]["hs_merged_object_ids"] == loser
    (event,) = hooks.events()
    assert (event["changeSource"], event["sourceId"]) == ("INTEGRATION", APP)
    assert hubspot.post("/merge", both).status_code == 404


def test_companies_merge_too(hubspot: HubSpot) -> None:
    rows = [{"name": "Nordlys"}, {"name": "Nordlys AS", "domain": "nordlys.example"}]
    body = {"companies": rows}
    ids = hubspot.control.send("POST", "/hubspot/companies", body)["ids"]
    both = {"primaryObjectId": ids[0], "objectIdToMerge": ids[1]}
    answer = hubspot.call("POST", "/crm/objects/2026-09/companies/merge", both)
    shown = answer.json()["properties"]
    assert (shown["name"], shown["domain"]) == ("Nordlys", "nordlys.example")
    assert "hs_additional_emails" not in shown


@pytest.mark.parametrize(
    ("body", "status"),
    [
        ({"primaryObjectId": JANE}, 400),
        ({"primaryObjectId": JANE, "objectIdToMerge": JANE}, 400),
        ({"primaryObjectId": JANE, "objectIdToMerge": "9"}, 404),
        ([], 400),
    ],
)
def test_a_merge_takes_two_records(hubspot: HubSpot, body: Any, status: int) -> None:
    assert hubspot.post("/merge", body).status_code == status


def test_by_hand_only_records_of_one_kind_merge(hubspot: HubSpot, control: Any) -> None:
    (company,) = control.send(
        "POST", "/hubspot/companies", {"companies": [{"name": "Nordlys"}]}
    )["ids"]
    for body, problem in (
        ({"id": JANE, "merge_into": JANE}, "another such record"),
        ({"id": JANE, "merge_into": company}, "another such record"),
        ({"id": "9", "merge_into": JANE}, "id must be that of a record"),
        ({"id": JANE}, "say values, merge_into, archive or forget"),
    ):
        answer = control.send("POST", "/hubspot/change", body, expect=400)
        assert problem in answer["problems"][0]


@pytest.mark.parametrize("own", ["x", "", "9" * 19, "\u0663", True, -1])
def test_an_id_made_by_hand_is_a_number(control: Any, own: Any) -> None:
    body = {"contacts": [{"email": "a@example.com"}, {"id": own}]}
    answer = control.send("POST", "/hubspot/contacts", body, expect=400)
    assert answer["problems"] == ["contact 1: id must be a number"]
    assert control.state()["hubspot"]["records"] == 2
