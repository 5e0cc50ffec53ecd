"""What each answer of Marketo does to a batch, to its records and to the source."""

from __future__ import annotations

from typing import Any

import pytest
import sqlalchemy as sa

from tests.stack import Stack, email_of, until, values_of

SYNC = {"system": "marketo", "operation": "sync_leads"}
READ = {"system": "marketo", "operation": "get_leads"}
SOURCE = ("source", "marketo")


def decision(run: sa.Row[Any], field: str) -> dict[str, Any]:
    return next(one for one in run.decisions if one["field"] == field)


def gather(box: Stack, ids: list[int], *, path: str = "/webhooks/marketo") -> None:
    """Have these leads wait for the source, so that they go in one batch."""
    source = path.split("/")[2]
    box.pause("source", source)
    for lead_id in ids:
        box.post({"id": lead_id, "email": email_of(lead_id)}, path=path)
    until(lambda: box.counts() == {"enriched": len(ids)}, "all to wait for the source")


# Whole calls


@pytest.mark.parametrize(
    "fault",
    [
        {"kind": "code", "code": "601"},
        {"kind": "code", "code": "602"},
        {"kind": "expired_token"},
    ],
)
def test_an_access_token_that_ended_is_replaced_and_costs_no_attempt(
    box: Stack, fault: dict[str, str]
) -> None:
    (lead_id,) = box.seed(1)
    box.faults({**SYNC, **fault})
    box.post_lead(lead_id)
    assert box.await_final(1) == {"written": 1}
    assert box.query("select 1 from attempts") == []
    assert box.state()["marketo"]["operations"]["sync_leads"] == 2


@pytest.mark.parametrize(
    ("code", "cause", "is_long"),
    [
        ("603", "CredentialsRefused 603", True),
        ("606", "RateLimited 606", False),
        ("607", "QuotaSpent 607", True),
        ("615", "RateLimited 615", False),
    ],
)
def test_a_code_about_the_account_pauses_the_source_until_a_probe_is_taken(
    box: Stack, code: str, cause: str, *, is_long: bool
) -> None:
    (lead_id,) = box.seed(1)
    box.faults({**SYNC, "kind": "code", "code": code})
    box.post_lead(lead_id)
    until(lambda: box.pauses() == {SOURCE: cause}, "the source to be paused")
    (pause,) = box.query("select until - now() as rest from pauses")
    assert (pause.rest.total_seconds() > 60) is is_long
    until(lambda: box.run_of(lead_id).owner is None, "the batch to be let go")
    assert box.run_of(lead_id).state == "sending"
    box.let_waits_end()
    assert box.await_final(1) == {"written": 1}
    box.await_resumed()
    (batch,) = box.query("select size, attempts, settled_at from batches")
    assert (batch.size, batch.attempts) == (1, 0)
    box.assert_right([lead_id])


TROUBLES: dict[str, tuple[dict[str, Any], str]] = {
    "611": ({"kind": "code", "code": "611"}, "RemoteFault 611"),
    "502 page": ({"kind": "html", "status": 502}, "RemoteFault 502"),
    "page": ({"kind": "html"}, "AnswerUnexpected 200"),
    "cut off": ({"kind": "drop_connection"}, "Unreachable"),
    "slow": ({"kind": "latency", "ms": 3_000}, "Unreachable"),
}
#: The work was done, and nobody heard of it.
UNHEARD: dict[str, tuple[dict[str, Any], str]] = {
    "half": ({"kind": "broken_json"}, "AnswerUnexpected 200"),
    "silence": ({"kind": "timeout_after_work", "hold_s": 3}, "Unreachable"),
}


@pytest.mark.parametrize("name", [*TROUBLES, *UNHEARD])
def test_trouble_that_passes_sends_the_same_members_again(
    box: Stack, name: str
) -> None:
    fault, cause = {**TROUBLES, **UNHEARD}[name]
    ids = box.seed(2)
    gather(box, ids)
    box.faults({**SYNC, **fault})
    box.let_waits_end()
    until(lambda: box.query("select 1 from attempts") != [], "the attempt to be noted")
    (attempt,) = box.query("select * from attempts")
    assert (attempt.step, attempt.cause) == ("send", cause)
    # A newer event meanwhile is a run of its own, and waits for that outcome.
    box.post({"id": ids[0], "email": email_of(ids[0]), "title": "Chief Buyer"})
    members = box.query("select id from runs where batch_id = :b", b=attempt.batch_id)
    assert len(members) == 2
    box.let_waits_end()
    counts = box.await_final(3)
    assert counts.get("failed", 0) == 0
    again = box.query("select id from runs where batch_id = :b", b=attempt.batch_id)
    assert {row.id for row in again} == {row.id for row in members}
    box.await_resumed()
    box.assert_right(ids)


def test_trouble_while_reading_current_values_sends_nothing(box: Stack) -> None:
    (lead_id,) = box.seed(1)
    box.faults({**READ, "kind": "html"})
    box.post_lead(lead_id)
    until(lambda: box.query("select 1 from attempts") != [], "the attempt to be noted")
    assert "sync_leads" not in box.state()["marketo"]["operations"]
    box.let_waits_end()
    assert box.await_final(1) == {"written": 1}
    box.assert_right([lead_id])


def test_a_batch_refused_as_a_whole_is_split_down_to_the_one_to_blame(
    box: Stack,
) -> None:
    ids = box.seed(5)
    gather(box, ids)
    refusal = {"kind": "code", "code": "1003", "match": {"id": ids[3]}}
    box.faults({**SYNC, **refusal, "times": "forever"})
    box.let_waits_end()
    assert box.await_final(5) == {"written": 4, "failed": 1}
    run = box.run_of(ids[3])
    assert (run.state, run.cause) == ("failed", "RequestRefused 1003")
    assert run.reason.startswith("marketo could not be written: marketo refused")
    sizes = [row.size for row in box.query("select size from batches order by id")]
    assert sorted(sizes) == [1, 1, 1, 2, 2, 3, 5]
    box.assert_right([lead_id for lead_id in ids if lead_id != ids[3]])
    box.await_resumed()


# Single records


@pytest.mark.parametrize("code", ["1003", "1006"])
def test_a_field_that_is_refused_is_dropped_and_the_others_are_written(
    box: Stack, code: str
) -> None:
    first, second = box.seed(2)
    bad = {"kind": "record", "code": code, "field": "sixsenseStage"}
    box.faults({**SYNC, **bad, "match": {"id": first}})
    box.post_lead(first)
    box.post_lead(second)
    assert box.await_final(2) == {"written": 2}
    run = box.run_of(first)
    refused = decision(run, "sixsenseStage")
    assert (refused["write"], refused["reason"]) == (False, "refused")
    assert code in refused["sentence"]
    assert decision(run, "sixsenseIntent")["write"]
    assert "sixsenseStage" in run.reason
    assert decision(box.run_of(second), "sixsenseStage")["write"]
    lead = box.leads([first])[first]
    assert "sixsenseStage" not in lead
    assert lead["sixsenseIntent"] == values_of(email_of(first))["sixsenseIntent"]
    written = box.query("select values from updates where run_id = :id", id=run.id)
    assert "sixsenseStage" not in written[0].values
    names = box.query(
        "select field from last_written where record_id = :id", id=str(first)
    )
    assert "sixsenseStage" not in {row.field for row in names}


def test_a_person_that_is_not_there_is_looked_for_again_and_then_fails(
    box: Stack,
) -> None:
    (there,) = box.seed(1)
    box.faults({**SYNC, "kind": "record", "code": "1004"})
    box.post_lead(there)
    box.post_lead(4711)
    until(
        lambda: box.query("select count(*) as n from attempts")[0].n == 2,
        "both tries to be noted",
    )
    assert box.run_of(there).error.startswith("marketo has no lead with id")
    box.look_again(4711)
    assert box.await_final(2) == {"written": 1, "failed": 1}
    run = box.run_of(4711)
    assert run.state == "failed"
    assert "deleted, or merged into another" in run.reason
    assert run.cause == "RecordMissing"
    assert box.query("select count(*) as n from attempts")[0].n == 3


def test_a_thin_event_of_nobody_is_looked_for_again_and_then_fails(box: Stack) -> None:
    box.post({"id": 4711})
    until(lambda: box.query("select 1 from attempts") != [], "the first try")
    assert box.counts() == {"received": 1}
    box.look_again(4711)
    assert box.await_final(1) == {"failed": 1}
    assert box.run_of(4711).reason.startswith("marketo has no lead 4711: ")
    assert box.run_of(4711).result == "failed"
    assert box.state()["sixsense"]["calls"] == 0


def test_several_people_under_one_address_are_a_failure_with_its_reason(
    box: Stack,
) -> None:
    ids = box.seed(2, email="twins@c.example")
    body = {"id": ids[0], "email": "twins@c.example"}
    box.post(body, path="/webhooks/marketo-two/two-company")
    assert box.await_final(1) == {"failed": 1}
    run = box.run_of(ids[0])
    assert run.cause == "RecordRefused 1007"
    assert "several people match" in run.reason


def test_a_field_of_the_company_is_dropped_where_only_companies_take_it(
    box: Stack,
) -> None:
    (lead_id,) = box.seed(1)
    lead = {"id": lead_id, "email": email_of(lead_id)}
    box.post(lead, path="/webhooks/marketo-two/two-company")
    assert box.await_final(1) == {"written": 1}
    run = box.run_of(lead_id)
    assert decision(run, "industry")["reason"] == "refused"
    assert "1021" in decision(run, "industry")["sentence"]
    region = values_of(email_of(lead_id))["sixsenseRegion"]
    assert box.leads([lead_id])[lead_id]["sixsenseRegion"] == region


def test_a_record_that_is_in_use_is_written_later_its_neighbours_now(
    box: Stack,
) -> None:
    ids = box.seed(3)
    gather(box, ids)
    box.faults({**SYNC, "kind": "record", "code": "1022", "match": {"id": ids[1]}})
    box.let_waits_end()
    until(lambda: box.counts() == {"written": 2, "enriched": 1}, "one to wait")
    box.let_waits_end()
    assert box.await_final(3) == {"written": 3}
    box.assert_right(ids)


# Whose value it is


def test_a_typed_value_stays_and_our_own_earlier_one_is_replaced(box: Stack) -> None:
    typed, ours = box.seed(2)
    box.type_in(typed, sixsenseEmployees=40)
    for lead_id in (typed, ours):
        box.post_lead(lead_id)
    assert box.await_final(2) == {"written": 2}
    for lead_id in (typed, ours):
        box.post({"id": lead_id, "email": f"new{lead_id}@other{lead_id}.example"})
    assert box.await_final(4) == {"written": 4}
    leads = box.leads([typed, ours])
    assert leads[typed]["sixsenseEmployees"] == 40
    assert (
        decision(box.run_of(typed), "sixsenseEmployees")["reason"]
        == "edited-by-someone"
    )
    new = values_of(f"new{ours}@other{ours}.example")
    assert leads[ours]["sixsenseEmployees"] == new["sixsenseEmployees"]
    assert leads[ours]["sixsenseDomain"] == new["sixsenseDomain"]


def test_a_value_typed_over_ours_is_a_persons_from_then_on(box: Stack) -> None:
    (lead_id,) = box.seed(1)
    box.post_lead(lead_id)
    assert box.await_final(1) == {"written": 1}
    box.type_in(lead_id, sixsenseRegion="Mars")
    box.post({"id": lead_id, "email": "new@other.example"})
    assert box.await_final(2) == {"written": 2}
    assert box.leads([lead_id])[lead_id]["sixsenseRegion"] == "Mars"
    (update,) = box.query(
        "select values from updates where run_id = :id", id=box.run_of(lead_id).id
    )
    old = values_of(email_of(lead_id))["sixsenseDomain"]
    assert update.values["sixsenseDomain"]["before"] == old


@pytest.mark.parametrize("name", UNHEARD)
def test_a_value_is_ours_even_if_nobody_heard_that_it_was_taken(
    box: Stack, name: str
) -> None:
    (lead_id,) = box.seed(1)
    box.faults({**SYNC, **UNHEARD[name][0]})
    box.post_lead(lead_id)
    until(lambda: box.query("select 1 from attempts") != [], "the attempt to be noted")
    box.let_waits_end()
    assert box.await_final(1) == {"written": 1}
    box.post({"id": lead_id, "email": "new@other.example"})
    assert box.await_final(2) == {"written": 2}
    new = values_of("new@other.example")
    assert (
        box.leads([lead_id])[lead_id]["sixsenseEmployees"] == new["sixsenseEmployees"]
    )


def test_a_person_who_was_merged_is_followed_to_the_one_who_stays(box: Stack) -> None:
    lost, stays = box.seed(2)
    # Merging deletes one of the two, and the other has the address.
    box.type_in(stays, email=email_of(lost))
    box.delete(lost)
    box.post({"id": lost, "email": email_of(lost)})
    box.look_again(lost)
    assert box.await_final(1) == {"written": 1}
    run = box.run_of(lost)
    assert (run.lead_id, run.record_id) == (str(lost), str(stays))
    told = box.query("select message from attempts order by id desc limit 1")
    assert told[0].message == f"lead {lost} was merged into {stays}"
    assert box.leads([stays])[stays]["sixsenseIntent"] is not None


def test_a_newer_event_of_the_one_who_stays_goes_before_the_merged_one(
    box: Stack,
) -> None:
    lost, stays = box.seed(2)
    box.type_in(stays, email=email_of(lost))
    box.delete(lost)
    box.post({"id": lost, "email": email_of(lost)})
    until(lambda: box.run_of(lost).attempts == 1, "the first look")
    box.post({"id": stays, "email": email_of(lost), "country": "Norway"})
    until(lambda: box.run_of(stays).state == "written", "the newer event's write")
    box.look_again(lost)
    assert box.await_final(2) == {"written": 1, "skipped": 1}
    assert "a newer event of this record took its place" in box.run_of(lost).reason
