"""A long drain leaves nothing behind: what the engine keeps does not grow."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from tests.stack import NO_LIMITS, UNLIMITED, Stack, email_of

COUNT = 20_000
#: Leads in one webhook: what is tested here comes after.
TOGETHER = 200
#: Rows and bytes that belong to no lead.
SMALL = {
    "procrastinate_jobs": (20, 2_000_000),
    "procrastinate_events": (100, 2_000_000),
    "procrastinate_workers": (6, 1_000_000),
    # The places of calls at the same time.
    "rate_slots": (5, 1_000_000),
    "pauses": (0, 1_000_000),
    "streaks": (0, 1_000_000),
}


@pytest.mark.prove
@pytest.mark.timeout(900)
def test_the_engines_tables_stay_small_over_twenty_thousand_leads(
    stack: Callable[..., Stack],
) -> None:
    box = stack(**UNLIMITED, MAX_BODY_BYTES="10000000")
    box.start_sandbox(**NO_LIMITS)
    box.start_web()
    box.start_worker()
    box.start_worker()
    ids = box.seed(COUNT)
    for start in range(0, COUNT, TOGETHER):
        part = ids[start : start + TOGETHER]
        assert box.post([{"id": n, "email": email_of(n)} for n in part]).ok
    assert box.await_final(COUNT, within_s=600) == {"written": COUNT}
    for table, (most_rows, most_bytes) in SMALL.items():
        (found,) = box.query(
            f"select count(*) as n, pg_total_relation_size('{table}') as size"  # noqa: S608
            f" from {table}"
        )
        assert found.n <= most_rows, table
        assert found.size <= most_bytes, table
    (batches,) = box.query("select count(*) as n, count(sent) as sent from batches")
    assert batches.sent == 0
    assert batches.n <= COUNT / 20
    box.assert_right(ids)
