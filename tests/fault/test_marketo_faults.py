"""What Marketo can do amid a batch: nothing is lost, and all of it is right.

One installation for all: web, two workers, the sandbox with Marketo's own limits. Each
lead that came in ends once, with its values; and we never met one of those limits.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from tests.stack import Stack, email_of, new_database, until

#: Marketo's limits stay as they are; 6sense's are tested elsewhere.
SANDBOX = {"sixsense": {"rate_calls": 0}}
SOURCE = ("source", "marketo")
SYNC = {"system": "marketo", "operation": "sync_leads"}
FIELD = "sixsenseDomain"
#: More than one batch of 300; the long version under `make prove`.
COUNTS = [320, pytest.param(1000, marks=pytest.mark.prove)]


@pytest.fixture(scope="module")
def installation(
    server_url: str, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Stack]:
    """Sandbox, web and two workers."""
    with new_database(server_url, "marketo_faults") as url:
        stack = Stack(
            tmp_path_factory.mktemp("marketo_faults"),
            url,
            SIXSENSE_RATE_LIMIT="0",
            CRM_TIMEOUT_S="2",
        )
        try:
            stack.start_sandbox(**SANDBOX)
            stack.start_web()
            stack.start_worker()
            stack.start_worker()
            yield stack
        finally:
            stack.close()


@pytest.fixture
def box(installation: Stack) -> Stack:
    """That installation, without a lead, a pause or a fault."""
    installation.clear(**SANDBOX)
    return installation


def gather(box: Stack, count: int) -> list[int]:
    """Leads whose values are known, and only wait for Marketo."""
    ids = box.seed(count)
    box.pause(*SOURCE)
    assert box.post([{"id": n, "email": email_of(n)} for n in ids]).ok
    until(lambda: box.counts() == {"enriched": count}, "all values to be known")
    return ids


def assert_all_well(box: Stack, ids: list[int], refused: dict[str, int]) -> None:
    """0 lost, each run final and written once, right values here and over there."""
    assert box.await_final(len(ids)) == {"written": len(ids)}
    box.assert_right(ids)
    box.assert_recorded_once(ids)
    box.await_resumed()
    assert box.refused() == {"sixsense": {}, "marketo": refused}


def causes(box: Stack) -> set[str]:
    return {row.cause for row in box.query("select distinct cause from attempts")}


#: name → fault of Sync Leads, what the attempts say of it
PASSING: dict[str, tuple[dict[str, Any], set[str]]] = {
    "expired token": ({"kind": "expired_token", "after": 1}, set()),
    "maintenance page": ({"kind": "html", "times": 2}, {"AnswerUnexpected 200"}),
    "silence after the work": (
        {"kind": "timeout_after_work", "hold_s": 3},
        {"Unreachable"},
    ),
    "cut off after the work": (
        {"kind": "timeout_after_work", "hold_s": 0.1, "times": 2},
        {"Unreachable"},
    ),
    "bad gateway after the work": (
        {"kind": "status", "status": 502, "after_work": True, "times": 2},
        {"RemoteFault 502"},
    ),
    "time-out": ({"kind": "code", "code": "604", "times": 3}, {"TookTooLong 604"}),
}


@pytest.mark.parametrize("count", COUNTS)
@pytest.mark.parametrize("name", PASSING)
def test_a_fault_that_passes_loses_nothing(box: Stack, name: str, count: int) -> None:
    fault, expected = PASSING[name]
    ids = gather(box, count)
    box.faults({**SYNC, **fault})
    box.let_waits_end()
    assert_all_well(box, ids, {})
    assert causes(box) == expected
    (struck,) = box.sandbox("faults")["faults"]
    assert struck["used"] == fault.get("times", 1)


@pytest.mark.parametrize("count", COUNTS)
@pytest.mark.parametrize("code", ["606", "615"])
def test_a_limit_that_others_have_used_up_is_waited_out(
    box: Stack, code: str, count: int
) -> None:
    ids = gather(box, count)
    box.faults({**SYNC, "kind": "code", "code": code, "after": 1})
    box.let_waits_end()
    cause = f"RateLimited {code}"
    until(lambda: box.pauses() == {SOURCE: cause}, "the source to be paused")
    until(lambda: _owners(box) == 0, "the batches to be let go")
    box.let_waits_end()
    assert_all_well(box, ids, {})
    # It is no lead's fault, and costs none an attempt.
    assert {row.attempts for row in box.query("select attempts from batches")} == {0}


def _owners(box: Stack) -> int:
    rows = box.query("select count(*) as n from batches where owner is not null")
    return int(rows[0].n)


@pytest.mark.parametrize("count", COUNTS)
def test_a_spent_day_parks_everything_until_midnight_over_there(
    box: Stack, count: int
) -> None:
    ids = gather(box, count)
    # Somebody else has the day's calls; one of the next two is still taken.
    used = sum(box.state()["marketo"]["calls_by_day"].values())
    box.sandbox("config", {"marketo": {"daily_quota": used + 1}})
    box.let_waits_end()
    until(lambda: box.pauses() == {SOURCE: "QuotaSpent 607"}, "the source to be paused")
    until(lambda: _owners(box) == 0, "the batches to be let go")
    (pause,) = box.query("select until from pauses where lifted_at is null")
    reopens = pause.until.astimezone(ZoneInfo("America/Chicago"))
    assert (reopens.hour, reopens.minute) == (0, 0)
    told = box.state()["marketo"]["refused"]["607"]
    # At most what each worker had in hand; then nobody asks any more.
    assert 1 <= told <= 2
    ids += box.seed(1, first_id=9001)
    assert box.post_lead(ids[-1]).ok
    until(lambda: box.run_of(ids[-1]).state == "enriched", "who came meanwhile to wait")
    assert "written" not in box.counts()
    assert box.state()["marketo"]["refused"] == {"607": told}
    box.sandbox("config", {"clock": {"advance_s": 86_400}})
    box.let_waits_end()
    # A new day has the same few calls, unless they are given back.
    box.sandbox("config", {"marketo": {"daily_quota": 50_000}})
    assert_all_well(box, ids, {"607": told})


@pytest.mark.parametrize("count", COUNTS)
def test_a_batch_of_which_half_is_refused_writes_the_other_half(
    box: Stack, count: int
) -> None:
    ids = gather(box, count)
    bad = {"kind": "record", "code": "1003", "field": FIELD}
    box.faults(*({**SYNC, **bad, "match": {"id": n}} for n in ids[::2]))
    box.let_waits_end()
    assert box.await_final(count) == {"written": count}
    rows = box.query(
        "select lead_id from runs r, jsonb_array_elements(r.decisions) as d"
        " where d ->> 'reason' = 'refused' and d ->> 'field' = :field",
        field=FIELD,
    )
    assert {int(row.lead_id) for row in rows} == set(ids[::2])
    box.assert_right(ids[1::2])
    box.assert_right(ids[::2], absent=[FIELD])
    box.assert_recorded_once(ids[1::2])
    box.await_resumed()
    assert box.refused() == {"sixsense": {}, "marketo": {}}


def test_after_a_time_out_over_there_half_is_sent_at_a_time(box: Stack) -> None:
    ids = gather(box, 40)
    box.faults({**SYNC, "kind": "code", "code": "604", "times": 2})
    box.let_waits_end()
    assert_all_well(box, ids, {})
    rows = box.query("select size, attempts from batches order by id")
    sizes = sorted((row.attempts, row.size) for row in rows)
    # The whole; its halves; and the halves of the one that was struck again.
    assert sizes == [(0, 40), (1, 20), (1, 20), (2, 10), (2, 10)]


def test_what_could_not_be_created_is_tried_once_more(box: Stack) -> None:
    first, second, third = gather(box, 3)
    stuck = {"kind": "record", "code": "1014"}
    box.faults(
        {**SYNC, **stuck, "match": {"id": first}},
        {**SYNC, **stuck, "match": {"id": second}, "times": "forever"},
    )
    box.let_waits_end()
    assert box.await_final(3) == {"written": 2, "failed": 1}
    run = box.run_of(second)
    assert (run.state, run.cause) == ("failed", "RecordRetriable 1014")
    assert [fault["used"] for fault in box.sandbox("faults")["faults"]] == [1, 2]
    box.assert_right([first, third])
