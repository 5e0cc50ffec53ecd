"""HubSpot through real processes: events of ids come in, hundreds go out."""

from __future__ import annotations

import json
import socket
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest
import requests

from app.ledger import wakeups
from app.ledger.wakeups import Wake
from sandbox import people
from sandbox.senders import sign_hubspot
from tests.stack import Stack, email_of, new_database, until

SECRET = "sandbox-hubspot-secret"
SOURCE = ("source", "hubspot")
PRODUCT = ("product", "lead-scoring-and-firmographics")
#: Every limit is HubSpot's own; 6sense's are tested elsewhere.
SANDBOX = {"sixsense": {"rate_calls": 0}, "hubspot": {"retry_ms": 50}}
#: The worked file for new contacts, and one for changes of a contact's city. What it
#: writes to the checkboxes is the city itself, so that tests choose a bad value.
CHANGES = """
mapping: 1
source: hubspot
object: contact
on: [updated]
match: {by: id, from: lead.id}
lookups: {sixsense: {api: lead-scoring, send: {email: lead.email}}}
fields:
  sixsense_lists: {from: lead.city, write: always}
  sixsense_intent:
    from: "sixsense.scores[product=Platform].company_intent_score"
    write: always
"""
#: And one for companies, which are found by their domain.
COMPANIES = """
mapping: 1
source: hubspot
object: company
match: {by: id, from: lead.id}
lookups: {account: {api: company-firmographics, send: {domain: lead.domain}}}
fields:
  sixsense_industry: {from: account.company.industry}
  sixsense_employees: {from: account.company.employee_count}
"""


@pytest.fixture(scope="module")
def installation(
    server_url: str, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Stack]:
    """Sandbox, web and worker with one HubSpot account."""
    folder = tmp_path_factory.mktemp("hubspot")
    mappings = folder / "mappings"
    mappings.mkdir()
    shipped = Path(__file__).parents[2] / "mappings"
    (mappings / "shared").symlink_to(shipped / "shared")
    (mappings / "hubspot.yaml").write_text((shipped / "hubspot.yaml").read_text())
    (mappings / "changes.yaml").write_text(CHANGES)
    (mappings / "companies.yaml").write_text(COMPANIES)
    with new_database(server_url, "hubspot") as url:
        stack = Stack(
            folder,
            url,
            mappings=mappings,
            SIXSENSE_RATE_LIMIT="0",
            CRM_TIMEOUT_S="2",
            HUBSPOT_ACCESS_TOKEN="sandbox-hubspot-token",
            HUBSPOT_CLIENT_SECRET=SECRET,
            HUBSPOT_APP_ID="7315529",
            # Workflows sign with v2; whatever has v3 is judged by that.
            HUBSPOT_SIGNATURES="all",
        )
        try:
            stack.start_sandbox(**SANDBOX)
            stack.environ["HUBSPOT_URL"] = stack.sandbox_url
            # Signatures cover the address, so it is known before web is.
            stack.web_url = f"http://127.0.0.1:{_free_port()}"
            stack.environ["PUBLIC_URL"] = stack.web_url
            stack.start_web()
            stack.start_worker()
            yield stack
        finally:
            stack.close()


def _free_port() -> int:
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return int(one.getsockname()[1])


@pytest.fixture
def box(installation: Stack) -> Stack:
    """That installation, without a contact; HubSpot sends webhooks by itself."""
    installation.clear(**SANDBOX)
    subscribe(installation, "contact.creation", "contact.propertyChange:city")
    return installation


def subscribe(box: Stack, *subscriptions: str) -> None:
    url = f"{box.web_url}/webhooks/hubspot"
    box.sandbox("hubspot/webhooks", {"url": url, "subscriptions": subscriptions})


def create(box: Stack, count: int, **more: str) -> list[int]:
    """New contacts, whose webhooks fire now."""
    ids = list(range(1001, 1001 + count))
    rows = [{"id": str(n), "email": email_of(n), **more} for n in ids]
    box.sandbox("hubspot/contacts", {"contacts": rows})
    return ids


def contacts(box: Stack) -> dict[int, dict[str, Any]]:
    """Every contact as HubSpot has it now."""
    found = box.sandbox("state", calls=0, contacts="all")["contacts"]
    return {int(key): values for key, values in found.items()}


def post(
    box: Stack,
    events: Any,
    *,
    signed: str | None = None,
    secret: str = SECRET,
    query: str = "",
) -> requests.Response:
    """One webhook, signed for the address `signed`, by default the true one."""
    url = f"{box.web_url}/webhooks/hubspot{query}"
    body = json.dumps(events).encode()
    headers = sign_hubspot("POST", signed or url, body, secret)
    return requests.post(url, data=body, headers=headers, timeout=30)


def event(record_id: int, **more: Any) -> dict[str, Any]:
    return {
        "eventId": 7, "subscriptionId": 1, "portalId": 48210077, "appId": 7315529,
        "occurredAt": 1793610900000, "subscriptionType": "contact.creation",
        "attemptNumber": 0, "objectId": record_id, "changeSource": "CRM_UI", **more,
    }  # fmt: skip


def expected(lead_id: int) -> dict[str, str]:
    """What mappings/hubspot.yaml makes of a contact, as HubSpot keeps it: texts."""
    answer = people.full_answer(email_of(lead_id))
    company, platform = answer["company"], answer["scores"][0]
    stage = platform["company_buying_stage"]
    return {
        "sixsense_intent": str(platform["company_intent_score"]),
        "sixsense_stage": stage.lower(),
        "sixsense_hot": "true" if stage in ("Decision", "Purchase") else "false",
        "sixsense_segments": ", ".join(answer["segments"]["names"]),
        "sixsense_employees": company["employeeCount"],
        "sixsense_revenue": company["annualRevenue"],
        "sixsense_domain": company["domain"],
        "sixsense_region": company["region"],
        "sixsense_industry": company["industry"],
        "sixsense_result": "matched",
    }


def assert_right(box: Stack, ids: Sequence[int]) -> None:
    found = contacts(box)
    wrong = {
        (n, name): f"{found[n].get(name)!r} instead of {value!r}"
        for n in ids
        for name, value in expected(n).items()
        if (found[n].get(name) or "") != value
    }
    assert not wrong, f"{len(wrong)} wrong values, such as {list(wrong.items())[:3]}"


def operations(box: Stack) -> dict[str, int]:
    found: dict[str, int] = box.state()["hubspot"]["operations"]
    return found


def let_go(box: Stack, scope: str) -> None:
    """End one pause, as its time would; the sweep sees it."""
    box.query("update pauses set until = now() where scope = :name", name=scope)
    box.query("update runs set due_at = now() where due_at > now()")


def gather(box: Stack, count: int) -> list[int]:
    """Contacts that came in by webhooks, and wait to be read for the first time."""
    box.pause(*SOURCE)
    box.pause(*PRODUCT)
    ids = create(box, count)
    until(lambda: box.counts() == {"received": count}, "all webhooks to be taken")
    return ids


READING: list[Mapping[str, Any]] = [
    {"operation": "batch_read", "kind": "status", "status": 502},
]
WRITING: list[Mapping[str, Any]] = [
    {"operation": "batch_read", "kind": "html"},
    {"operation": "batch_update", "kind": "timeout_after_work", "hold_s": 0.1},
    {"operation": "batch_update", "kind": "status", "status": 504, "after_work": True},
    {"operation": "batch_update", "kind": "drop_connection"},
]


@pytest.mark.parametrize("count", [200, pytest.param(1000, marks=pytest.mark.prove)])
def test_a_backlog_is_read_and_written_in_hundreds(box: Stack, count: int) -> None:
    ids = gather(box, count)
    hundreds = count // 100
    deliveries = box.query("select count(*) as n from deliveries")[0].n
    assert deliveries == hundreds
    box.faults(*({"system": "hubspot", **fault} for fault in READING))
    let_go(box, "hubspot")
    until(lambda: box.counts() == {"ready": count}, "all contacts to be fetched")
    assert operations(box) == {"batch_read": hundreds + len(READING)}
    box.pause(*SOURCE)
    box.faults(*({"system": "hubspot", **fault} for fault in WRITING))
    let_go(box, PRODUCT[1])
    until(lambda: box.counts() == {"enriched": count}, "all answers")
    box.let_waits_end()
    assert box.await_final(count) == {"written": count}
    assert_right(box, ids)
    struck = _struck(box)
    assert struck == {"batch_read": 2, "batch_update": 3}
    # A batch that failed reads again before it writes again.
    writes = hundreds + struck["batch_update"]
    reads = 2 * hundreds + sum(struck.values())
    assert operations(box) == {"batch_read": reads, "batch_update": writes}
    assert box.state()["hubspot"]["refused"] == {}
    written = box.query("select count(distinct run_id) as n from updates")[0].n
    assert written == count


def _struck(box: Stack) -> dict[str, int]:
    """How many calls met a scripted fault, by operation."""
    found: dict[str, int] = {}
    for fault in box.sandbox("faults")["faults"]:
        name = fault["operation"]
        found[name] = found.get(name, 0) + fault["used"]
    return found


def test_a_refused_value_costs_no_neighbour_a_property(box: Stack) -> None:
    ids = create(box, 20)
    assert box.await_final(20) == {"written": 20}
    box.pause(*SOURCE)
    for n in ids:
        values = {"city": "Nowhere" if n % 5 == 0 else "smb", "sixsense_intent": "1"}
        box.sandbox("hubspot/change", {"id": str(n), "values": values})
    until(lambda: sum(box.counts().values()) == 40, "the changes to come in")
    box.let_waits_end()
    assert box.await_final(40) == {"written": 40}
    found = contacts(box)
    bad = {n for n in ids if n % 5 == 0}
    assert {n for n in ids if found[n].get("sixsense_lists") == "smb"} == {*ids} - bad
    rows = box.query(
        "select lead_id from runs r, jsonb_array_elements(r.decisions) as d"
        " where d ->> 'reason' = 'refused' and d ->> 'field' = 'sixsense_lists'"
    )
    assert {int(row.lead_id) for row in rows} == bad
    # The intent of those contacts, too, which had gone out with the bad value.
    assert_right(box, ids)


def test_contacts_that_are_gone_end_alone_and_say_why(box: Stack) -> None:
    ids = gather(box, 6)
    let_go(box, "hubspot")
    until(lambda: box.counts() == {"ready": 6}, "all contacts to be fetched")
    merged, archived = ids[:2]
    box.sandbox("hubspot/change", {"id": str(merged), "merge_into": str(ids[2])})
    box.sandbox("hubspot/change", {"id": str(archived), "archive": True})
    box.let_waits_end()
    until(lambda: box.counts().get("written") == 4, "the others to be written")
    # One might have been too new to be found: each is looked for once more.
    box.let_waits_end()
    assert box.await_final(6) == {"written": 4, "failed": 1, "skipped": 1}
    assert box.run_of(archived).cause.startswith("RecordMissing")
    # Who stays has an event of its own, and a newer one.
    assert "a newer event of this record" in box.run_of(merged).reason
    assert_right(box, ids[2:])


@pytest.mark.parametrize("merge_id", ["winner", "new"])
def test_a_contact_who_was_merged_is_followed_to_the_one_who_stays(
    box: Stack, merge_id: str
) -> None:
    box.sandbox("config", {"hubspot": {"merge_id": merge_id}})
    subscribe(box)
    other = {"id": "2001", "email": "ada@tubes.example"}
    box.sandbox("hubspot/contacts", {"contacts": [other]})
    subscribe(box, "contact.creation")
    (lost,) = gather(box, 1)
    let_go(box, "hubspot")
    until(lambda: box.counts() == {"ready": 1}, "the contact to be fetched")
    change = {"id": str(lost), "merge_into": "2001"}
    stays = int(box.sandbox("hubspot/change", change)["changed"])
    assert (stays == 2001) is (merge_id == "winner")
    box.let_waits_end()
    until(lambda: box.run_of(lost).attempts == 1, "the first look")
    box.let_waits_end()
    assert box.await_final(1) == {"written": 1}
    run = box.run_of(lost)
    assert (run.lead_id, run.record_id) == (str(lost), str(stays))
    # By its own address, which is one of the other's by now.
    found = contacts(box)[stays]
    wanted = expected(lost)
    assert {name: found.get(name) or "" for name in wanted} == wanted
    assert found["email"] == "ada@tubes.example"


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
    assert post(box, events, query=query).status_code == 200
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


def search(box: Stack) -> dict[str, Any]:
    before = len(box.logged("source searched"))
    wakeups.wake(box.database, [Wake("reconcile", "hubspot")])
    until(lambda: len(box.logged("source searched")) > before, "the search")
    return box.logged("source searched")[-1]


def test_a_token_that_is_not_taken_holds_the_source_and_no_lead(box: Stack) -> None:
    box.sandbox("config", {"hubspot": {"denied": ["batch_update"]}})
    ids = create(box, 2)
    until(lambda: box.pauses().keys() == {SOURCE}, "the source to be paused")
    assert "MISSING_SCOPES" in box.pauses()[SOURCE]
    box.sandbox("config", {"hubspot": {"denied": []}})
    box.let_waits_end()
    assert box.await_final(2) == {"written": 2}
    assert_right(box, ids)


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
