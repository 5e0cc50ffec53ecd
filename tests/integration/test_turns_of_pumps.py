"""A pump's turn has a budget of time; what is left goes on in the next one."""

from __future__ import annotations

from collections.abc import Callable

from tests.stack import NO_LIMITS, UNLIMITED, Stack

LEADS = 60


def test_what_a_turn_leaves_is_the_next_one_s_without_the_sweep(
    stack: Callable[..., Stack],
) -> None:
    # Turns so short that each starts one call at most, and a sweep that never comes.
    short = {"ENRICH_BUDGET_S": "0.05", "SWEEP_EVERY_S": "3600", "ENRICH_THREADS": "2"}
    box = stack(**UNLIMITED, **short)
    box.start_sandbox(**NO_LIMITS)
    box.start_web()
    box.start_worker()
    ids = box.seed(LEADS)
    assert box.post_leads(ids, at_once=16) == set(ids)
    assert box.await_final(LEADS) == {"written": LEADS}
    turns = [one for one in box.logged("asked 6sense") if one["answered"]]
    assert len(turns) > 1
