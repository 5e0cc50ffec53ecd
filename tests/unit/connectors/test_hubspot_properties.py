"""New properties in HubSpot: their types, and what a refusal says."""

from __future__ import annotations

from typing import Any

import pytest

from app import errors
from app.connectors.hubspot import HubSpot
from app.domain import CrmField

CONTACTS = "https://api.hubapi.com/crm/v3/properties/contacts"


def hubspot() -> HubSpot:
    return HubSpot("hubspot", {"ACCESS_TOKEN": "a"})


@pytest.mark.parametrize(
    ("kind", "made", "shown"),
    [
        ("string", "string", "text"),
        ("integer", "number", "number"),
        ("currency", "number", "number"),
        ("boolean", "bool", "booleancheckbox"),
        ("date", "date", "date"),
        ("datetime", "datetime", "date"),
    ],
)
def test_a_property_is_made_with_its_type_and_its_look(
    requests_mock: Any, kind: str, made: str, shown: str
) -> None:
    requests_mock.post(CONTACTS, status_code=201, json={"name": "sx_score"})
    field = CrmField("sx_score", kind, "Sx Score")
    assert HubSpot.type_of(field) == made
    (result,) = hubspot().create_fields("contact", [field])
    assert (result.record_id, result.error) == ("sx_score", None)
    sent = requests_mock.last_request.json()
    assert (sent["type"], sent["fieldType"], sent["label"]) == (made, shown, "Sx Score")
    assert sent["groupName"] == "contactinformation"
    values = [one["value"] for one in sent.get("options", ())]
    assert values == (["true", "false"] if kind == "boolean" else [])


@pytest.mark.parametrize(
    ("field", "words"),
    [
        (CrmField("sixsenseStage", "string"), "small letters"),
        (CrmField("a" * 101, "string"), "100 at most"),
        (CrmField("stage", "string", length=65_537), "65,536 characters"),
        (CrmField("stage", "picklist"), "no type for picklist"),
    ],
)
def test_what_cannot_be_made_is_said(field: CrmField, words: str) -> None:
    with pytest.raises(errors.RecordRefused, match=words):
        HubSpot.type_of(field)


def test_a_name_that_is_taken_is_that_property_s_own_matter(requests_mock: Any) -> None:
    body = {"category": "OBJECT_ALREADY_EXISTS", "message": "already exists."}
    requests_mock.post(CONTACTS, status_code=409, json=body)
    (result,) = hubspot().create_fields("contact", [CrmField("stage", "string")])
    assert isinstance(result.error, errors.RecordRefused)
    assert "maybe archived" in str(result.error)


def test_the_scope_that_making_needs_is_named(requests_mock: Any) -> None:
    scopes = {"requiredGranularScopes": ["crm.schemas.contacts.write"]}
    body = {"category": "MISSING_SCOPES", "errors": [{"context": scopes}]}
    requests_mock.post(CONTACTS, status_code=403, json=body)
    with pytest.raises(errors.CredentialsRefused) as caught:
        hubspot().create_fields("contact", [CrmField("stage", "string")])
    assert "(MISSING_SCOPES: crm.schemas.contacts.write)" in str(caught.value)
