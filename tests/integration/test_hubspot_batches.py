"""HubSpot in hundreds, through real processes: what is refused, gone, or too new."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest

from tests.hubspot_stack import (
    PRODUCT,
    SOURCE,
    assert_right,
    contacts,
    create,
    expected,
    gather,
    let_go,
    operations,
    subscribe,
)
from tests.stack import Stack, until

READING: list[Mapping[str, Any]] = [
    {"operation": "batch_read", "kind": "status", "status": 502},
]
WRITING: list[Mapping[str, Any]] = [
    {"operation": "batch_read", "kind": "html"},
    {"operation": "batch_update", "kind": "timeout_after_work", "hold_s": 0.1},
    {"operation": "batch_update", "kind": "status", "status": 504, "after_work": True},
    {"operation": "batch_update", "kind": "drop_connection"},
]


@pytest.fixture
def box(hubspot: Stack) -> Stack:
    return hubspot


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
    # One might have been too new to be found: each is looked for again.
    box.look_again(archived)
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
    box.look_again(lost)
    assert box.await_final(1) == {"written": 1}
    run = box.run_of(lost)
    assert (run.lead_id, run.record_id) == (str(lost), str(stays))
    # By its own address, which is one of the other's by now.
    found = contacts(box)[stays]
    wanted = expected(lost)
    assert {name: found.get(name) or "" for name in wanted} == wanted
    assert found["email"] == "ada@tubes.example"


def test_a_token_that_is_not_taken_holds_the_source_and_no_lead(box: Stack) -> None:
    box.sandbox("config", {"hubspot": {"denied": ["batch_update"]}})
    ids = create(box, 2)
    until(lambda: box.pauses().keys() == {SOURCE}, "the source to be paused")
    assert "MISSING_SCOPES" in box.pauses()[SOURCE]
    box.sandbox("config", {"hubspot": {"denied": []}})
    box.let_waits_end()
    assert box.await_final(2) == {"written": 2}
    assert_right(box, ids)


def test_a_read_that_is_refused_for_one_costs_no_neighbour(box: Stack) -> None:
    ids = gather(box, 6)
    bad = {"kind": "status", "status": 400, "match": {"id": str(ids[3])}}
    box.faults({"system": "hubspot", "operation": "batch_read", **bad, "times": 9})
    let_go(box, "hubspot")
    until(lambda: box.counts() == {"ready": 5, "failed": 1}, "the others to be fetched")
    assert "it does not take the request" in box.run_of(ids[3]).reason
    box.let_waits_end()
    assert box.await_final(6) == {"written": 5, "failed": 1}
    assert_right(box, [n for n in ids if n != ids[3]])


def test_a_contact_that_cannot_be_read_yet_is_waited_for(box: Stack) -> None:
    box.sandbox("config", {"hubspot": {"visible_after_ms": 45_000}})
    (lead_id,) = create(box, 1)
    until(lambda: box.counts() == {"received": 1}, "the webhook")
    until(lambda: box.run_of(lead_id).attempts == 1, "the first look")
    box.let_waits_end()
    until(lambda: box.run_of(lead_id).attempts == 2, "the second look")
    # The last look is a minute later.
    box.sandbox("config", {"clock": {"offset_s": 60}})
    box.let_waits_end()
    assert box.await_final(1) == {"written": 1}
    assert_right(box, [lead_id])


def test_a_lock_is_waited_out(box: Stack) -> None:
    locked = {"operation": "batch_update", "kind": "status", "status": 423}
    box.faults({"system": "hubspot", **locked, "times": 1})
    create(box, 1)
    until(lambda: "batch failed" in str(box.logged("batch failed")), "the lock")
    assert box.logged("batch failed")[-1]["request_id"]
    box.let_waits_end()
    assert box.await_final(1) == {"written": 1}


@pytest.mark.parametrize(
    "options", [{"error_list": "first"}, {"error_list": "none"}, {"trace_errors": True}]
)
def test_a_bad_value_is_found_however_it_is_told(
    box: Stack, options: dict[str, Any]
) -> None:
    box.sandbox("config", {"hubspot": options})
    ids = create(box, 6)
    assert box.await_final(6) == {"written": 6}
    box.pause(*SOURCE)
    for n in ids:
        values = {"city": "Nowhere" if n == ids[2] else "smb"}
        box.sandbox("hubspot/change", {"id": str(n), "values": values})
    until(lambda: sum(box.counts().values()) == 12, "the changes to come in")
    box.let_waits_end()
    box.await_final(12)
    found = contacts(box)
    lists = {n: found[n].get("sixsense_lists") for n in ids}
    assert {n for n, value in lists.items() if value == "smb"} == {*ids} - {ids[2]}
