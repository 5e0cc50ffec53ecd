"""HubSpot's batches and single records: what comes back, and every trap."""

from __future__ import annotations

from typing import Any

import pytest

from tests.sandbox.hubspot_calls import APP, JANE, LI, HubSpot

NAMES = {"createdate", "lastmodifieddate", "hs_object_id"}


@pytest.fixture(autouse=True)
def unlimited(control: Any) -> None:
    control.config(hubspot={"burst_calls": 0})


def many(control: Any, count: int) -> list[str]:
    body = {"count": count, "first_id": 1001, "like": {"email": "p{n}@many.example"}}
    return list(control.send("POST", "/hubspot/contacts", body)["ids"])


def test_a_read_has_what_was_asked_for_and_three_that_always_come(
    hubspot: HubSpot,
) -> None:
    answer = hubspot.read(JANE, properties=["email", "city", "nonsense"])
    body = answer.json()
    assert (answer.status_code, body["status"]) == (200, "COMPLETE")
    assert answer.headers["X-HubSpot-Correlation-Id"]
    (found,) = body["results"]
    assert (found["id"], found["archived"]) == (JANE, False)
    assert set(found["properties"]) == {"email", "city", *NAMES}
    assert found["properties"]["city"] is None
    assert found["createdAt"] == found["properties"]["createdate"]
    assert "numErrors" not in body


def test_missing_ids_are_one_error_that_names_them_all(hubspot: HubSpot) -> None:
    answer = hubspot.read("8", JANE, "9")
    body = answer.json()
    assert answer.status_code == 207
    assert [one["id"] for one in body["results"]] == [JANE]
    (error,) = body["errors"]
    assert (body["numErrors"], error["category"]) == (1, "OBJECT_NOT_FOUND")
    assert error["context"] == {"ids": ["8", "9"]}
    none = hubspot.read("8")
    assert (none.status_code, none.json()["results"]) == (207, [])


def test_a_read_by_address_or_by_what_is_not_unique(hubspot: HubSpot) -> None:
    found = hubspot.read("JANE.DOE@acme.example", idProperty="email").json()
    assert [one["id"] for one in found["results"]] == [JANE]
    assert hubspot.read(JANE, idProperty="hs_object_id").status_code == 200
    assert hubspot.read("Doe", idProperty="lastname").status_code == 400


def test_a_read_has_at_most_100_and_50_with_history(
    hubspot: HubSpot, control: Any
) -> None:
    ids = many(control, 101)
    assert hubspot.read(*ids[:100]).status_code == 200
    assert hubspot.read(*ids).status_code == 400
    assert hubspot.read(*ids[:50], propertiesWithHistory=["email"]).status_code == 200
    answer = hubspot.read(*ids[:51], propertiesWithHistory=["email"])
    assert answer.status_code == 400
    assert answer.json()["message"].startswith(
        "The maximum number of inputs supported in a batch request for property "
        "histories is 50."
    )


def test_history_has_every_value_the_newest_first(hubspot: HubSpot) -> None:
    hubspot.change(JANE, values={"city": "Oslo"})
    hubspot.update((JANE, {"city": ""}))
    body = hubspot.read(JANE, propertiesWithHistory=["city"]).json()
    versions = body["results"][0]["propertiesWithHistory"]["city"]
    assert [(one["value"], one["sourceType"]) for one in versions] == [
        ("", "INTEGRATION"), ("Oslo", "CRM_UI"),
    ]  # fmt: skip


def test_results_come_in_another_order_unless_they_are_not_to(
    hubspot: HubSpot, control: Any
) -> None:
    ids = many(control, 50)

    def order() -> list[str]:
        return [one["id"] for one in hubspot.read(*ids).json()["results"]]

    shuffled = order()
    assert shuffled != ids
    assert sorted(shuffled) == sorted(ids)
    control.config(hubspot={"shuffle": False})
    assert order() == ids


def test_a_record_in_the_bin_is_read_when_asked_for(hubspot: HubSpot) -> None:
    hubspot.change(LI, archive=True)
    assert hubspot.read(LI).status_code == 207
    assert hubspot.update((LI, {"city": "Oslo"})).status_code == 207
    assert hubspot.get(LI).status_code == 404
    assert hubspot.get(LI, archived="true").json()["archived"] is True
    body = {"inputs": [{"id": LI}]}
    found = hubspot.post("/batch/read", body, params={"archived": "true"})
    assert [one["id"] for one in found.json()["results"]] == [LI]
    # Its address is free.
    again = hubspot.post("", {"properties": {"email": "li@nomatch.example"}})
    assert again.status_code == 201
    found = hubspot.get("li@nomatch.example", idProperty="email")
    assert found.json()["id"] == again.json()["id"]


def test_a_record_can_be_too_new_to_be_there(hubspot: HubSpot, control: Any) -> None:
    control.config(hubspot={"visible_after_ms": 60_000})
    own = hubspot.create(email="ada@example.com")
    assert hubspot.read(own).status_code == 207
    assert hubspot.get("ada@example.com", idProperty="email").status_code == 404
    assert hubspot.search().json()["total"] == 0
    control.config(clock={"advance_s": 61})
    assert hubspot.read(own).status_code == 200


def test_an_update_shows_what_it_wrote_and_whose_it_is(hubspot: HubSpot) -> None:
    (found,) = hubspot.update((JANE, {"city": "Oslo"})).json()["results"]
    shown = found["properties"]
    assert set(shown) == {
        "city", "hs_object_source", "hs_object_source_id", *NAMES
    }  # fmt: skip
    assert (shown["city"], shown["hs_object_source_id"]) == ("Oslo", APP)


def test_one_bad_value_refuses_the_whole_batch_and_names_no_record(
    hubspot: HubSpot,
) -> None:
    answer = hubspot.update((JANE, {"city": "Oslo"}), (LI, {"sixsense_stage": "Buy"}))
    said = answer.json()
    assert (answer.status_code, said["category"]) == (400, "VALIDATION_ERROR")
    assert "Buy was not one of the allowed options" in said["message"]
    assert said["errors"][0]["context"] == {"propertyName": ["sixsense_stage"]}
    assert LI not in answer.text
    assert hubspot.kept(JANE).get("city") is None


@pytest.mark.parametrize(
    ("error_list", "count"), [("whole", 2), ("first", 1), ("none", None)]
)
def test_the_list_of_errors_may_be_shorter_than_the_message(
    hubspot: HubSpot, control: Any, error_list: str, count: int | None
) -> None:
    control.config(hubspot={"error_list": error_list})
    said = hubspot.update((JANE, {"scoer": "1", "sixsense_hot": "yes"})).json()
    assert said["message"].count('"isValid":false') == 2
    assert (len(said["errors"]) if count else said.get("errors")) == count


def test_trace_ids_take_the_errors_of_a_batch_apart(
    hubspot: HubSpot, control: Any
) -> None:
    rows = [
        {"id": JANE, "properties": {"city": "Oslo"}, "objectWriteTraceId": "a"},
        {"id": LI, "properties": {"sixsense_hot": "?"}, "objectWriteTraceId": "b"},
        {"id": "9", "properties": {}, "objectWriteTraceId": "c"},
    ]
    # For updates that is unconfirmed, so it takes a switch.
    assert hubspot.post("/batch/update", {"inputs": rows}).status_code == 400
    control.config(hubspot={"trace_errors": True})
    answer = hubspot.post("/batch/update", {"inputs": rows})
    said = answer.json()
    assert (answer.status_code, said["numErrors"]) == (207, 2)
    assert [one["id"] for one in said["results"]] == [JANE]
    traces = [one["context"]["objectWriteTraceId"] for one in said["errors"]]
    assert traces == [["b"], ["c"]]
    del rows[0]["objectWriteTraceId"]
    assert hubspot.post("/batch/update", {"inputs": rows}).status_code == 400


@pytest.mark.parametrize(
    ("body", "words"),
    [
        ([], "inputs must be a list of objects"),
        ({"inputs": {}}, "inputs must be a list of objects"),
        ({"inputs": [7]}, "inputs must be a list of objects"),
        ({"inputs": [{"id": JANE}] * 2}, f"found in batch input: [{JANE}]"),
        ({"inputs": [{"id": JANE, "properties": []}]}, "properties must be an object"),
        ({"inputs": [{"id": str(n)} for n in range(101)]}, "request is 100"),
        ({"idProperty": "email", "inputs": []}, "non-unique 0-1 property email"),
        (
            {"inputs": [{"id": JANE, "idProperty": "hs_object_id"}]},
            "non-unique 0-1 property hs_object_id",
        ),
    ],
)  # fmt: skip
def test_a_batch_that_makes_no_sense_is_refused(
    hubspot: HubSpot, body: Any, words: str
) -> None:
    answer = hubspot.post("/batch/update", body)
    assert (answer.status_code, words in answer.json()["message"]) == (400, True)


def test_an_upsert_changes_what_is_there_and_makes_what_is_not(
    hubspot: HubSpot,
) -> None:
    answer = hubspot.upsert(
        ("jane.doe@acme.example", {"city": "Oslo"}),
        ("ada@example.com", {"city": "Bergen"}),
    )
    assert answer.status_code == 200
    found = {one["new"]: one for one in answer.json()["results"]}
    assert found[False]["id"] == JANE
    made = hubspot.kept(found[True]["id"])
    assert made == {"email": "ada@example.com", "city": "Bergen"}


@pytest.mark.parametrize(
    ("rows", "words"),
    [
        ([("ada", {"city": "x"})], "Email address ada is invalid"),
        ([("a@b.example", {}), ("A@b.example", {})], "Duplicate IDs"),
        ([("a@b.example", {"scoer": "1"})], "does not exist"),
    ],
)
def test_an_upsert_that_is_wrong_makes_nothing(
    hubspot: HubSpot, rows: Any, words: str
) -> None:
    answer = hubspot.upsert(("ok@b.example", {}), *rows)
    assert (answer.status_code, words in answer.text) == (400, True)
    assert hubspot.get("ok@b.example", idProperty="email").status_code == 404


def test_an_upsert_by_id_makes_nothing(hubspot: HubSpot) -> None:
    rows = [{"id": "9", "properties": {"city": "x"}}, {"id": JANE, "properties": {}}]
    answer = hubspot.post("/batch/upsert", {"inputs": rows})
    assert (answer.status_code, answer.json()["numErrors"]) == (207, 1)
    rows = [{"id": "Doe", "idProperty": "lastname", "properties": {}}]
    assert hubspot.post("/batch/upsert", {"inputs": rows}).status_code == 400


@pytest.mark.parametrize("operation", ["create", "upsert"])
def test_with_trace_ids_the_good_ones_are_made(
    hubspot: HubSpot, operation: str
) -> None:
    rows = [
        {
            "id": email, "idProperty": "email", "objectWriteTraceId": email,
            "properties": {"email": email, "sixsense_hot": hot},
        }
        for email, hot in (("a@b.example", "true"), ("c@d.example", "yes"))
    ]  # fmt: skip
    answer = hubspot.post(f"/batch/{operation}", {"inputs": rows})
    (error,) = answer.json()["errors"]
    assert answer.status_code == 207
    assert error["context"]["objectWriteTraceId"] == ["c@d.example"]
    assert hubspot.get("a@b.example", idProperty="email").status_code == 200
    assert hubspot.get("c@d.example", idProperty="email").status_code == 404


def test_a_batch_of_new_records_is_made_or_none_is(hubspot: HubSpot) -> None:
    def make(*rows: dict[str, str]) -> Any:
        inputs = [{"properties": row} for row in rows]
        return hubspot.post("/batch/create", {"inputs": inputs})

    good = {"email": "a@b.example"}
    for other, status in (
        ({"email": "jane.doe@acme.example"}, 409),
        ({"email": "A@b.example"}, 400),
        ({"city": "Oslo"}, 400),
    ):
        assert make(good, other).status_code == status
        assert hubspot.get("a@b.example", idProperty="email").status_code == 404
    answer = make(good, {"lastname": "Lie"})
    assert (answer.status_code, len(answer.json()["results"])) == (201, 2)


def test_one_record_is_made_read_and_changed(hubspot: HubSpot) -> None:
    made = hubspot.post("", {"properties": {"email": "ada@example.com"}})
    assert made.status_code == 201
    own = made.json()["id"]
    path = "/crm/v3/objects/contacts/ada@example.com"
    body = {"properties": {"city": "Oslo"}}
    query = {"idProperty": "email"}
    changed = hubspot.call("PATCH", path, body, params=query)
    assert (changed.status_code, changed.json()["id"]) == (200, own)
    wrong = {"properties": {"sixsense_hot": "?"}}
    assert hubspot.call("PATCH", path, wrong, params=query).status_code == 400
    shown = hubspot.get(own, properties="city,email", propertiesWithHistory="city")
    assert shown.json()["properties"]["city"] == "Oslo"
    assert len(shown.json()["propertiesWithHistory"]["city"]) == 1
    taken = hubspot.post("", {"properties": {"email": "ADA@example.com"}})
    assert taken.status_code == 409
    assert taken.json()["message"] == f"Contact already exists. Existing ID: {own}"
    assert hubspot.post("", {"properties": {"city": "Oslo"}}).status_code == 400
    assert hubspot.post("", []).status_code == 400
    assert hubspot.get("Doe", idProperty="lastname").status_code == 400
    missing = hubspot.get("9").json()
    assert (missing["message"], missing["category"]) == (
        "resource not found", "OBJECT_NOT_FOUND",
    )  # fmt: skip


@pytest.mark.parametrize(
    "path",
    ["/crm/v3/objects/{}", "/crm/objects/2026-09/{}"],
)
@pytest.mark.parametrize("name", ["companies", "0-2"])
def test_companies_have_the_same_calls_under_every_name(
    hubspot: HubSpot, path: str, name: str
) -> None:
    base = path.format(name)
    body = {"properties": {"name": "Nordlys", "domain": "nordlys.example"}}
    own = hubspot.call("POST", base, body).json()["id"]
    # A domain is no key, and may be there twice.
    assert hubspot.call("POST", base, body).status_code == 201
    query = {"idProperty": "domain"}
    assert hubspot.call("GET", f"{base}/x", params=query).status_code == 400
    found = hubspot.call("POST", f"{base}/batch/read", {"inputs": [{"id": own}]})
    assert "hs_lastmodifieddate" in found.json()["results"][0]["properties"]
    # A contact is no company.
    lost = hubspot.call("POST", f"{base}/batch/read", {"inputs": [{"id": JANE}]})
    assert "COMPANY" in lost.json()["errors"][0]["message"]


def test_other_objects_and_versions_are_not_there(hubspot: HubSpot) -> None:
    for path in ("/crm/v3/objects/deals/1", "/crm/objects/2020-01/contacts/1"):
        answer = hubspot.call("GET", path)
        assert answer.json()["category"] == "OBJECT_NOT_FOUND"
