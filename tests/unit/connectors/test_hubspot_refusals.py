"""Batches of HubSpot that are refused in part or as a whole: whose fault it was."""

from __future__ import annotations

import json
from typing import Any

import pytest

from app.connectors.hubspot import HubSpot
from app.domain import RecordResult, Update
from app.errors import (
    AnswerUnexpected,
    RecordMissing,
    RecordRefused,
    RecordRetriable,
    RequestRefused,
)

UPDATE = "https://api.hubapi.com/crm/v3/objects/contacts/batch/update"


def hubspot() -> HubSpot:
    return HubSpot("hubspot", {"ACCESS_TOKEN": "a"})


def listed(*problems: tuple[str, str, str]) -> dict[str, Any]:
    """The body of a 400: (property, code, message)."""
    rows = [
        {"isValid": False, "name": name, "error": code, "message": message}
        for name, code, message in problems
    ]
    said = f"Property values were not valid: {json.dumps(rows)}"
    return {"status": "error", "message": said, "category": "VALIDATION_ERROR"}


def written(mock: Any) -> list[str]:
    """Ids of the last call, as an answer that has them all."""
    return [one["id"] for one in mock.last_request.json()["inputs"]]


def send(requests_mock: Any, name: str, values: list[Any], refusal: Any) -> list[int]:
    """Which of these values were refused, after one 400 for the whole batch."""
    left = [refusal]

    def answer(request: Any, context: Any) -> Any:
        if left:
            context.status_code = 400
            return left.pop()
        rows = [{"id": one["id"]} for one in request.json()["inputs"]]
        return {"status": "COMPLETE", "results": rows}

    requests_mock.post(UPDATE, json=answer)
    updates = [
        Update("contact", "id", str(1001 + n), {name: value})
        for n, value in enumerate(values)
    ]
    results = hubspot().send(updates)
    refused = [n for n, one in enumerate(results) if one.error is not None]
    for n in refused:
        error = results[n].error
        assert isinstance(error, RecordRefused)
        assert error.field == name
        assert str(values[n]) not in str(error)
    return refused


NUMBER = "INVALID_LONG"


@pytest.mark.parametrize(
    ("values", "told", "guilty"),
    [
        # 1 is in 21, and `one` is in the sentence: nobody loses those.
        (["1", "21", "2"], ("21 was not a valid number.", NUMBER), [1]),
        (
            ["one", "MEDIUM", "two"],
            ("MEDIUM was not one of the allowed options: [one]", "INVALID_OPTION"),
            [1],
        ),
        (["smb", "a;XL", "XL"], ("XL was not one of the allowed", "X"), [1, 2]),
        (["a@b.c", "a@b"], ("Email address a@b is invalid", "INVALID_EMAIL"), [1]),
        (["17", "18"], ("It does not exist", "PROPERTY_DOESNT_EXIST"), [0, 1]),
        # A bracket in the value is none of the list's.
        (
            ["Tier", "Tier [1]"],
            ("Tier [1] was not one of the allowed options: [Tier, Other]", "X"),
            [1],
        ),
        (
            ["Yes", "1"],
            (
                '1 was not one of the allowed options: [label: "Yes"\nvalue: "true"\n'
                'display_order: 0\n, label: "No"\nvalue: "false"\n]',
                "INVALID_OPTION",
            ),
            [1],
        ),
        (['"a"', "b"], ('"a" was not a valid date.', "INVALID_DATE"), [0]),
    ],
)
def test_the_culprit_is_who_sent_the_value_that_is_quoted(
    requests_mock: Any, values: list[Any], told: tuple[str, str], guilty: list[int]
) -> None:
    refusal = listed(("size", told[1], told[0]))
    assert send(requests_mock, "size", values, refusal) == guilty


def test_two_bad_values_of_one_property_are_two_culprits(requests_mock: Any) -> None:
    refusal = listed(
        ("size", NUMBER, "abc was not a valid number."),
        ("size", NUMBER, "xyz was not a valid number."),
    )
    assert send(requests_mock, "size", ["abc", "7", "xyz"], refusal) == [0, 2]
    assert requests_mock.call_count == 2


def test_nobody_is_blamed_where_it_might_be_another(requests_mock: Any) -> None:
    refusal = listed(("size", "", "Neither small nor large will do."))
    with pytest.raises(RequestRefused):
        send(requests_mock, "size", ["small", "large"], refusal)


def test_a_rule_about_another_property_fails_the_record_alone(
    requests_mock: Any,
) -> None:
    refusal = listed(("phone", "MISSING_REQUIRED_PROPERTY", "phone is required"))
    requests_mock.post(UPDATE, status_code=400, json=refusal)
    (result,) = hubspot().send([Update("contact", "id", "1001", {"size": "1"})])
    assert isinstance(result.error, RecordRefused)
    assert (result.error.code, result.error.field) == (
        "MISSING_REQUIRED_PROPERTY",
        None,
    )



def test_who_is_not_sure_to_blame_is_not_blamed(requests_mock: Any) -> None:
    # What is quoted is nobody's value to the letter; "one" is a word of the sentence.
    said = 'A B was not one of the allowed options: [label: "One"]'
    with pytest.raises(RequestRefused):
        send(requests_mock, "size", ["one;two", "A  B"], listed(("size", "X", said)))


def test_a_rule_about_another_property_is_nobodys_who_sent_that(
    requests_mock: Any,
) -> None:
    refusal = listed(("phone", "MISSING_REQUIRED_PROPERTY", "phone is required"))
    requests_mock.post(UPDATE, status_code=400, json=refusal)
    updates = [
        Update("contact", "id", "1001", {"phone": "1", "size": "1"}),
        Update("contact", "id", "1002", {"size": "1"}),
    ]
    with pytest.raises(RequestRefused):
        hubspot().send(updates)


@pytest.mark.parametrize(
    "text",
    [
        # Raw line breaks in the list, and words behind it.
        '[{"name":"size","error":"INVALID_OPTION","message":"1 was not\n one"}]',
        '[{"name":"size","error":"INVALID_OPTION","message":"1"}] (see the docs)',
    ],
)
def test_a_list_that_is_no_clean_json_names_its_property(
    requests_mock: Any, text: str
) -> None:
    body = {"message": f"Property values were not valid: {text}"}
    requests_mock.post(UPDATE, status_code=400, json=body)
    (result,) = hubspot().send([Update("contact", "id", "1001", {"size": "1"})])
    assert isinstance(result.error, RecordRefused)
    assert result.error.field == "size"


def answered(requests_mock: Any, body: Any, *ids: str) -> list[RecordResult]:
    """What becomes of these records, by one answer."""
    requests_mock.post(UPDATE, status_code=207, json=body)
    return hubspot().send([Update("contact", "id", n, {"size": n}) for n in ids])


def test_a_part_that_failed_for_the_moment_is_tried_again(requests_mock: Any) -> None:
    error = {"category": "RATE_LIMITS", "context": {"ids": ["1001"]}}
    body = {"results": [{"id": "1002"}], "errors": [error]}
    first, second = answered(requests_mock, body, "1001", "1002")
    assert isinstance(first.error, RecordRetriable)
    assert "RATE_LIMITS" in str(first.error)
    assert second.error is None


def test_an_error_that_names_nobody_makes_nobody_missing(requests_mock: Any) -> None:
    body = {"results": [{"id": "1002"}], "errors": [{"category": "INTERNAL_ERROR"}]}
    first, second = answered(requests_mock, body, "1001", "1002")
    assert isinstance(first.error, RecordRetriable)
    assert second.error is None


def test_the_list_in_the_error_of_one_record_names_its_property(
    requests_mock: Any,
) -> None:
    error = {
        **listed(("size", "INVALID_OPTION", "1001 was not one of the allowed")),
        "context": {"objectWriteTraceId": ["leadbridge-0"]},
    }
    body = {"results": [{"id": "1002"}], "errors": [error]}
    first, second = answered(requests_mock, body, "1001", "1002")
    assert isinstance(first.error, RecordRefused)
    assert (first.error.field, first.error.code) == ("size", "INVALID_OPTION")
    assert second.error is None


def test_ids_are_read_however_they_are_written(requests_mock: Any) -> None:
    (result,) = answered(requests_mock, {"results": [{"id": 1001.0}]}, "1001")
    assert result.error is None


@pytest.mark.parametrize("status", ["CANCELED", "PENDING", "PROCESSING"])
def test_a_batch_that_is_not_complete_is_no_answer(
    requests_mock: Any, status: str
) -> None:
    with pytest.raises(AnswerUnexpected, match="not complete"):
        answered(requests_mock, {"status": status, "results": []}, "1001")


def test_what_is_still_refused_at_last_costs_nobody_who_is_known(
    requests_mock: Any,
) -> None:
    def answer(request: Any, context: Any) -> Any:
        # One culprit at a time, though there are more than rounds.
        context.status_code = 400
        value = request.json()["inputs"][0]["properties"]["size"]
        return listed(("size", NUMBER, f"{value} was not a valid number."))

    requests_mock.post(UPDATE, json=answer)
    results = hubspot().send(
        [Update("contact", "id", str(n), {"size": f"x{n}"}) for n in range(1, 8)]
    )
    kinds = [type(one.error) for one in results]
    assert kinds == [RecordRefused] * 4 + [RecordRetriable] * 3


def test_nothing_of_a_text_that_is_not_ours_gets_into_an_error(
    requests_mock: Any,
) -> None:
    context = {
        "ids": ["1001"],
        "propertyName": ["Ada Lovelace, +47 1"],
        "objectWriteTraceId": ["leadbridge-\u00b2", 7, None],
    }
    error = {"category": "ada@x.example is bad", "code": "for Ada", "context": context}
    first, second = answered(
        requests_mock,
        {"results": [{"id": "1002"}], "errors": [error, "text", 5]},
        "1001",
        "1002",
    )
    assert first.error is not None
    assert "ada" not in f"{first.error} {first.error.cause}".casefold()
    assert second.error is None


@pytest.mark.parametrize("context", [{"ids": 5}, {"propertyName": 5}, [], "x", None])
def test_odd_contexts_are_nobodys(requests_mock: Any, context: Any) -> None:
    error = {"category": "OBJECT_NOT_FOUND", "context": context}
    (result,) = answered(requests_mock, {"results": [], "errors": [error]}, "1001")
    assert isinstance(result.error, RecordMissing)
