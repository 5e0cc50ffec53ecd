"""What people see of credits: the command, the counters, a run's story."""

from __future__ import annotations

import json
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
import requests
from click.testing import CliRunner

from app.cli import root
from tests.stack import Stack, email_of, until

WAIT = "/webhooks/marketo-five"
SCORES = "lead-scoring-and-firmographics"


def send(box: Stack, lead_id: int, path: str = WAIT, **more: Any) -> None:
    lead = {"id": lead_id, "email": email_of(lead_id), **more}
    assert box.post(lead, path=path).ok


def used(box: Stack, days_ago: int, credits: int) -> None:
    """As if so many credits had been used on that day."""
    box.query(
        "insert into usage_days values ((now() at time zone 'UTC')::date - :ago,"
        " 'default', 'people-enrichment', 'enrichment', 'old', 'person', :n, :n, :n)",
        ago=days_ago,
        n=credits,
    )


def told(box: Stack, *arguments: str, **more: Any) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(
        box.command("credits", *arguments, "--json", **more)
    )
    return found


def story(box: Stack, lead_id: int) -> str:
    return box.command("runs", "show", str(box.run_of(lead_id).id))


def day(ahead: int) -> date:
    return datetime.now(UTC).date() + timedelta(days=ahead)


def test_nothing_was_asked_yet(box: Stack) -> None:
    said = box.command("credits", "--until", str(day(1)))
    assert "6sense has not answered here yet, so no credits were counted" in said
    assert "No forecast: nothing was counted yet." in said
    assert "1000000 credits a month of the enrichment pool" in said
    found = told(box, "--balance", "5")
    assert (found["counted_since"], "forecast" in found) == (None, False)


def test_credits_budgets_and_the_runs_that_wait_are_told(box: Stack) -> None:
    ids = box.seed(5)
    for lead_id in ids:
        send(box, lead_id)
    until(lambda: box.counts() == {"written": 3, "ready": 2}, "the budget to be spent")
    waiting = "select 1 from runs where cause = 'BudgetSpent' and due_at > now()"
    until(lambda: len(box.query(waiting)) == 2, "two to wait")
    used(box, 0, 7)
    found = told(box)
    assert (found["is_estimated"], found["counted_since"]) == (True, str(day(0)))
    assert found["credits"] == [
        {
            "pool": pool,
            "today": n,
            "this_month": n,
            "last_30_days": n,
            "answers_30_days": n,
            "matched_30_days": n,
        }
        for pool, n in (("enrichment", 10), ("company-identification", 0))
    ]
    budgets = {one["mapping"]: one for one in found["budgets"]}
    assert set(budgets) == {None, "five-wait", "two-scores"}
    whole, own = budgets[None], budgets["five-wait"]
    assert (whole["pool"], whole["per"], whole["used"]) == ("enrichment", "month", 10)
    assert (whole["left"], whole["runs_waiting"]) == (999_990, 0)
    assert (own["limit"], own["used"], own["left"]) == (3, 3, 0)
    assert own["runs_waiting"] == 2
    assert own["begins_anew_at"] == f"{day(1)}T00:00:00+00:00"
    said = box.command("credits", "--by", "mapping")
    assert f"Credits, estimated: counted here since {day(0)}" in said
    assert "no API of 6sense reports a balance" in said
    rows = [line.split() for line in said.splitlines()]
    assert ["old", "enrichment", *["7"] * 5] in rows
    assert ["five-wait", "enrichment", *["3"] * 5] in rows
    (lead_id,) = [n for n in ids if box.run_of(n).state == "ready"][:1]
    run = story(box, lead_id)
    assert "waits for its budget: 3 credits a day of sixsense in five-wait" in run
    assert "BudgetSpent" not in run
    # Sums do not need the mapping files.
    said = box.command("credits", MAPPINGS_DIR=box.environ["MAPPINGS_DIR"] + "/none")
    assert "Budgets of mapping files are not among them" in said
    assert "enrichment  " in said


def test_a_limit_that_was_raised_leaves_runs_of_the_former_one(box: Stack) -> None:
    (lead_id,) = box.seed(1)
    box.pause("source", "marketo-five")
    box.pause("pool", "enrichment")
    send(box, lead_id)
    box.query(
        "update runs set cause = 'BudgetSpent', due_at = now() + interval '1 hour',"
        " error = '2 credits a day of sixsense in five-wait are spent (estimated)'"
    )
    said = box.command("credits")
    assert "1 of five-wait waiting for a limit that is not set any more" in said
    assert "The enrichment pool is paused since" in said
    assert "for a test" in said
    found = told(box)
    assert found["runs_waiting_for_former_limits"][0]["runs"] == 1
    (paused,) = found["paused"]
    assert (paused["pool"], paused["reason"]) == ("enrichment", "for a test")
    assert paused["since"] < paused["next_try_at"]


def test_a_forecast_is_a_range_and_says_of_how_many_days(box: Stack) -> None:
    for n in range(1, 21):
        used(box, n, 10 if n <= 7 else 20)
    until_day = str(day(10))
    found = told(box, "--until", until_day, "--balance", "1000")["forecast"]
    first, second = found["pools"]
    assert [(one["days"], one["a_day"]) for one in first["means"]] == [
        (7, 10.0),
        (20, 16.5),
    ]
    low, high = first["expected"]
    # The rest of today, and ten days.
    assert 100 <= low <= 110
    assert 165 <= high <= 182
    assert str(day(60)) <= first["used_up"][0] <= str(day(61))
    assert str(day(100)) <= first["used_up"][1] <= str(day(101))
    assert (second["pool"], second["expected"]) == ("company-identification", [0, 0])
    said = box.command("credits", "--until", until_day, "--balance", "1,000")
    assert f"credits expected until the end of {until_day} (estimated)" in said
    assert "10.0 a day in the last 7 days, 16.5 a day in the last 20 days" in said
    assert "a balance of 1,000 is used up between" in said
    assert "later ones may cost less" in said
    said = box.command("credits", "--balance", "company-identification=9")
    assert "a balance of 9 is not used up within ten years" in said


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--until", "2020-01-01"], "2020-01-01 is over"),
        (["--balance", "many"], "'many': say a number, or POOL=N"),
        (["--balance", "people=5"], "enrichment and company-identification"),
        (["--balance", "-5"], "say a number"),
        (["--by", "lead"], "Invalid value for '--by'"),
    ],
)
def test_what_cannot_be_meant_is_refused(arguments: list[str], words: str) -> None:
    done = CliRunner().invoke(root, ["credits", *arguments])
    assert done.exit_code == 2
    assert words in done.output


def test_counters_and_gauges_are_for_prometheus(box: Stack) -> None:
    one, two = box.seed(2)
    send(box, one)
    send(box, two, email="a@nomatch.example")
    box.await_final(2)
    headers = {"Authorization": "Bearer a-token-for-metrics"}
    lines = requests.get(f"{box.web_url}/metrics", headers=headers, timeout=10).text
    for line in (
        f'leadbridge_answers_total{{product="{SCORES}",result="matched"}} 1.0',
        f'leadbridge_answers_total{{product="{SCORES}",result="no-match"}} 1.0',
        "leadbridge_credits_estimated_total"
        f'{{pool="enrichment",product="{SCORES}"}} 1.0',
        'leadbridge_budget_left{lookup="sixsense",mapping="five-wait",per="day",'
        'pool="enrichment"} 2.0',
        'leadbridge_budget_left{lookup="",mapping="",per="month",pool="enrichment"}'
        " 999999.0",
    ):
        assert line in lines.splitlines(), lines


def test_a_story_says_why_a_match_cost_nothing(box: Stack) -> None:
    (lead_id,) = box.seed(1)
    send(box, lead_id)
    box.await_final(1)
    assert "→ matched, 1 credit (estimated), " in story(box, lead_id)
    send(box, lead_id, title="Buyer")
    box.await_final(2)
    paid = "→ matched, 0 credits (estimated): the record was paid for within 30 days"
    assert paid in story(box, lead_id)
    # No match, and an API that is free, cost nothing at any time.
    send(box, lead_id, email="a@nomatch.example")
    box.await_final(3)
    assert "→ no-match, 0 credits (estimated), " in story(box, lead_id)


def test_a_story_tells_of_the_campaign_that_follows(box: Stack) -> None:
    first, second = box.seed(2)
    path = "/webhooks/marketo-three/three-follow"
    send(box, first, path, event="updated")
    box.await_final(1)
    open_ones = "select 1 from follow_ups where ended_at is null"
    until(lambda: not box.query(open_ones), "the campaign to be requested")
    assert "  campaign 1234 requested" in story(box, first)
    run_id = str(box.run_of(first).id)
    (row,) = json.loads(box.command("runs", "show", run_id, "--json"))["follow_ups"]
    assert (row["campaign"], row["error"]) == ("1234", None)
    box.fault("marketo", "code", code="1013", operation="request_campaign")
    send(box, second, path, event="updated")
    box.await_final(2)
    until(lambda: not box.query(open_ones), "the campaign to be given up")
    assert "campaign 1234 given up: " in story(box, second)
    box.query("update follow_ups set ended_at = null, due_at = now() + interval '1 h'")
    assert "campaign 1234 is due " in story(box, second)


def test_a_story_tells_of_a_reply_and_of_its_read(box: Stack) -> None:
    (lead_id,) = box.seed(1)
    path = "/webhooks/marketo-three"
    send(box, lead_id, path, sixsenseEmployees="")
    said = story(box, lead_id)
    assert "replied: the webhook was answered with 4 values" in said
    assert "not confirmed yet: no read of the record has shown" in said
    run_id = box.run_of(lead_id).id
    box.query("update runs set reply_confirmed_at = now()")
    box.query("update runs set waiting_told_at = received_at")
    said = box.command("runs", "show", str(run_id))
    assert "a read of the record showed which values of the reply it has" in said
    assert "not confirmed yet" not in said
    events = said.splitlines()
    at = next(n for n, line in enumerate(events) if "received, event" in line)
    assert "waits for long, and its record is told so" in events[at + 1]


def test_a_run_that_was_started_again_did_not_tell_that_it_waits(box: Stack) -> None:
    (lead_id,) = box.seed(1)
    box.faults({"system": "sixsense", "kind": "status", "status": 400})
    box.post_lead(lead_id)
    assert box.await_final(1) == {"failed": 1}
    box.command("replay", "--go")
    assert box.await_final(1) == {"written": 1}
    said = story(box, lead_id)
    assert "replayed by hand" in said
    assert "waits for long" not in said


def test_a_plan_of_a_replay_knows_which_records_are_paid_for(box: Stack) -> None:
    one, two = box.seed(2)
    for lead_id in (one, two):
        send(box, lead_id)
    assert box.await_final(2) == {"written": 2}
    # Other questions, each about a record that is paid for; and one that is not.
    box.query("""update runs set lead = lead || '{"title": "Buyer"}'""")
    box.query(
        "update enrichments set asked_at = now() - interval '31 days' where id = ("
        " select enrichment_id from run_lookups where run_id = :id)",
        id=box.run_of(two).id,
    )
    replay = json.loads(box.command("replay", "--state", "written", "--json"))
    assert (replay["questions"], replay["credits"]) == (2, 1)
