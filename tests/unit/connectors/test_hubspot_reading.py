"""Reads from HubSpot: what is missing, what is not, and who is found by what."""

from __future__ import annotations

from typing import Any

import pytest

from app import errors
from app.connectors.hubspot import HubSpot
from app.domain import Record

READ = "https://api.hubapi.com/crm/v3/objects/contacts/batch/read"


def read(by: str, *keys: str, names: tuple[str, ...] = ("id",)) -> list[Record]:
    found = HubSpot("hubspot", {"ACCESS_TOKEN": "a"}).read("contact", by, keys, names)
    assert [one.record_id for one in found] == list(keys)
    return found


ROWS = [
    {
        "id": "1001",
        "properties": {
            "email": "ada@tubes.example",
            "hs_additional_emails": "Ada.B@tubes.example;a@old.example",
        },
    },
    # Her own address goes before one that another contact has besides.
    {
        "id": "1002",
        "properties": {"email": "a@old.example", "hs_additional_emails": None},
    },
]


@pytest.mark.parametrize("rows", [ROWS, ROWS[::-1]], ids=["as made", "turned"])
def test_further_addresses_of_a_contact_find_it_too(
    requests_mock: Any, rows: list[Any]
) -> None:
    requests_mock.post(READ, json={"status": "COMPLETE", "results": rows})
    keys = ("ada.b@tubes.example", "a@old.example", "nobody@tubes.example")
    found = read("email", *keys)
    assert [one.values for one in found] == [{"id": "1001"}, {"id": "1002"}, None]
    asked = requests_mock.last_request.json()
    assert asked["properties"] == ["email", "hs_additional_emails"]


@pytest.mark.parametrize(
    ("error", "kind"),
    [
        ({"category": "INTERNAL_ERROR", "context": {"ids": ["1001"]}},
         errors.RemoteFault),
        ({"category": "VALIDATION_ERROR"}, errors.RequestRefused),
        ({}, errors.RemoteFault),
    ],
)  # fmt: skip
def test_what_could_not_be_read_is_not_missing(
    requests_mock: Any, error: Any, kind: type[errors.RemoteError]
) -> None:
    body = {"status": "COMPLETE", "results": [], "errors": [error]}
    requests_mock.post(READ, status_code=207, json=body)
    with pytest.raises(errors.RemoteError, match="could not read") as caught:
        read("id", "1001")
    assert type(caught.value) is kind


@pytest.mark.parametrize(
    "body",
    [
        {"status": "PENDING", "results": []},
        {"results": [{"id": "1001"}]},
        {"results": [{"id": "1001", "properties": None}]},
    ],
)
def test_half_an_answer_is_none(requests_mock: Any, body: Any) -> None:
    requests_mock.post(READ, json=body)
    with pytest.raises(errors.AnswerUnexpected):
        read("id", "1001")


def test_an_answer_without_end_is_asked_for_in_halves(requests_mock: Any) -> None:
    requests_mock.post(READ, content=b" " * 5_000_001)
    with pytest.raises(errors.AnswerTooLarge):
        read("id", "1001", "1002")


def test_an_error_has_what_the_support_asks_for(requests_mock: Any) -> None:
    headers = {"X-HubSpot-Correlation-Id": "5f1d0e9a-2c7b-4f0e-8a5c-9d1b7c3e4a60"}
    requests_mock.post(READ, status_code=500, headers=headers)
    with pytest.raises(errors.RemoteFault) as caught:
        read("id", "1001")
    assert caught.value.request_id == headers["X-HubSpot-Correlation-Id"]
    headers["X-HubSpot-Correlation-Id"] = "Ada Lovelace <ada@x.example>"
    requests_mock.post(READ, status_code=403, headers=headers, json={})
    with pytest.raises(errors.CredentialsRefused) as refused:
        read("id", "1001")
    assert refused.value.request_id is None


def test_not_every_403_is_about_a_scope(requests_mock: Any) -> None:
    requests_mock.post(READ, status_code=403, json={"category": "FEATURE_LIMIT"})
    with pytest.raises(errors.CredentialsRefused) as caught:
        read("id", "1001")
    assert "(FEATURE_LIMIT)" in str(caught.value)
    assert "scope" not in str(caught.value)
    odd = {"category": "MISSING_SCOPES", "errors": [{"context": {
        "requiredGranularScopes": 5}}, 7]}  # fmt: skip
    requests_mock.post(READ, status_code=403, json=odd)
    with pytest.raises(errors.CredentialsRefused, match="lacks a scope"):
        read("id", "1001")
