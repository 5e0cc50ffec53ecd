"""HubSpot's properties: what each type takes, how it is kept, new ones."""

from __future__ import annotations

from typing import Any

import pytest

from tests.sandbox.hubspot_calls import JANE, HubSpot

PATH = "/crm/v3/properties/contacts"
NEW = {
    "name": "lead_segments", "label": "Lead segments", "type": "enumeration",
    "fieldType": "checkbox", "groupName": "contactinformation",
    "options": [{"label": "SMB", "value": "smb"}],
}  # fmt: skip


@pytest.mark.parametrize(
    ("name", "value", "code"),
    [
        ("scoer", "1", "PROPERTY_DOESNT_EXIST"),
        ("createdate", "1", "READ_ONLY_VALUE"),
        ("hs_object_id", "1", "READ_ONLY_VALUE"),
        ("sixsense_employees", "many", "INVALID_LONG"),
        ("sixsense_employees", " 12", "INVALID_LONG"),
        ("sixsense_employees", "1,200", "INVALID_LONG"),
        ("sixsense_employees", "1.2.3", "INVALID_LONG"),
        ("sixsense_hot", "yes", "INVALID_OPTION"),
        ("sixsense_hot", "True", "INVALID_OPTION"),
        ("sixsense_stage", "Purchase", "INVALID_OPTION"),
        ("sixsense_stage", "purchase ", "INVALID_OPTION"),
        ("sixsense_lists", "smb;nobody", "INVALID_OPTION"),
        ("sixsense_day", "1793577600001", "INVALID_DATE"),
        ("sixsense_day", "02.11.2026", "INVALID_DATE"),
        ("sixsense_day", "2026-02-30", "INVALID_DATE"),
        ("sixsense_checked", "yesterday", "INVALID_DATE"),
        ("email", "jane", "INVALID_EMAIL"),
        ("city", "x" * 65_537, "VALUE_TOO_LONG"),
    ],
)
def test_each_type_refuses_what_it_does_not_take(
    hubspot: HubSpot, name: str, value: str, code: str
) -> None:
    answer = hubspot.update((JANE, {name: value}))
    (error,) = answer.json()["errors"]
    assert (answer.status_code, error["code"]) == (400, code)
    assert error["context"] == {"propertyName": [name]}
    assert hubspot.kept(JANE).get(name) in (None, "40", "jane.doe@acme.example")


@pytest.mark.parametrize(
    ("name", "value", "kept"),
    [
        ("sixsense_employees", "12.5", "12.5"),
        ("sixsense_employees", 240, "240"),
        ("sixsense_hot", True, "true"),
        ("sixsense_lists", "smb;emea", "smb;emea"),
        ("sixsense_day", "1793577600000", "2026-11-02"),
        ("sixsense_day", "2026-11-02", "2026-11-02"),
        ("sixsense_checked", "2026-11-02T09:15:00Z", "2026-11-02T09:15:00.000Z"),
        ("sixsense_checked", "1793610900118", "2026-11-02T09:15:00.118Z"),
        ("sixsense_checked", "2026-11-02T10:15:00+01:00", "2026-11-02T09:15:00.000Z"),
        ("city", " Oslo ", " Oslo "),
        ("city", "x" * 65_536, "x" * 65_536),
    ],
)
def test_what_is_taken_is_kept_as_a_text(
    hubspot: HubSpot, name: str, value: Any, kept: str
) -> None:
    assert hubspot.update((JANE, {name: value})).status_code == 200
    assert hubspot.kept(JANE)[name] == kept


def test_an_empty_text_clears_and_reads_as_one(hubspot: HubSpot) -> None:
    hubspot.update((JANE, {"city": "Oslo", "sixsense_day": "2026-11-02"}))
    assert hubspot.update((JANE, {"city": "", "sixsense_day": ""})).status_code == 200
    names = ["city", "sixsense_day", "phone"]
    (found,) = hubspot.read(JANE, properties=names).json()["results"]
    assert [found["properties"][name] for name in names] == ["", "", None]


@pytest.mark.parametrize(("nulls", "status"), [("refuse", 400), ("clear", 200)])
def test_null_is_refused_or_clears(
    hubspot: HubSpot, control: Any, nulls: str, status: int
) -> None:
    control.config(hubspot={"null_values": nulls})
    hubspot.update((JANE, {"city": "Oslo"}))
    assert hubspot.update((JANE, {"city": None})).status_code == status
    assert hubspot.kept(JANE)["city"] == ("" if status == 200 else "Oslo")


def test_a_leading_semicolon_adds(hubspot: HubSpot) -> None:
    hubspot.update((JANE, {"sixsense_lists": "smb"}))
    hubspot.update((JANE, {"sixsense_lists": ";emea;smb"}))
    assert hubspot.kept(JANE)["sixsense_lists"] == "smb;emea"
    hubspot.update((JANE, {"sixsense_lists": "icp"}))
    assert hubspot.kept(JANE)["sixsense_lists"] == "icp"


@pytest.mark.parametrize(("back", "status"), [("ignore", 200), ("refuse", 400)])
def test_a_stage_goes_back_only_when_cleared(
    hubspot: HubSpot, control: Any, back: str, status: int
) -> None:
    control.config(hubspot={"stage_back": back})

    def move(to: str) -> int:
        return hubspot.update((JANE, {"lifecyclestage": to})).status_code

    assert (move("lead"), move("customer")) == (200, 200)
    assert move("lead") == status
    assert hubspot.kept(JANE)["lifecyclestage"] == "customer"
    assert (move(""), move("lead")) == (200, 200)
    assert hubspot.kept(JANE)["lifecyclestage"] == "lead"


def test_properties_are_listed_and_shown(hubspot: HubSpot) -> None:
    listed = hubspot.call("GET", PATH).json()["results"]
    named = {one["name"]: one for one in listed}
    stage = named["sixsense_stage"]
    assert (stage["type"], stage["fieldType"]) == ("enumeration", "select")
    assert {"label": "Purchase", "value": "purchase"}.items() <= stage["options"][
        4
    ].items()
    assert named["createdate"]["modificationMetadata"]["readOnlyValue"] is True
    assert named["email"]["hasUniqueValue"] is True
    assert (stage["hubspotDefined"], named["email"]["hubspotDefined"]) == (False, True)
    assert hubspot.call("GET", f"{PATH}/email").json() == named["email"]
    assert hubspot.call("GET", f"{PATH}/scoer").json()["category"] == "OBJECT_NOT_FOUND"
    other = "/crm/properties/2026-09/0-1"
    assert hubspot.call("GET", other).json()["results"] == listed
    company = hubspot.call("GET", "/crm/v3/properties/companies").json()["results"]
    assert "domain" in {one["name"] for one in company}
    archived = hubspot.call("GET", PATH, params={"archived": "true"})
    assert archived.json()["results"] == []


def test_a_new_property_can_be_written_at_once(hubspot: HubSpot) -> None:
    made = hubspot.call("POST", PATH, NEW)
    assert (made.status_code, made.json()["name"]) == (201, "lead_segments")
    assert hubspot.update((JANE, {"lead_segments": "smb"})).status_code == 200
    again = hubspot.call("POST", PATH, NEW)
    assert again.status_code == 409
    said = again.json()
    assert said["category"] == "OBJECT_ALREADY_EXISTS"
    assert said["subCategory"] == "Properties.PROPERTY_WITH_NAME_EXISTS"
    assert said["message"] == "A property named 'lead_segments' already exists."


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"name": None}, "[name]"),
        ({"groupName": ""}, "[groupName]"),
        ({"name": "Lead Segments"}, "no name of a property"),
        ({"fieldType": "date"}, "no field type date"),
        ({"type": "json"}, "no field type"),
        ({"options": [{"label": "SMB"}]}, "label and value"),
        ({"dataSensitivity": "very"}, "dataSensitivity"),
    ],
)
def test_a_property_that_makes_no_sense_is_refused(
    hubspot: HubSpot, change: dict[str, Any], words: str
) -> None:
    answer = hubspot.call("POST", PATH, {**NEW, **change})
    assert (answer.status_code, words in answer.json()["message"]) == (400, True)


def test_a_unique_property_finds_records_and_there_are_ten(hubspot: HubSpot) -> None:
    text = {**NEW, "type": "string", "fieldType": "text", "options": []}
    rows = [{**text, "name": f"key_{n}", "hasUniqueValue": True} for n in range(11)]
    statuses = [hubspot.call("POST", PATH, row).status_code for row in rows]
    assert statuses == [201] * 10 + [400]
    hubspot.update((JANE, {"key_3": "J-1"}))
    assert hubspot.get("j-1", idProperty="key_3").json()["id"] == JANE
    row = {"id": "J-2", "idProperty": "key_3", "properties": {"city": "Oslo"}}
    (made,) = hubspot.post("/batch/upsert", {"inputs": [row]}).json()["results"]
    assert hubspot.kept(made["id"]) == {"key_3": "J-2", "city": "Oslo"}


def test_sensitive_properties_are_listed_when_asked_for(hubspot: HubSpot) -> None:
    hubspot.call("POST", PATH, {**NEW, "dataSensitivity": "sensitive"})

    def names(**query: str) -> set[str]:
        found = hubspot.call("GET", PATH, params=query).json()["results"]
        return {one["name"] for one in found}

    assert "lead_segments" not in names()
    assert names(dataSensitivity="sensitive") == {"lead_segments"}
