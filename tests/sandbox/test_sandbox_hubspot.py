"""The public client of HubSpot works against the sandbox as it is."""

from __future__ import annotations

from typing import Any

import hubspot as public
import pytest
from hubspot.crm.contacts import (
    BatchInputSimplePublicObjectBatchInput,
    BatchInputSimplePublicObjectBatchInputUpsert,
    BatchReadInputSimplePublicObjectId,
    PublicMergeInput,
    PublicObjectSearchRequest,
    SimplePublicObjectBatchInput,
    SimplePublicObjectBatchInputUpsert,
    SimplePublicObjectId,
    SimplePublicObjectInput,
    SimplePublicObjectInputForCreate,
)
from hubspot.crm.contacts.exceptions import ApiException
from hubspot.crm.properties import PropertyCreate
from hubspot.webhooks import (
    SettingsChangeRequest,
    SubscriptionCreateRequest,
    SubscriptionPatchRequest,
    ThrottlingSettings,
)

from tests.sandbox.hubspot_calls import APP, JANE, SECRET, TOKEN, HubSpot


class Client:
    """The client's parts, each made anew when it is asked for."""

    def __init__(self, url: str, token: str = TOKEN) -> None:
        self.url = url
        self.whole = public.Client.create(access_token=token)
        contacts = self.whole.crm.contacts
        self.basic = self.part(contacts.basic_api)
        self.batches = self.part(contacts.batch_api)
        self.searches = self.part(contacts.search_api)
        self.properties = self.part(self.whole.crm.properties.core_api)

    def part(self, found: Any) -> Any:
        found.api_client.configuration.host = self.url
        return found


@pytest.fixture
def client(control: Any) -> Client:
    return Client(control.url)


def test_it_reads_and_updates_by_the_batch(client: Client) -> None:
    read = client.batches.read(
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
    assert client.batches.update(batch).results[0].properties["city"] == "Oslo"


def test_it_reads_what_is_missing_from_a_207(client: Client) -> None:
    read = client.batches.read(
        BatchReadInputSimplePublicObjectId(
            properties=["email"],
            properties_with_history=[],
            inputs=[SimplePublicObjectId(id=JANE), SimplePublicObjectId(id="9")],
        )
    )
    assert ([one.id for one in read.results], read.num_errors) == ([JANE], 1)
    assert read.errors[0].context == {"ids": ["9"]}


def test_it_creates_reads_and_updates_by_address(client: Client) -> None:
    made = client.basic.create(
        SimplePublicObjectInputForCreate(
            properties={"email": "ada@example.com"}, associations=[]
        )
    )
    found = client.basic.get_by_id("ada@example.com", id_property="email")
    assert found.id == made.id
    client.basic.update(
        "ada@example.com",
        SimplePublicObjectInput(properties={"city": "Oslo"}),
        id_property="email",
    )
    read = client.basic.get_by_id(made.id, properties=["city"])
    assert read.properties["city"] == "Oslo"
    with pytest.raises(ApiException) as caught:
        client.basic.create(
            SimplePublicObjectInputForCreate(
                properties={"email": "ada@example.com"}, associations=[]
            )
        )
    assert (caught.value.status, made.id in caught.value.body) == (409, True)


def test_it_upserts_by_address(client: Client) -> None:
    rows = [
        SimplePublicObjectBatchInputUpsert(
            id=email, id_property="email", properties={"city": "Oslo"}
        )
        for email in ("jane.doe@acme.example", "ada@example.com")
    ]
    batch = BatchInputSimplePublicObjectBatchInputUpsert(inputs=rows)
    results = client.batches.upsert(batch).results
    assert {one.properties["city"] for one in results} == {"Oslo"}
    assert {one.id: one.new for one in results}[JANE] is False
    assert sorted(one.new for one in results) == [False, True]


def test_it_searches(client: Client) -> None:
    same = {"propertyName": "email", "operator": "EQ", "value": "jane.doe@acme.example"}
    found = client.searches.do_search(
        PublicObjectSearchRequest(
            filter_groups=[{"filters": [same]}], properties=["city"], limit=5
        )
    )
    assert ([one.id for one in found.results], found.total) == ([JANE], 1)


def test_it_lists_and_creates_properties(client: Client) -> None:
    names = {one.name for one in client.properties.get_all("contacts").results}
    assert "sixsense_stage" in names
    made = client.properties.create(
        "contacts",
        PropertyCreate(
            name="enriched_at", label="Enriched at", type="datetime",
            field_type="date", group_name="contactinformation",
        ),
    )  # fmt: skip
    assert made.name == "enriched_at"
    shown = client.properties.get_by_name("contacts", "enriched_at")
    assert (shown.type, shown.hubspot_defined) == ("datetime", False)


def test_it_merges(client: Client, hubspot: HubSpot) -> None:
    lost = hubspot.create(email="jane@old.example")
    both = PublicMergeInput(object_id_to_merge=lost, primary_object_id=JANE)
    assert client.basic.merge(both).id == JANE
    assert client.basic.get_by_id("jane@old.example", id_property="email").id == JANE


def test_its_token_lets_it_in(client: Client) -> None:
    tokens = client.part(client.whole.oauth.tokens_api)
    made = tokens.create(
        grant_type="refresh_token",
        client_id="sandbox-hubspot-client",
        client_secret=SECRET,
        refresh_token="sandbox-hubspot-refresh",
    )
    assert made.expires_in == 1800
    other = Client(client.url, made.access_token)
    assert other.basic.get_by_id(JANE).id == JANE
    with pytest.raises(ApiException) as caught:
        Client(client.url, "another").basic.get_by_id(JANE)
    assert caught.value.status == 401


def test_it_sets_up_webhooks(client: Client) -> None:
    whole = public.Client.create(api_key="sandbox-hubspot-developer")
    settings = client.part(whole.webhooks.settings_api)
    limits = ThrottlingSettings(max_concurrent_requests=12)
    request = SettingsChangeRequest(
        throttling=limits, target_url="https://hooks.example.com/hubspot/webhook"
    )
    settings.configure(int(APP), request)
    assert settings.get_all(int(APP)).throttling.max_concurrent_requests == 12
    subscriptions = client.part(whole.webhooks.subscriptions_api)
    made = subscriptions.create(
        int(APP), SubscriptionCreateRequest(event_type="contact.creation", active=False)
    )
    changed = subscriptions.update(
        int(made.id), int(APP), SubscriptionPatchRequest(active=True)
    )
    assert changed.active is True
    assert [one.id for one in subscriptions.get_all(int(APP)).results] == [made.id]
    subscriptions.archive(int(made.id), int(APP))
    assert subscriptions.get_all(int(APP)).results == []
