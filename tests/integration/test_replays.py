"""`leadbridge replay` and the filters of `runs`, against runs that really failed."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from app.ledger import reports
from app.ledger.replays import Replays, Restart
from app.ledger.reports import RunFilter
from app.ledger.runs import Runs
from app.sixsense.client import SixsenseClient
from tests.stack import TOKEN, Stack, email_of, until, values_of

TOKEN_SCOPE = SixsenseClient({"default": TOKEN}).token_limit_name("lead-scoring")
REFUSED = {"system": "sixsense", "kind": "status", "status": 400}


def fails(box: Stack, *ids: int) -> None:
    """6sense refuses these leads, each once; their runs fail."""
    box.faults(*({**REFUSED, "match": {"email": email_of(n)}} for n in ids))
    for lead_id in ids:
        box.post_lead(lead_id)
    box.await_final(len(ids))


def replayed(box: Stack, *arguments: str, **more: Any) -> dict[str, Any]:
    """What `replay` says, as JSON."""
    return json.loads(box.command("replay", *arguments, "--json", **more))


def test_failures_of_one_cause_are_told_and_start_again(box: Stack) -> None:
    first, second = box.seed(2)
    fails(box, first, second)
    ids = [box.run_of(n).id for n in (first, second)]
    (problem,) = map(
        json.loads,
        box.command("runs", "--by", "cause", "--json", "--since", "1h").splitlines(),
    )
    assert (problem["cause"], problem["mapping"]) == ("RequestRefused 400", "marketo")
    assert (problem["runs"], problem["example"]) == (2, ids[1])
    said = box.command("runs", "--by", "cause")
    assert "RequestRefused 400   2 of marketo (marketo)" in said
    assert "then replay" in said
    plan = replayed(box, "--cause", "requestREFUSED")
    assert plan["runs"] == [{"mapping": "marketo", "state": "failed", "runs": 2}]
    # Both in one batch: read, and written.
    assert plan["crm_calls"] == {"marketo": 2}
    assert (plan["questions"], plan["credits"]) == (2, 2)
    assert plan["example"] == ids[0]
    assert box.counts() == {"failed": 2}, "a plan changes nothing"
    assert replayed(box, "--cause", "requestREFUSED 5", "--go")["count"] == 0
    said = box.command("replay", "--cause", "requestREFUSED", "--go")
    assert "2 runs started again.\n  2 of marketo, failed" in said
    assert box.await_final(2) == {"written": 2}
    box.assert_right([first, second])
    run = box.run_of(first)
    assert (run.id, run.is_bulk, run.attempts, run.cause) == (ids[0], True, 0, None)
    story = box.command("runs", "show", str(run.id))
    assert "replayed by hand; was failed, RequestRefused 400: sixsense: " in story
    assert "→ matched, 1 credit" in story
    # Written ones are left, unless somebody says so.
    assert replayed(box, "--go")["count"] == 0
    assert replayed(box, "--state", "written")["count"] == 2


def test_a_plan_tells_which_questions_are_answered_and_which_are_free(
    box: Stack,
) -> None:
    (lead_id,) = box.seed(1)
    box.post_lead(lead_id)
    assert box.await_final(1) == {"written": 1}
    plan = replayed(box, "--state", "written")
    assert (plan["questions"], plan["credits"]) == (0, 0)
    # Not fresh any more, but 6sense asks for no credit within 30 days.
    box.query("update enrichments set asked_at = now() - interval '29 days'")
    plan = replayed(box, "--state", "written")
    assert (plan["questions"], plan["credits"]) == (1, 0)
    box.query("update enrichments set asked_at = now() - interval '31 days'")
    plan = replayed(box, "--state", "written")
    assert (plan["questions"], plan["credits"]) == (1, 1)


def test_a_newer_run_of_the_record_counts(box: Stack) -> None:
    (lead_id,) = box.seed(1)
    fails(box, lead_id)
    old = box.run_of(lead_id).id
    box.post_lead(lead_id, country="Norway")
    assert box.await_final(2) == {"failed": 1, "written": 1}
    found = replayed(box, str(old), "--go")
    assert found["count"] == 0
    assert found["left"] == {"a newer run of the same record counts": 1}
    said = box.command("replay", "--go", "--even-if-newer", exit_code=2)
    assert "--even-if-newer goes with ids" in said
    # Whoever says so means it, also when the first try fails.
    box.faults({"system": "sixsense", "kind": "status", "status": 503, "times": 1})
    assert replayed(box, str(old), "--go", "--even-if-newer")["count"] == 1
    until(lambda: has_waited(box, old), "the first try to fail")
    box.let_waits_end()
    assert box.await_final(2) == {"kept": 1, "written": 1}


def has_waited(box: Stack, run_id: int) -> bool:
    (run,) = box.query("select attempts from runs where id = :id", id=run_id)
    return bool(run.attempts)


def test_a_thin_event_is_fetched_anew(box: Stack) -> None:
    (lead_id,) = box.seed(1)
    box.faults({**REFUSED, "match": {"email": email_of(lead_id)}})
    box.post({"id": lead_id})
    assert box.await_final(1) == {"failed": 1}
    assert box.run_of(lead_id).lead["email"] == email_of(lead_id)
    new = "ada@tubes.example"
    box.type_in(lead_id, email=new)
    plan = replayed(box)
    # It is fetched, its current values are read, and it is written.
    assert plan["crm_calls"] == {"marketo": 3}
    assert replayed(box, "--go")["count"] == 1
    assert box.await_final(1) == {"written": 1}
    run = box.run_of(lead_id)
    assert (run.lead["email"], run.is_bulk) == (new, True)
    score = values_of(new)["sixsenseIntent"]
    assert box.leads([lead_id])[lead_id]["sixsenseIntent"] == score


def test_runs_that_cannot_start_are_left_with_the_reason(box: Stack) -> None:
    ids = box.seed(4)
    fails(box, *ids)
    forgotten, gone, unwanted, good = (box.run_of(n).id for n in ids)
    box.query(
        "update runs set lead = '{}', lead_codec = 'purged' where id = :id",
        id=forgotten,
    )
    box.query("update runs set mapping = 'older' where id = :id", id=gone)
    box.query("update runs set event = 'updated' where id = :id", id=unwanted)
    named = [str(n) for n in (forgotten, gone, unwanted, good, 0)]
    said = box.command("replay", *named, "--go", exit_code=1)
    assert "1 run started again.\n" in said
    assert "3 runs left as they are:\n" in said
    for reason in (
        "1: what the event brought is not kept any more",
        "1: there is no mapping file older of marketo any more",
        "1: marketo does not want the event lead updated any more",
        "There is no run 0 that fits.",
    ):
        assert reason in said, reason
    assert box.await_final(4) == {"failed": 3, "written": 1}
    said = box.command("replay", "--state", "ready", exit_code=2)
    assert "Only runs that have ended" in said


def test_only_runs_that_ended_and_that_nobody_holds_start(box: Stack) -> None:
    (lead_id,) = box.seed(1)
    fails(box, lead_id)
    run = box.run_of(lead_id)
    replays = Replays(box.database)

    def restarted() -> set[int]:
        lead = {**run.lead, "country": "Norway"}
        restart = Restart(
            run.id, "1", "lead", "id", run.record_id, lead, "ready", "nobody's"
        )
        return replays.start([restart])

    with box.database.transaction() as connection:
        # Somebody is accepting a newer event of the record.
        connection.exec_driver_sql(f"select from runs where id = {run.id} for update")
        assert restarted() == set()
    box.query("update runs set owner = -1 where id = :id", id=run.id)
    assert restarted() == set()
    box.query("update runs set owner = null where id = :id", id=run.id)
    assert restarted() == {run.id}
    assert box.run_of(lead_id).lead["country"] == "Norway"
    box.query("update runs set last_event_at = now() - interval '2 days'")
    # Its record is not told that it waits: it has been told long ago that it failed.
    assert Runs(box.database).long_waiting(timedelta(hours=1)) == []
    assert restarted() == set(), "it is under way now"
    box.query("update runs set state = 'failed', finished_at = now()")
    box.post_lead(lead_id, country="Sweden")
    assert restarted() == set(), "a newer run came meanwhile"


@pytest.fixture(scope="module")
def two(installation: Stack) -> Stack:
    """A failed run of three hours ago, and one that waits; nobody changes them."""
    installation.clear(sixsense={"rate_calls": 0}, marketo={"rate_calls": 0})
    first, second = installation.seed(2)
    fails(installation, first)
    installation.query("update runs set received_at = now() - interval '3 hours'")
    installation.pause("token", TOKEN_SCOPE)
    installation.post_lead(second)
    return installation


HOURS_AGO = datetime.now(UTC) - timedelta(hours=2)


@pytest.mark.parametrize(
    ("chosen", "count"),
    [
        (RunFilter(), 2),
        (RunFilter(cause="requestrefused"), 1),
        (RunFilter(cause="400"), 0),
        (RunFilter(cause="%"), 0),
        (RunFilter(states=("failed",)), 1),
        (RunFilter(states=("failed", "ready")), 2),
        (RunFilter(result="matched"), 0),
        (RunFilter(since=HOURS_AGO), 1),
        (RunFilter(until=HOURS_AGO), 1),
        (RunFilter(since=HOURS_AGO, cause="RequestRefused"), 0),
        (RunFilter(is_waiting=True), 1),
    ],
)
def test_runs_are_filtered(two: Stack, chosen: RunFilter, count: int) -> None:
    assert len(reports.runs(two.database, chosen)) == count


def test_what_waits_is_listed(two: Stack) -> None:
    said = two.command("runs", "--waiting", "--since", "2 hours", "--json")
    (row,) = said.splitlines()
    assert json.loads(row)["state"] == "ready"
