"""Credits: counted as 6sense takes them, and never more than a budget has."""

from __future__ import annotations

from typing import Any

from tests.stack import Stack, email_of, until, values_of

WAIT = "/webhooks/marketo-five"
FALL_BACK = "/webhooks/marketo-two/two-scores"


def send(box: Stack, lead_id: int, path: str = WAIT, **more: Any) -> None:
    lead = {"id": lead_id, "email": email_of(lead_id), **more}
    assert box.post(lead, path=path).json()["status"] == "accepted"


def charged(box: Stack) -> tuple[int, int]:
    """Credits by the sandbox's own count, and by ours."""
    tokens = box.state()["sixsense"]["tokens"].values()
    ours = box.query("select coalesce(sum(credits), 0)::int as n from usage_days")
    return sum(one["credits_used"] for one in tokens), ours[0].n


def spend(box: Stack, mapping: str, credits: int) -> None:
    """As if so many credits had been spent today."""
    box.query(
        "insert into usage_days values ((now() at time zone 'UTC')::date, 'another',"
        " 'lead-scoring-and-firmographics', 'enrichment', :mapping, 'sixsense',"
        " :n, :n, :n)",
        mapping=mapping,
        n=credits,
    )


def test_what_a_budget_has_is_spent_and_the_others_wait_for_the_next_day(
    box: Stack,
) -> None:
    ids = box.seed(8)
    for lead_id in ids:
        send(box, lead_id)
    until(lambda: box.counts() == {"written": 3, "ready": 5}, "the budget to be spent")
    until(lambda: not _due(box), "the others to wait")
    assert charged(box) == (3, 3)
    rows = box.query("select error, cause from runs where state = 'ready'")
    assert {row.cause for row in rows} == {"BudgetSpent"}
    assert "3 credits a day of sixsense in five-wait are spent" in rows[0].error
    assert box.query("select 1 from runs where attempts > 0") == []
    _next_day(box)
    until(lambda: box.counts() == {"written": 6, "ready": 2}, "the next day's credits")
    _next_day(box)
    assert box.await_final(8) == {"written": 8}
    assert charged(box) == (8, 8)


def _due(box: Stack) -> bool:
    return bool(
        box.query("select 1 from runs where state = 'ready' and due_at <= now()")
    )


def _next_day(box: Stack) -> None:
    box.query("update usage_days set day = day - 1")
    box.let_waits_end()


def test_a_lookup_with_a_way_out_goes_it(box: Stack) -> None:
    (lead_id,) = box.seed(1)
    spend(box, "two-scores", 1000)
    send(box, lead_id, FALL_BACK)
    assert box.await_final(1) == {"written": 1}
    (asked,) = box.query("select api, credits from run_lookups")
    assert (asked.api, asked.credits) == ("lead-scoring", 0)
    expected = values_of(email_of(lead_id))["sixsenseIntent"]
    assert box.leads([lead_id])[lead_id]["sixsenseIntent"] == expected


def test_a_record_that_is_paid_for_is_asked_about_whatever_is_spent(box: Stack) -> None:
    one, two = box.seed(2)
    send(box, one)
    assert box.await_final(1) == {"written": 1}
    spend(box, "five-wait", 3)
    # Another question about the same record costs nothing for thirty days.
    send(box, one, title="Buyer")
    send(box, two)
    until(lambda: box.counts() == {"written": 1, "kept": 1, "ready": 1}, "one of two")
    assert charged(box)[0] == 1
    credits = box.query("select credits from enrichments order by id")
    assert [row.credits for row in credits] == [1, 0]


def test_the_limit_of_the_installation_holds_for_every_mapping(
    box: Stack,
) -> None:
    # A million a month, by the setting CREDITS_PER_MONTH.
    (lead_id,) = box.seed(1)
    spend(box, "another", 1_000_000)
    send(box, lead_id, FALL_BACK)
    assert box.await_final(1) == {"written": 1}
    assert box.query("select api from run_lookups")[0].api == "lead-scoring"


def test_no_call_is_made_twice_for_what_the_ledger_knows(box: Stack) -> None:
    ids = box.seed(5)
    for lead_id in ids:
        send(box, lead_id, FALL_BACK)
        box.post_lead(lead_id)
        box.post_lead(lead_id)
    box.await_final(10)
    assert box.state()["sixsense"]["operations"]["lead_scoring_firmographics_v2"] <= 10
    assert charged(box) == (5, 5)


def test_a_source_with_a_token_of_its_own_spends_that_ones_credits(box: Stack) -> None:
    one, two = box.seed(2)
    send(box, one)
    box.post_lead(two)
    assert box.await_final(2) == {"written": 2}
    tokens = box.state()["sixsense"]["tokens"].values()
    assert [each["credits_used"] for each in tokens] == [1, 1]
    rows = box.query("select token, mapping from usage_days order by token")
    assert [tuple(row) for row in rows] == [
        ("default", "marketo"),
        ("marketo-five", "five-wait"),
    ]
