"""HubSpot's values, culprits and codes, where examples of whole calls are too much."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

import pytest

from app import errors
from app.connectors.guide import Route, Variables
from app.connectors.hubspot import HubSpot
from app.connectors.hubspot.records import wire
from app.domain import CrmField, Update, WebhookRequest
from app.errors import Disposition, RecordRefused, RequestRefused, SignatureInvalid
from app.mapping.fit import fit
from app.mapping.reasons import Keep

URL = "https://api.hubapi.com"
UPDATE = f"{URL}/crm/v3/objects/contacts/batch/update"
RETRY, FAIL, HOLD = Disposition.RETRY, Disposition.FAIL, Disposition.HOLD


def hubspot(**settings: Any) -> HubSpot:
    return HubSpot("hubspot", {"ACCESS_TOKEN": "a", **settings})


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (None, ""),
        ("", ""),
        (" 240 ", "240"),
        (True, "true"),
        (False, "false"),
        (240, "240"),
        (240.0, "240"),
        (12.5, "12.5"),
        (Decimal("1E+3"), "1000"),
        (1e-7, "0.0000001"),
        (date(2026, 11, 2), "2026-11-02"),
        (datetime(2026, 11, 2, 9, 15, 0, 118, tzinfo=UTC), "2026-11-02T09:15:00Z"),
        (["smb", "nordics"], "smb;nordics"),
        ((), ""),
    ],
)
def test_every_value_is_a_text_over_there(value: Any, expected: str) -> None:
    assert wire(value) == expected


@pytest.mark.parametrize(
    ("kind", "sent", "read"),
    [
        ("date", "2026-11-02", "1793577600000"),
        ("datetime", "2026-11-02T09:15:00Z", "2026-11-02T09:15:00.000Z"),
        ("datetime", "2026-11-02T09:15:00Z", "1793610900000"),
        ("number", 240, "240"),
        ("boolean", True, "true"),
        ("multipicklist", "smb;nordics", "nordics;smb"),
        ("string", None, ""),
    ],
)
def test_what_comes_back_in_another_form_is_the_same(
    kind: str, sent: Any, read: Any
) -> None:
    assert hubspot().same(CrmField("x", kind), sent, read)
    assert not hubspot().same(CrmField("x", kind), sent, "0")


def test_a_label_stands_for_its_internal_value() -> None:
    lists = {"values": ("smb", "icp"), "labels": ("SMB", "ICP Tier 1")}
    several = CrmField("lists", "multipicklist", **lists)  # type: ignore[arg-type]
    assert fit("ICP Tier 1; smb", several) == "icp;smb"
    one = CrmField("lists", "picklist", **lists)  # type: ignore[arg-type]
    assert fit("SMB", one) == "smb"
    with pytest.raises(Keep) as kept:
        fit("Nordics", one)
    assert kept.value.reason == "not-allowed"


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


@pytest.mark.parametrize(
    ("status", "body", "headers", "kind", "disposition", "wait_s"),
    [
        (401, {"category": "INVALID_AUTHENTICATION"}, {}, errors.CredentialsRefused,
         HOLD, None),
        (403, {"category": "MISSING_SCOPES"}, {}, errors.CredentialsRefused,
         HOLD, None),
        (409, {"category": "CONFLICT"}, {}, RequestRefused, FAIL, None),
        (414, {}, {}, RequestRefused, FAIL, None),
        (423, {}, {}, errors.RemoteFault, RETRY, 2.0),
        (429, {"policyName": "TEN_SECONDLY_ROLLING"}, {}, errors.RateLimited,
         RETRY, 10.0),
        (429, {"policyName": "SECONDLY"}, {}, errors.RateLimited, RETRY, 1.0),
        (429, {"message": "You have reached your secondly limit."}, {},
         errors.RateLimited, RETRY, 1.0),
        (429, {}, {}, errors.RateLimited, RETRY, 10.0),
        (429, {"policyName": "DAILY"}, {}, errors.QuotaSpent, HOLD, 3600.0),
        (477, {}, {"Retry-After": "90"}, errors.RemoteFault, RETRY, 90.0),
        (500, {}, {}, errors.RemoteFault, RETRY, None),
        (504, {}, {}, errors.RemoteFault, RETRY, None),
        (521, {}, {}, errors.RemoteFault, RETRY, None),
        (526, {}, {}, errors.RemoteFault, RETRY, None),
    ],
)  # fmt: skip
def test_a_status_of_the_table(
    requests_mock: Any,
    status: int,
    body: Any,
    headers: dict[str, str],
    kind: type[errors.RemoteError],
    disposition: Disposition,
    wait_s: float | None,
) -> None:
    requests_mock.post(UPDATE, status_code=status, json=body, headers=headers)
    with pytest.raises(errors.RemoteError) as caught:
        hubspot().send([Update("contact", "id", "1001", {"size": "1"})])
    assert type(caught.value) is kind
    assert caught.value.disposition is disposition
    assert caught.value.retry_after == wait_s


def test_the_scope_that_is_lacking_is_named(requests_mock: Any) -> None:
    contexts = [{"requiredGranularScopes": ["crm.objects.contacts.write", "<b>"]}, 7]
    body = {
        "category": "MISSING_SCOPES",
        "errors": [{"context": one} for one in contexts],
    }
    requests_mock.post(UPDATE, status_code=403, json=body)
    with pytest.raises(errors.CredentialsRefused) as caught:
        hubspot().send([Update("contact", "id", "1001", {"size": "1"})])
    assert "(MISSING_SCOPES: crm.objects.contacts.write)" in str(caught.value)


@pytest.mark.parametrize(
    ("version", "object", "path"),
    [
        ("v3", "company", "/crm/v3/objects/companies/batch/update"),
        ("2026-09", "contact", "/crm/objects/2026-09/contacts/batch/update"),
    ],
)
def test_objects_and_versions_have_their_paths(
    requests_mock: Any, version: str, object: str, path: str
) -> None:
    requests_mock.post(f"{URL}{path}", json={"results": [{"id": "1001"}]})
    update = Update(object, "id", "1001", {"size": "1"})
    (result,) = hubspot(API_VERSION=version).send([update])
    assert result.error is None


def variables(**values: str) -> Variables:
    return Variables("HUBSPOT_", {"CLIENT_SECRET": "hidden-secret, next", **values})


ROUTE = Route(
    "hubspot",
    "new",
    "contact",
    "https://leads.example.com/webhooks/hubspot?tag=a%2Fb",
    ("created", "updated"),
    ("email", "city"),
)


def taken(
    event: str, lead: dict[str, Any], **settings: str
) -> tuple[list[str], list[Any]]:
    """Ways and events of what is rehearsed, as the receiving side reads it."""
    given = variables(**settings)
    made = HubSpot.rehearse(ROUTE, event, lead, given, "mark")
    receiver = hubspot(**given.values)
    found = []
    for one in made:
        headers = {name.lower(): value for name, value in one.headers.items()}
        path, url = "/webhooks/hubspot", ROUTE.url
        request = WebhookRequest("POST", path, "", headers, one.body, url)
        receiver.verify(request)
        found += receiver.parse(request)
        with pytest.raises(SignatureInvalid):
            receiver.verify(replace(request, url=f"{url}c"))
    return [one.way for one in made], found


def test_a_rehearsal_is_what_a_subscription_or_a_workflow_sends() -> None:
    ways, (found,) = taken("created", {"id": "1001"})
    assert (ways, found.event, found.is_thin) == (["Subscription"], "created", True)
    ways, (found,) = taken("updated", {"id": "1001", "city": "Oslo"})
    assert (ways, found.event, found.changed) == (
        ["Subscription"],
        "updated",
        {"city": "Oslo"},
    )
    lead = {"id": "1001", "email": "ada@tubes.example", "city": "Oslo"}
    ways, (found,) = taken("updated", lead, SIGNATURES="all")
    assert (ways, found.event, found.event_id) == (["Workflow"], "updated", "mark")
    assert lead.items() <= found.lead.items()


@pytest.mark.parametrize(
    ("lead", "settings", "words"),
    [
        ({"email": "ada@tubes.example"}, {}, "has a number"),
        ({"id": "1001", "city": "Oslo"}, {}, "an id alone"),
        ({"id": "1001"}, {"CLIENT_SECRET": ""}, "HUBSPOT_CLIENT_SECRET is not set"),
        ({"id": "1001"}, {"WEBHOOK_AUTH": "off"}, "HUBSPOT_WEBHOOK_AUTH is off"),
    ],
)
def test_what_cannot_be_rehearsed_is_said(
    lead: dict[str, Any], settings: dict[str, str], words: str
) -> None:
    with pytest.raises(errors.ConfigurationError, match=words):
        HubSpot.rehearse(ROUTE, "created", lead, variables(**settings), "mark")


def test_further_addresses_of_a_contact_find_it_too(requests_mock: Any) -> None:
    rows = [
        {
            "id": "1001",
            "properties": {
                "email": "ada@tubes.example",
                "hs_additional_emails": "Ada.B@tubes.example;a@old.example",
            },
        },
        # Her own address wins over one that another contact has besides.
        {
            "id": "1002",
            "properties": {
                "email": "a@old.example",
                "hs_additional_emails": None,
            },
        },
    ]
    path = f"{URL}/crm/v3/objects/contacts/batch/read"
    requests_mock.post(path, json={"status": "COMPLETE", "results": rows})
    keys = ["ada.b@tubes.example", "a@old.example", "nobody@tubes.example"]
    found = hubspot().read("contact", "email", keys, ["id"])
    assert [one.values for one in found] == [{"id": "1001"}, {"id": "1002"}, None]
    asked = requests_mock.last_request.json()
    assert asked["properties"] == ["email", "hs_additional_emails"]
