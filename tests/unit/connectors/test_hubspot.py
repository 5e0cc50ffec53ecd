"""HubSpot's values, culprits and codes, where examples of whole calls are too much."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

import pytest

from app import errors
from app.connectors.guide import Route, Variables
from app.connectors.hubspot import HubSpot
from app.connectors.hubspot.wire import wire
from app.domain import CrmField, Update, WebhookRequest
from app.errors import Disposition, RequestRefused, SignatureInvalid
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


@pytest.mark.parametrize(
    ("status", "body", "headers", "kind", "disposition", "wait_s"),
    [
        (401, {"category": "INVALID_AUTHENTICATION"}, {}, errors.CredentialsRefused,
         HOLD, None),
        (403, {"category": "MISSING_SCOPES"}, {}, errors.CredentialsRefused,
         HOLD, None),
        (409, {"category": "CONFLICT"}, {}, RequestRefused, FAIL, None),
        (414, {}, {}, RequestRefused, FAIL, None),
        (423, {}, {}, errors.RemoteFault, RETRY, None),
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
