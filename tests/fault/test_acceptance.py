"""Two workers, one killed for good, 30 % of all calls failing: every lead is final.

What Leadbridge is there for, in one test. The rate limits of both sides stay on; only
the clock is shorter.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import pytest

from tests.stack import Stack, until

#: One in fifty leads has a value that Marketo refuses, once.
REFUSED_EVERY = 50
REFUSED_FIELD = "sixsenseDomain"
#: With 30 % failing, eleven tries would not always do.
WAITS = ",".join(["0.3", "0.6", *["1"] * 18])


def script_faults(box: Stack, refused: Sequence[int]) -> None:
    """Nearly every third call to 6sense fails, and to Marketo; in all their ways."""
    ways: list[tuple[str, str, dict[str, Any]]] = [
        ("sixsense", "status", {"status": 500}),
        ("sixsense", "status", {"status": 503, "retry_after": 1}),
        ("sixsense", "drop_connection", {}),
        ("sixsense", "html", {}),
        ("sixsense", "broken_json", {}),
        ("marketo", "status", {"status": 502, "after_work": True}),
        ("marketo", "code", {"code": "611"}),
        ("marketo", "timeout_after_work", {"hold_s": 0.1}),
        ("marketo", "drop_connection", {}),
    ]
    for seed, (system, kind, more) in enumerate(ways, 1):
        match = {"percent": 7, "seed": seed}
        box.fault(system, kind, match=match, times="forever", **more)
    # Twice in a row would be credentials that are wrong, and pause the source.
    box.fault("marketo", "expired_token", match={"every": 14}, times="forever")
    for lead_id in refused:
        more = {"code": "1003", "field": REFUSED_FIELD, "match": {"id": lead_id}}
        box.fault("marketo", "record", **more)


def refusals(box: Stack) -> set[int]:
    """Leads of which the ledger says that a field was refused."""
    rows = box.query(
        "select lead_id from runs r, jsonb_array_elements(r.decisions) as d"
        " where d ->> 'reason' = 'refused'"
    )
    return {int(row.lead_id) for row in rows}


def play(box: Stack, count: int, *, rate: dict[str, Any], within_s: float) -> None:
    """The whole case: `count` leads come in, and one worker of two dies on the way."""
    box.start_sandbox(sixsense=rate)
    box.start_web()
    ids = box.seed(count)
    script_faults(box, refused := ids[::REFUSED_EVERY])
    doomed = box.start_worker()
    box.start_worker()
    assert box.post_leads(ids) == set(ids)
    until(lambda: box.counts().get("written", 0) > count / 10, "a tenth to be written")
    doomed.kill()
    assert sum(box.counts().values()) == count
    assert box.counts().get("written", 0) < count, "the kill came too late"
    counts = box.await_final(count, within_s=within_s)
    failed = box.query("select lead_id, cause, reason from runs where state = 'failed'")
    assert counts == {"written": count}, failed[:3]
    without = refusals(box)
    assert without <= set(refused)
    box.assert_right([n for n in ids if n not in without])
    box.assert_right(sorted(without), absent=[REFUSED_FIELD])
    box.assert_recorded_once([n for n in ids if n not in without])
    assert box.refused() == {"sixsense": {}, "marketo": {}}
    statuses = box.state()["sixsense"]["statuses"]
    assert sum(n for status, n in statuses.items() if status >= "500") > count / 10


def test_two_thousand_leads_survive_a_killed_worker_and_a_third_of_errors(
    stack: Callable[..., Stack],
) -> None:
    box = stack(
        RETRY_WAITS_S=WAITS,
        SIXSENSE_RATE_LIMIT="1000",
        RATE_WINDOW_S="6.05",
        CRM_TIMEOUT_S="5",
    )
    play(box, 2000, rate={"rate_calls": 1000, "rate_seconds": 6}, within_s=90)


@pytest.mark.prove
@pytest.mark.timeout(900)
def test_two_thousand_leads_survive_all_that_under_the_real_limit(
    stack: Callable[..., Stack],
) -> None:
    box = stack(
        RETRY_WAITS_S=WAITS,
        SIXSENSE_RATE_LIMIT="100",
        RATE_WINDOW_S="6.05",
        CRM_TIMEOUT_S="5",
    )
    play(box, 2000, rate={"rate_calls": 100, "rate_seconds": 6}, within_s=600)
