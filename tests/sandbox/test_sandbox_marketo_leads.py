"""Sync Leads: actions, order of results, refusals of records and of calls."""

from __future__ import annotations

import re
import time
from typing import Any

import pytest


def _reasons(result: dict[str, Any]) -> tuple[str, str]:
    assert list(result) == ["status", "reasons"]
    assert result["status"] == "skipped"
    (reason,) = result["reasons"]
    return reason["code"], reason["message"]


def _refusal(answer: dict[str, Any]) -> tuple[str, str]:
    assert answer["success"] is False
    (error,) = answer["errors"]
    return error["code"], error["message"]


def test_results_keep_the_order_and_one_bad_record_hurts_no_other(
    marketo: Any,
) -> None:
    results = marketo.update(
        {"id": 318581, "sixsenseStage": "Decision", "sixsenseIntent": 81,
         "sixsenseCheckedAt": "2026-11-23T10:15:30Z"},
        {"id": 999999, "sixsenseIntent": 5},
        {"id": 318582, "sixsenseIntent": "high"},
        {"id": 318583, "sixsenseIntent": 7},
    )  # fmt: skip
    assert results[0] == {"id": 318581, "status": "updated"}
    assert _reasons(results[1]) == ("1004", "Lead not found")
    assert _reasons(results[2]) == (
        "1003", "Invalid value for field 'sixsenseIntent' and value 'high'",
    )  # fmt: skip
    assert results[3] == {"id": 318583, "status": "updated"}
    lead = marketo.lead(318581, "sixsenseStage", "sixsenseIntent")
    assert lead == {"id": 318581, "sixsenseStage": "Decision", "sixsenseIntent": 81}


def test_the_envelope_is_lean_and_the_request_id_tells_the_time(marketo: Any) -> None:
    answer = marketo.call(
        "POST", "/rest/v1/leads.json", json={"input": [{"email": "n@acme.example"}]}
    )
    body = answer.json()
    assert list(body) == ["requestId", "result", "success"]
    found = re.fullmatch(r"[0-9a-f]+#([0-9a-f]+)", body["requestId"])
    assert found
    assert abs(int(found[1], 16) / 1000 - time.time()) < 60
    assert answer.headers["Server"] == "nginx"
    assert answer.headers["Content-Type"] == "application/json;charset=UTF-8"
    assert answer.headers["Connection"] == "close"


def test_create_or_update_is_the_default_and_email_the_key(marketo: Any) -> None:
    created, updated = marketo.sync(
        {"email": "new@acme.example", "firstName": "New"},
        {"email": "NEW@acme.example", "lastName": "Lead"},
    )["result"]
    assert created["status"] == "created"
    assert updated == {"id": created["id"], "status": "updated"}
    lead = marketo.lead(created["id"], "email", "firstName", "lastName", "mktoName")
    assert lead["mktoName"] == "New Lead"
    assert lead["email"] == "new@acme.example"


def test_create_only_update_only_and_create_duplicate(marketo: Any) -> None:
    known = {"email": "jane.doe@acme.example"}
    (result,) = marketo.sync(known, action="createOnly")["result"]
    assert _reasons(result) == ("1005", "Lead already exists")
    (result,) = marketo.sync({"email": "no@acme.example"}, action="updateOnly")[
        "result"
    ]
    assert _reasons(result)[0] == "1004"
    (twin,) = marketo.sync(known, action="createDuplicate")["result"]
    assert twin["status"] == "created"
    (result,) = marketo.sync({**known, "city": "Oslo"})["result"]
    assert _reasons(result) == ("1007", "Multiple lead match lookup criteria")
    assert marketo.update({"id": twin["id"], "city": "Oslo"})[0]["status"] == "updated"


def test_custom_fields_can_be_the_key(marketo: Any) -> None:
    marketo.update(
        {"id": 318581, "sixsenseDomain": "acme.example", "sixsenseIntent": 9}
    )
    (result,) = marketo.sync(
        {"sixsenseIntent": 9, "city": "Oslo"},
        action="updateOnly", lookupField="sixsenseIntent",
    )["result"]  # fmt: skip
    assert result == {"id": 318581, "status": "updated"}


@pytest.mark.parametrize(
    ("settings", "record", "code", "words"),
    [
        ({"lookupField": "nope"}, {"nope": 1}, "1006", "Lookup field 'nope' not found"),
        ({"lookupField": "city"}, {"city": "Oslo"}, "1011",
         "Field 'city' not supported for lookup"),
        ({"lookupField": "id"}, {"id": 318581}, "1003",
         "Lookup field 'id' is not allowed with createOrUpdate"),
        ({"action": "upsert"}, {"email": "a@acme.example"}, "1003",
         "Invalid value for attribute 'action': 'upsert'"),
    ],
)  # fmt: skip
def test_a_bad_call_is_refused_as_a_whole(
    marketo: Any, settings: Any, record: Any, code: str, words: str
) -> None:
    assert _refusal(marketo.sync(record, **settings)) == (code, words)


@pytest.mark.parametrize(
    ("record", "code", "words"),
    [
        ({"nope": 1}, "1006", "Field 'nope' not found"),
        ({"updatedAt": "2026-01-01"}, "1003", "Field 'updatedAt' is read-only"),
        ({"industry": "Software"}, "1021", "Company update not allowed"),
        ({"numberOfEmployees": 5}, "1021", "Company update not allowed"),
    ],
)  # fmt: skip
def test_one_bad_field_skips_its_record(
    marketo: Any, record: Any, code: str, words: str
) -> None:
    (result,) = marketo.update({"id": 318581, "city": "Oslo", **record})
    assert _reasons(result) == (code, words)
    assert marketo.lead(318581, "city")["city"] is None


def test_switches_for_what_nobody_has_confirmed(control: Any, marketo: Any) -> None:
    control.config(
        marketo={"company_fields": "accept", "read_only_field": "ignore",
                 "unknown_field": "response"}
    )  # fmt: skip
    record = {"id": 318581, "industry": "Software", "updatedAt": "x"}
    assert marketo.update(record)[0]["status"] == "updated"
    assert marketo.lead(318581, "industry")["industry"] == "Software"
    answer = marketo.sync({"email": "a@acme.example", "nope": 1})
    assert _refusal(answer) == ("1006", "Field 'nope' not found")


def test_a_new_lead_may_bring_its_company(marketo: Any) -> None:
    (result,) = marketo.sync({"email": "n@acme.example", "company": "Acme"})["result"]
    assert result["status"] == "created"


def test_a_record_needs_its_key_and_creates_without_id(marketo: Any) -> None:
    (result,) = marketo.sync({"firstName": "x"})["result"]
    assert _reasons(result)[0] == "1002"
    (result,) = marketo.sync({"id": 1, "email": "n@acme.example"}, action="createOnly")[
        "result"
    ]
    assert _reasons(result)[0] == "1003"


def test_300_records_are_the_most(marketo: Any) -> None:
    many = [{"email": f"n{n}@bulk.example"} for n in range(301)]
    assert _refusal(marketo.sync(*many))[0] == "1003"
    answer = marketo.sync(*many[:300])
    assert len(answer["result"]) == 300
    assert {result["status"] for result in answer["result"]} == {"created"}


@pytest.mark.parametrize("body", [{}, {"input": []}, {"input": {"id": 1}}])
def test_input_is_required(marketo: Any, body: Any) -> None:
    assert _refusal(marketo.post("leads.json", body))[0] == "1003"


def test_more_than_a_megabyte_is_413_and_8_kb_of_uri_414(marketo: Any) -> None:
    answer = marketo.call("POST", "/rest/v1/leads.json", data=b" " * (1024 * 1024 + 1))
    assert answer.status_code == 413
    values = ",".join(["x" * 40 + "@acme.example"] * 160)
    query = {"filterType": "email", "filterValues": values}
    answer = marketo.call("GET", "/rest/v1/leads.json", params=query)
    assert answer.status_code == 414
    answer = marketo.call(
        "POST", "/rest/v1/leads.json", params={"_method": "GET"}, data=query
    )
    assert answer.json()["success"]


def test_wrong_content_type_bad_json_and_wrong_verb(marketo: Any) -> None:
    path = "/rest/v1/leads.json"
    answer = marketo.call(
        "POST", path, data="{}", headers={"Content-Type": "text/plain"}
    )
    assert _refusal(answer.json())[0] == "612"
    json_type = {"Content-Type": "application/json; charset=utf-8"}
    answer = marketo.call("POST", path, data='{"input": ', headers=json_type)
    assert _refusal(answer.json())[0] == "609"
    answer = marketo.call("PUT", path, json={})
    words = ("605", "Request method 'PUT' not supported")
    assert _refusal(answer.json()) == words


def test_unknown_paths_are_610_with_200_or_404(control: Any, marketo: Any) -> None:
    answer = marketo.call("GET", "/rest/v1/nothing.json")
    assert (answer.status_code, _refusal(answer.json())[0]) == (200, "610")
    control.config(marketo={"unknown_path_status": 404})
    assert marketo.call("GET", "/bulk/v1/nothing.json").status_code == 404


def test_three_ways_to_delete(marketo: Any) -> None:
    first = marketo.post("leads/delete.json", {"input": [{"id": 318581}, {"id": 7}]})
    assert first["result"][0] == {"id": 318581, "status": "deleted"}
    assert _reasons(first["result"][1])[0] == "1004"
    path, body = "/rest/v1/leads.json", {"input": [{"id": 318582}]}
    second = marketo.call("DELETE", path, json=body).json()
    assert second["result"] == [{"id": 318582, "status": "deleted"}]
    body = {"input": [{"id": 318583}]}
    third = marketo.call("POST", path, params={"_method": "DELETE"}, json=body).json()
    assert third["result"] == [{"id": 318583, "status": "deleted"}]
    assert marketo.get("lead/318583.json")["errors"][0]["code"] == "1004"
