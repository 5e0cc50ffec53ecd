"""Records that came without a run: found by asking, and run once."""

from __future__ import annotations

from typing import Any

from app.ledger import wakeups
from app.ledger.wakeups import Wake
from tests.stack import Stack, email_of, until


def search(box: Stack, source: str = "marketo") -> dict[str, Any]:
    """Search now, and wait for the end of it; what the worker said."""
    before = len(box.logged("source searched"))
    wakeups.wake(box.database, [Wake("reconcile", source)])
    until(lambda: len(box.logged("source searched")) > before, "the search")
    return box.logged("source searched")[-1]


def test_only_leads_whose_webhook_never_came_are_found(box: Stack) -> None:
    search(box)
    ids = box.seed(310)
    for lead_id in ids[:3]:
        box.post_lead(lead_id)
    assert search(box)["missed"] == 307
    assert box.await_final(310) == {"written": 310}
    box.assert_right(ids)
    events = box.query("select outcome, count(*) as n from deliveries group by 1")
    assert {row.outcome: row.n for row in events} == {"accepted": 3, "found": 2}
    # Once more, and nothing is new.
    assert (search(box)["found"], search(box)["found"]) == (0, 0)
    assert box.counts() == {"written": 310}


def test_a_webhook_that_comes_after_all_costs_nothing(box: Stack) -> None:
    search(box)
    (lead_id,) = box.seed(1)
    search(box)
    assert box.await_final(1) == {"written": 1}
    box.post_lead(lead_id)
    box.await_final(2)
    assert box.counts() == {"written": 1, "kept": 1}
    credits = box.query("select sum(credits) as n from enrichments")[0].n
    assert credits == 1


def test_what_came_before_the_first_search_is_left_alone(box: Stack) -> None:
    box.sandbox("config", {"clock": {"offset_s": -3600}})
    box.seed(2)
    box.sandbox("config", {"clock": {"offset_s": 0}})
    assert search(box)["found"] == 0
    assert box.counts() == {}


def test_a_token_that_is_not_taken_any_more_is_replaced_by_the_time(box: Stack) -> None:
    search(box)
    (lead_id,) = box.seed(1)
    box.query("update cursors set cursor = 'of-another-account'")
    wakeups.wake(box.database, [Wake("reconcile", "marketo")])
    until(lambda: not box.query("select cursor from cursors")[0].cursor, "its end")
    assert search(box)["missed"] == 1
    assert box.await_final(1) == {"written": 1}
    assert box.run_of(lead_id).event == "created"


def test_changes_are_runs_too_but_not_those_that_we_made(box: Stack) -> None:
    (lead_id,) = box.seed(1)
    assert search(box, "marketo-three")["missed"] == 1
    assert box.await_final(1) == {"written": 1}
    # The mapping for updates reads the address, and we write another field.
    box.type_in(lead_id, email="jo@tubes.example")
    assert search(box, "marketo-three")["missed"] == 1
    box.await_final(2)
    assert box.run_of(lead_id).event == "updated"
    assert search(box, "marketo-three")["found"] == 0
    assert email_of(lead_id) != "jo@tubes.example"


def test_a_search_that_lacks_its_permission_does_not_stop_the_writes(
    box: Stack,
) -> None:
    box.sandbox("config", {"marketo": {"denied": ["paging_token", "lead_changes"]}})
    (lead_id,) = box.seed(1)
    wakeups.wake(box.database, [Wake("reconcile", "marketo")])
    until(lambda: ("source", "marketo search") in box.pauses(), "a pause of searches")
    box.post_lead(lead_id)
    assert box.await_final(1) == {"written": 1}
    assert list(box.pauses()) == [("source", "marketo search")]
    assert "1 resumed" in box.command("resume", "source", "marketo search")
