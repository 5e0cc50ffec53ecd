"""HubSpot through real processes: signed webhooks, workflows, searches, commands."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import requests

from sandbox import people
from tests.hubspot_stack import (
    CHANGES,
    COMPANIES,
    assert_right,
    contacts,
    create,
    event,
    installed,
    operations,
    post,
    search,
    subscribe,
)
from tests.stack import Stack, until


@pytest.fixture
def box(hubspot: Stack) -> Stack:
    return hubspot


def test_what_we_wrote_comes_back_and_starts_nothing(box: Stack) -> None:
    subscribe(box, "contact.creation", "contact.propertyChange:sixsense_intent")
    (lead_id,) = create(box, 1)

    def came_back() -> bool:
        hooks = box.state()["hubspot"]["webhooks"]
        return len(hooks["deliveries"]) >= 2 and not hooks["outstanding"]

    until(came_back, "our own change to come back")
    assert box.await_final(1) == {"written": 1}
    # A person's change of the same property is one.
    values = {"sixsense_intent": "3"}
    box.sandbox("hubspot/change", {"id": str(lead_id), "values": values})
    box.await_final(2)
    assert box.run_of(lead_id).event == "updated"


def test_webhooks_are_sent_again_until_they_are_taken(box: Stack) -> None:
    web = next(one for one in box.processes if one.name == "web")
    box.sandbox("config", {"hubspot": {"timeout_s": 0.2}})
    web.freeze()
    try:
        ids = create(box, 3)
        log = box.state()["hubspot"]["webhooks"]
        until(
            lambda: len(box.state()["hubspot"]["webhooks"]["deliveries"]) >= 2,
            f"a second attempt, after {log}",
        )
    finally:
        web.thaw()
    until(
        lambda: not box.state()["hubspot"]["webhooks"]["outstanding"],
        "the last attempt",
    )
    assert box.await_final(3) == {"written": 3}
    assert_right(box, ids)


def test_only_what_is_signed_for_this_address_is_taken(box: Stack) -> None:
    events = [event(1001)]
    assert post(box, events, secret="another").status_code == 401
    elsewhere = "https://elsewhere.example/webhooks/hubspot"
    assert post(box, events, signed=elsewhere).status_code == 401
    assert box.query("select count(*) as n from deliveries")[0].n == 0
    # Some escapes of an address are signed as what they stand for.
    query = "?tenant=acme%2Feu&tag=a%20b&mail=ada%40example.com"
    decoded = "?tenant=acme/eu&tag=a%20b&mail=ada@example.com"
    address = f"{box.web_url}/webhooks/hubspot{decoded}"
    assert post(box, events, query=query).status_code == 401
    assert post(box, events, query=query, signed=address).status_code == 200
    # Nothing that can be read in it, and a 2xx: it would come back for a day.
    assert post(box, {"nothing": "here"}).status_code == 200
    outcomes = box.query("select outcome from deliveries order by id")
    assert [row.outcome for row in outcomes] == ["accepted", "unreadable"]


@pytest.mark.parametrize("shape", [{}, {"legacy": True}], ids=["chosen", "all"])
def test_a_workflow_sends_what_the_mapping_reads(
    box: Stack, shape: dict[str, bool]
) -> None:
    subscribe(box)
    (lead_id,) = create(box, 1)
    reads = ["email", "country", "company", "website", "jobtitle"]
    call = {
        "url": f"{box.web_url}/webhooks/hubspot/hubspot",
        "ids": [str(lead_id)],
        **(shape or {"properties": reads}),
    }
    # Without a signature it is anybody's.
    unsigned = box.sandbox("hubspot/call-workflow", {**call, "auth": "none"})
    assert [one["status"] for one in unsigned["sent"]] == [401]
    sent = box.sandbox("hubspot/call-workflow", call)["sent"]
    assert [one["status"] for one in sent] == [200]
    assert box.await_final(1) == {"written": 1}
    assert_right(box, [lead_id])
    # Its values came along: the read before the write is the only one.
    assert operations(box)["batch_read"] == 1


def test_contacts_without_a_webhook_are_found_by_search(box: Stack) -> None:
    subscribe(box)
    search(box)
    # What a contact was made with is no change; so it was made a minute ago.
    box.sandbox("config", {"clock": {"offset_s": -60}})
    ids = create(box, 60)
    box.sandbox("config", {"clock": {"offset_s": 0}})
    assert search(box)["missed"] == 60
    assert box.await_final(60) == {"written": 60}
    assert_right(box, ids)
    # Our own writes have modified them all, and changed nothing that is read.
    assert search(box)["missed"] == 0
    box.sandbox("hubspot/change", {"id": str(ids[0]), "values": {"city": "smb"}})
    assert search(box)["missed"] == 1
    box.await_final(61)
    assert box.run_of(ids[0]).event == "updated"


def test_companies_are_records_like_contacts(box: Stack) -> None:
    made = requests.post(
        f"{box.sandbox_url}/crm/v3/objects/companies",
        json={"properties": {"name": "Acme", "domain": "acme.example"}},
        headers={"Authorization": "Bearer sandbox-hubspot-token"},
        timeout=30,
    )
    own = int(made.json()["id"])
    about = {"subscriptionType": "object.creation", "objectTypeId": "0-2"}
    assert post(box, [event(own, **about)]).json()["accepted"] == 1
    assert box.await_final(1) == {"written": 1}
    company = people.full_answer("x@acme.example")["company"]
    assert {
        "sixsense_industry": company["industry"],
        "sixsense_employees": company["employeeCount"],
    }.items() <= contacts(box)[own].items()


def test_doctor_and_a_test_event_speak_hubspot(box: Stack) -> None:
    (lead_id,) = create(box, 1)
    assert box.await_final(1) == {"written": 1}
    said = box.command("doctor", "--source", "hubspot")
    assert "contacts may be written" in said
    assert "a day used in account 48210077" in said
    box.command("send", "hubspot", "hubspot", f"id={lead_id}", "--go")
    assert box.await_final(2) == {"written": 1, "kept": 1}


def test_a_first_mapping_file_comes_from_the_pulled_properties(
    box: Stack, tmp_path: Path
) -> None:
    folder = {"MAPPINGS_DIR": str(tmp_path)}
    said = box.command("schema", "pull", "hubspot", **folder)
    assert "hubspot.contact.json: 28 fields of contact" in said
    box.command("mapping", "init", "hubspot", **folder)
    made = (tmp_path / "hubspot.yaml").read_text()
    assert "object: contact" in made
    # 6sense's word is the label of an option; its internal value is what is written.
    assert 'sixsense_stage: "purchase"' in made
    assert "2 tests, all passed." in box.command("check", **folder)


def test_properties_that_are_lacking_are_made(box: Stack, tmp_path: Path) -> None:
    made = CHANGES + "  sx_hot: {from: lead.city, as: boolean, write: always}\n"
    (tmp_path / "changes.yaml").write_text(made)
    (tmp_path / "companies.yaml").write_text(
        COMPANIES + "  sx_size: {from: account.company.employee_range}\n"
    )
    folder = {"MAPPINGS_DIR": str(tmp_path)}
    plan = ("setup", "hubspot", "--create-fields")
    said = box.command(*plan, exit_code=1, **folder)
    assert "hubspot lacks 1 field of contact:" in said
    assert "1 field made" in box.command(*plan, "--go", **folder)
    assert "has every field" in box.command(*plan, **folder)
    assert "1 field made" in box.command(*plan, "--go", "--object", "company", **folder)
    box.command("schema", "pull", "hubspot", **folder)
    pulled = json.loads((tmp_path / "schemas" / "hubspot.contact.json").read_text())
    assert pulled["fields"]["sx_hot"]["type"] == "boolean"
    # Its name has letters that no property of HubSpot's has.
    (tmp_path / "changes.yaml").write_text(CHANGES + "  sxHot: {from: lead.city}\n")
    assert "small letters" in box.command(*plan, "--go", exit_code=1, **folder)


def test_a_contact_that_keeps_changing_hides_no_other(
    server_url: str, tmp_path: Path
) -> None:
    with installed(server_url, tmp_path, RECONCILE_GRACE_S="30") as box:
        search(box)
        busy = old(box, "2001", "busy@tubes.example")
        assert search(box)["missed"] == 1
        for n, city in enumerate(("smb", "emea", "icp"), 1):
            # Too young: its webhook might still be on its way.
            change = {"id": busy, "values": {"city": city}}
            box.sandbox("hubspot/change", change)
            old(box, f"300{n}", f"other{n}@tubes.example")
            assert search(box)["missed"] == 1


def old(box: Stack, own: str, email: str) -> str:
    """A contact that was made a minute ago, and of which no webhook came."""
    box.sandbox("config", {"clock": {"offset_s": -60}})
    box.sandbox("hubspot/contacts", {"contacts": [{"id": own, "email": email}]})
    box.sandbox("config", {"clock": {"offset_s": 0}})
    return own
