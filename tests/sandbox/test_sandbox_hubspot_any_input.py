"""Whatever comes in, HubSpot's part answers as HubSpot would, never with a bug."""

from __future__ import annotations

import json
from typing import Any

import pytest
import requests
from hypothesis import given, settings
from hypothesis import strategies as st

from sandbox.server import Sandbox
from tests.sandbox.hubspot_calls import APP, JANE, TOKEN
from tests.sandbox.test_sandbox_any_input import json_values

names = st.sampled_from(
    ["email", "city", "lifecyclestage", "sixsense_lists", "sixsense_day", "nope",
     "sixsense_checked", "sixsense_employees", "hs_object_id", "createdate"]
)  # fmt: skip
values = st.dictionaries(names, json_values, max_size=3) | json_values
rows = st.fixed_dictionaries(
    {"id": st.sampled_from([JANE, "jane.doe@acme.example", "9"]) | json_values},
    optional={
        "properties": values,
        "idProperty": names | json_values,
        "objectWriteTraceId": json_values,
    },
)
filters = st.fixed_dictionaries(
    {
        "propertyName": names | json_values,
        "operator": st.sampled_from(
            ["EQ", "NEQ", "GTE", "BETWEEN", "IN", "HAS_PROPERTY", "CONTAINS_TOKEN"]
        ),
    },
    optional={"value": json_values, "values": json_values, "highValue": json_values},
)
bodies = st.fixed_dictionaries(
    {},
    optional={
        "inputs": st.lists(rows | json_values, max_size=3) | json_values,
        "properties": values | st.lists(names | json_values, max_size=3),
        "propertiesWithHistory": st.lists(names, max_size=2) | json_values,
        "idProperty": names | json_values,
        "filterGroups": st.lists(
            st.fixed_dictionaries({"filters": st.lists(filters, max_size=2)}),
            max_size=2,
        )
        | json_values,
        "sorts": st.lists(names | json_values, max_size=2) | json_values,
        "after": json_values,
        "limit": json_values,
        "primaryObjectId": st.just(JANE) | json_values,
        "objectIdToMerge": json_values,
        "name": st.text(max_size=5) | json_values,
        "label": st.text(max_size=5),
        "type": st.sampled_from(["string", "enumeration"]) | json_values,
        "fieldType": st.sampled_from(["text", "select"]) | json_values,
        "groupName": st.just("contactinformation"),
        "options": json_values,
        "eventType": st.sampled_from(["contact.creation", "object.creation"])
        | json_values,
        "propertyName": names | json_values,
        "targetUrl": json_values,
        "throttling": json_values,
    },
)
CALLS = [
    ("POST", "/crm/v3/objects/contacts/batch/read"),
    ("POST", "/crm/v3/objects/contacts/batch/update"),
    ("POST", "/crm/v3/objects/contacts/batch/upsert"),
    ("POST", "/crm/v3/objects/companies/batch/create"),
    ("POST", "/crm/v3/objects/contacts/search"),
    ("POST", "/crm/v3/objects/contacts/merge"),
    ("POST", "/crm/v3/objects/contacts"),
    ("PATCH", f"/crm/v3/objects/contacts/{JANE}"),
    ("POST", "/crm/v3/properties/contacts"),
    ("PUT", f"/webhooks/v3/{APP}/settings"),
    ("POST", f"/webhooks/v3/{APP}/subscriptions"),
    ("POST", f"/webhooks/v3/{APP}/subscriptions/batch/update"),
]


@pytest.fixture(scope="module", autouse=True)
def unlimited(running: Sandbox) -> None:
    limits = {"burst_calls": 0, "search_calls": 0, "daily_calls": 0}
    running.world.reset({"hubspot": limits})


@pytest.mark.parametrize(("method", "path"), CALLS, ids=[path for _, path in CALLS])
@settings(max_examples=60, deadline=None)
@given(body=bodies | json_values)
def test_every_call_answers_in_hubspots_form(
    running: Sandbox, http: requests.Session, method: str, path: str, body: Any
) -> None:
    answer = http.request(
        method,
        running.url + path,
        params={"hapikey": "sandbox-hubspot-developer"},
        data=json.dumps(body).encode(),
        headers={"Authorization": f"Bearer {TOKEN}"},
    )
    assert answer.status_code in (200, 201, 207, 400, 404, 409), answer.text
    found = answer.json()
    if answer.status_code >= 400:
        assert (found["status"], bool(found["message"])) == ("error", True)


@pytest.mark.parametrize(
    "properties", ['{"city": "\\ud800"}', '{"\\ud800": "x"}', "}", "\xff"]
)
def test_what_is_no_text_is_refused(
    running: Sandbox, http: requests.Session, properties: str
) -> None:
    raw = f'{{"inputs": [{{"id": "{JANE}", "properties": {properties}}}]}}'
    answer = http.post(
        f"{running.url}/crm/v3/objects/contacts/batch/update",
        data=raw.encode("latin-1"),
        headers={"Authorization": f"Bearer {TOKEN}"},
    )
    assert answer.status_code == 400
    assert answer.json()["message"].startswith("Invalid input JSON")


@settings(max_examples=60, deadline=None)
@given(body=json_values | bodies)
def test_control_refuses_in_words(
    running: Sandbox, http: requests.Session, body: Any
) -> None:
    for path in ("contacts", "change", "webhooks", "call-workflow"):
        url = f"{running.url}/_sandbox/hubspot/{path}"
        answer = http.post(url, data=json.dumps(body).encode())
        assert answer.status_code in (200, 400), answer.text
        assert answer.json()
