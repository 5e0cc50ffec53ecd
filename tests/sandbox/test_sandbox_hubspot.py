"""HubSpot in the sandbox: batches and their traps, limits, signed webhooks."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import hubspot
import pytest
import requests
from hubspot.crm.contacts import (
    BatchInputSimplePublicObjectBatchInput,
    BatchReadInputSimplePublicObjectId,
    PublicObjectSearchRequest,
    SimplePublicObjectBatchInput,
    SimplePublicObjectId,
)
from hubspot.utils.signature import Signature

from sandbox.hubspot import by_hand
from sandbox.hubspot.merges import merge
from sandbox.senders import sign_hubspot
from sandbox.server import Sandbox

TOKEN = "sandbox-hubspot-token"
JANE = "218840000101"


@pytest.fixture(scope="module")
def running() -> Iterator[Sandbox]:
    with Sandbox() as box:
        yield box


@pytest.fixture
def box(running: Sandbox) -> Sandbox:
    running.world.reset({})
    return running


def call(box: Sandbox, path: str, body: Any, token: str = TOKEN) -> requests.Response:
    return requests.post(
        f"{box.url}/crm/v3/objects/contacts/{path}",
        json=body,
        headers={"Authorization": f"Bearer {token}"},
        timeout=10,
    )


def update(box: Sandbox, *rows: tuple[str, dict[str, str]]) -> requests.Response:
    inputs = [{"id": own, "properties": values} for own, values in rows]
    return call(box, "batch/update", {"inputs": inputs})


def test_the_public_client_reads_updates_and_searches(box: Sandbox) -> None:
    client = hubspot.Client.create(access_token=TOKEN)
    contacts, properties = client.crm.contacts, client.crm.properties
    # Each is made anew when it is asked for.
    batches, searches = contacts.batch_api, contacts.search_api
    core = properties.core_api
    for part in (batches, searches, core):
        part.api_client.configuration.host = box.url
    read = batches.read(
        BatchReadInputSimplePublicObjectId(
            properties=["email"],
            properties_with_history=[],
            inputs=[SimplePublicObjectId(id=JANE)],
        )
    )
    assert read.results[0].properties["email"] == "jane.doe@acme.example"
    batch = BatchInputSimplePublicObjectBatchInput(
        inputs=[SimplePublicObjectBatchInput(id=JANE, properties={"city": "Oslo"})]
    )
    assert batches.update(batch).results[0].properties["city"] == "Oslo"
    same_city = {"propertyName": "city", "operator": "EQ", "value": "oslo"}
    found = searches.do_search(
        PublicObjectSearchRequest(
            filter_groups=[{"filters": [same_city]}], properties=["city"], limit=5
        )
    )
    assert [one.id for one in found.results] == [JANE]
    names = core.get_all("contacts").results
    assert "sixsense_stage" in {one.name for one in names}


def test_the_public_client_knows_our_signature() -> None:
    body, url, secret = b'[{"eventId":1}]', "https://hooks.example.com/x?a=b", "s3cret"
    headers = sign_hubspot("POST", url, body, secret)
    assert Signature.is_valid(
        signature=headers["X-HubSpot-Signature-v3"],
        client_secret=secret,
        request_body=body.decode(),
        http_uri=url,
        http_method="POST",
        signature_version="v3",
        timestamp=headers["X-HubSpot-Request-Timestamp"],
    )


def test_one_bad_value_refuses_the_whole_batch_and_names_no_record(
    box: Sandbox,
) -> None:
    (other,) = by_hand.seed(
        box.world.hubspot, "contact", [{"email": "bo@acme.example"}]
    )
    answer = update(box, (JANE, {"city": "Oslo"}), (other, {"sixsense_stage": "Buy"}))
    assert answer.status_code == 400
    said = answer.json()
    assert said["category"] == "VALIDATION_ERROR"
    assert "Buy was not one of the allowed options" in said["message"]
    assert said["errors"][0]["context"] == {"propertyName": ["sixsense_stage"]}
    assert other not in answer.text
    assert box.world.hubspot.records[JANE].properties.get("city") is None


@pytest.mark.parametrize(
    ("name", "value", "code"),
    [
        ("scoer", "1", "PROPERTY_DOESNT_EXIST"),
        ("createdate", "1", "READ_ONLY_VALUE"),
        ("sixsense_employees", "many", "INVALID_LONG"),
        ("sixsense_employees", " 12", "INVALID_LONG"),
        ("sixsense_hot", "yes", "INVALID_OPTION"),
        ("sixsense_lists", "smb;nobody", "INVALID_OPTION"),
        ("sixsense_day", "1793577600001", "INVALID_DATE"),
        ("email", "jane", "INVALID_EMAIL"),
    ],
)
def test_each_type_refuses_what_it_does_not_take(
    box: Sandbox, name: str, value: str, code: str
) -> None:
    answer = update(box, (JANE, {name: value}))
    assert (answer.status_code, answer.json()["errors"][0]["code"]) == (400, code)


def test_what_is_taken_is_a_text_and_an_empty_one_clears(box: Sandbox) -> None:
    values = {
        "sixsense_employees": "12.5",
        "sixsense_lists": "smb;emea",
        "sixsense_day": "1793577600000",
        "sixsense_checked": "2026-11-02T09:15:00Z",
        "city": "",
    }
    assert update(box, (JANE, {"city": "Oslo"})).status_code == 200
    assert update(box, (JANE, values)).status_code == 200
    kept = box.world.hubspot.records[JANE].properties
    assert {name: kept[name] for name in values} == {
        **values,
        "sixsense_day": "2026-11-02",
        "sixsense_checked": "2026-11-02T09:15:00.000Z",
    }


def test_missing_ids_are_told_and_merged_ones_are_not(box: Sandbox) -> None:
    lost = by_hand.seed(box.world.hubspot, "contact", [{"email": "bo@acme.example"}])[0]
    records = box.world.hubspot.records
    merge(box.world.hubspot, records[lost], records[JANE], by_app=False)
    answer = update(box, (JANE, {"city": "A"}), (lost, {"city": "B"}), ("9", {}))
    said = answer.json()
    assert answer.status_code == 207
    assert [one["id"] for one in said["results"]] == [JANE]
    assert (said["numErrors"], said["errors"][0]["context"]["ids"]) == (1, ["9"])
    twice = update(box, (JANE, {"city": "A"}), (JANE, {"city": "B"}))
    assert "Duplicate IDs" in twice.json()["message"]


def test_limits_are_counted_and_told_by_their_policy(box: Sandbox) -> None:
    box.world.configure({"hubspot": {"burst_calls": 2}})
    answers = [update(box, (JANE, {"city": "A"})) for _ in range(3)]
    assert [one.status_code for one in answers] == [200, 200, 429]
    assert answers[1].headers["X-HubSpot-RateLimit-Remaining"] == "0"
    assert answers[2].json()["policyName"] == "TEN_SECONDLY_ROLLING"
    assert "Retry-After" not in answers[2].headers
    assert call(box, "batch/update", {"inputs": []}, "wrong").status_code == 401
    box.world.configure({"hubspot": {"burst_calls": 0, "denied": ["batch_update"]}})
    assert update(box, (JANE, {})).json()["category"] == "MISSING_SCOPES"
