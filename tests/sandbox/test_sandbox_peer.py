"""A well-known public client of Marketo works against the sandbox as it is."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from marketorestpython.client import MarketoClient

CHANGE = {"id": 318581, "country": "Norway"}


@pytest.fixture
def client(control: Any) -> MarketoClient:
    made = MarketoClient(
        "123-ABC-456", "sandbox-client", "sandbox-secret",
        requests_timeout=10, max_retry_time=5,
    )  # fmt: skip
    made.host = control.url
    return made


def test_create_read_update_and_delete(client: MarketoClient) -> None:
    created = client.execute(
        method="create_update_leads", action="createOrUpdate", lookupField="email",
        leads=[{"email": "zoe@peer.example", "sixsenseIntent": 5}],
    )  # fmt: skip
    lead_id = created[0]["id"]
    assert created[0]["status"] == "created"
    found = client.execute(
        method="get_multiple_leads_by_filter_type",
        filterType="email", filterValues=["zoe@peer.example"],
        fields=["id", "sixsenseIntent"],
    )  # fmt: skip
    assert found == [{"id": lead_id, "sixsenseIntent": 5}]
    (lead,) = client.execute(method="get_lead_by_id", id=lead_id, fields=["email"])
    assert lead == {"id": lead_id, "email": "zoe@peer.example"}
    deleted = client.execute(method="delete_lead", id=[lead_id])
    assert deleted == [{"id": lead_id, "status": "deleted"}]


def test_paging_goes_on_while_a_token_comes(client: MarketoClient) -> None:
    found = client.execute(
        method="get_multiple_leads_by_filter_type", batchSize=2,
        filterType="id", filterValues=["318581", "318582", "318583"],
    )  # fmt: skip
    assert [lead["id"] for lead in found] == [318581, 318582, 318583]


def test_describe_and_usage(client: MarketoClient) -> None:
    assert any(
        field["rest"]["name"] == "sixsenseStage"
        for field in client.execute(method="describe")
    )
    assert client.execute(method="describe2")[0]["name"] == "API Lead"
    assert client.execute(method="get_daily_usage")[0]["total"] == 3


def test_lead_changes_by_paging_token(client: MarketoClient) -> None:
    since = "2026-01-01T00:00:00Z"
    assert client.execute(method="get_paging_token", sinceDatetime=since)
    changes = client.execute(
        method="get_lead_changes", fields=["firstName"], sinceDatetime=since,
        untilDatetime="2126-01-01T00:00:00Z",
    )  # fmt: skip
    assert {change["leadId"] for change in changes} >= {318581, 318585}


def test_bad_credentials_and_refusals_arrive_as_such(
    client: MarketoClient, control: Any
) -> None:
    with pytest.raises(Exception, match="1004"):
        client.execute(method="get_lead_by_id", id=7)
    client.valid_until, client.client_secret = None, "wrong"
    with pytest.raises(Exception, match="Bad client credentials"):
        client.execute(method="get_lead_by_id", id=318581)


def test_lead_changes_go_on_past_empty_pages(
    client: MarketoClient, control: Any
) -> None:
    control.config(marketo={"empty_pages": 2})
    control.send("POST", "/marketo/change-leads", {"leads": [CHANGE]})
    changes = client.execute(
        method="get_lead_changes", fields=["country"],
        sinceDatetime="2020-01-01T00:00:00Z",
    )  # fmt: skip
    # Five were created, one was changed.
    assert [change["activityTypeId"] for change in changes] == [12] * 5 + [13]
    assert changes[-1]["fields"][0]["newValue"] == "Norway"


def test_a_requested_campaign_is_taken(client: MarketoClient, control: Any) -> None:
    campaign = {"id": 1207, "trigger": "requested"}
    control.send("POST", "/marketo/campaigns", campaign)
    taken = client.execute(
        method="request_campaign", id=1207, leads=[318581, 318582],
        tokens={"my.Note": "x"},
    )  # fmt: skip
    assert taken is True
    state = control.state()["marketo"]
    assert state["campaigns"][0]["started"] == 2
    assert state["campaign_requests"][0]["tokens"] == [
        {"name": "{{my.Note}}", "value": "x"}
    ]


def test_people_are_extracted_in_bulk(client: MarketoClient, control: Any) -> None:
    now = datetime.now(UTC)
    span = {
        "startAt": (now - timedelta(days=1)).strftime("%Y-%m-%dT%H:%M:%SZ"),
        "endAt": (now + timedelta(days=1)).strftime("%Y-%m-%dT%H:%M:%SZ"),
    }
    (job,) = client.execute(
        method="create_leads_export_job", fields=["id", "email"],
        filters={"createdAt": span},
    )  # fmt: skip
    number = job["exportId"]
    (job,) = client.execute(method="enqueue_leads_export_job", job_id=number)
    assert job["status"] == "Queued"
    control.config(clock={"advance_s": 121})
    (job,) = client.execute(method="get_leads_export_job_status", job_id=number)
    assert (job["status"], job["numberOfRecords"]) == ("Completed", 5)
    file = client.execute(method="get_leads_export_job_file", job_id=number)
    assert file.decode().splitlines()[:2] == [
        "id,email",
        "318581,jane.doe@acme.example",
    ]
    listed = client.execute(method="get_leads_export_jobs_list")
    assert [one["exportId"] for one in listed] == [number]
    (second,) = client.execute(
        method="create_leads_export_job", fields=["id"], filters={"createdAt": span}
    )
    (job,) = client.execute(method="cancel_leads_export_job", job_id=second["exportId"])
    assert job["status"] == "Cancelled"
