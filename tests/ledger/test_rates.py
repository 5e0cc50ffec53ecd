"""The rate ring: never more calls in a window than it has slots, whoever asks."""

from __future__ import annotations

from datetime import datetime, timedelta
from itertools import pairwise

import pytest

from app.ledger.database import Database
from app.ledger.rates import RateRing, Slot
from tests.ledger_parts import Desk, at_once

THREADS = 4
WINDOW = timedelta(seconds=0.4)


def ring(database: Database, calls: int, window: timedelta = WINDOW) -> RateRing:
    made = RateRing(database, "a limit", calls=calls, window=window)
    made.prepare()
    return made


def taken_at(desk: Desk) -> list[datetime]:
    """When the slots were taken last, by the database's clock."""
    rows = desk.query("select at from rate_slots where at > 'epoch' order by at")
    return [row.at for row in rows]


@pytest.mark.parametrize(
    ("calls", "slots"), [(100, 98), (1, 1), (2, 1), (50, 49), (1000, 980)]
)
def test_a_limit_keeps_a_margin_and_at_least_one_slot(
    desk: Desk, calls: int, slots: int
) -> None:
    made = ring(desk.database, calls)
    assert made.slots == slots
    assert len(made.take(2_000).taken) == slots
    assert made.take(1).taken == ()


def test_no_window_of_any_position_holds_more_calls_than_the_ring_has_slots(
    desk: Desk,
) -> None:
    # Every taking is noted by a trigger with the same clock, inside its transaction.
    desk.query("create table if not exists takings (at timestamptz)")
    desk.query("delete from takings")
    desk.query(
        "create or replace function note_taking() returns trigger language plpgsql as"
        " $$ begin insert into takings values (new.at); return new; end $$"
    )
    desk.query(
        "create or replace trigger takings after update on rate_slots"
        " for each row execute function note_taking()"
    )
    made = ring(desk.database, 11)

    calls: list[Slot] = []

    def work(number: int) -> None:
        while len(calls) < 4 * made.slots:
            calls.extend(made.take(1 + number % 3).taken)

    try:
        at_once(THREADS, work)
        times = [row.at for row in desk.query("select at from takings order by at")]
    finally:
        desk.query("drop trigger takings on rate_slots")
    assert len(times) == len(calls)
    for earlier, later in zip(times, times[made.slots :], strict=False):
        assert later - earlier >= WINDOW


def test_threads_at_the_same_instant_share_the_slots(desk: Desk) -> None:
    made = ring(desk.database, 50, timedelta(hours=1))
    found = at_once(8, lambda _: [made.take(3) for _ in range(5)])
    # Who waited for another's rows may find none free, and asks again.
    rest = made.take(50)
    slots = [slot.n for one in found for slots in one for slot in slots.taken]
    assert sorted([*slots, *(slot.n for slot in rest.taken)]) == list(range(1, 50))


def test_a_slot_given_back_can_be_taken_at_once_and_its_neighbours_cannot(
    desk: Desk,
) -> None:
    made = ring(desk.database, 10, timedelta(hours=1))
    first, *others = made.take(9).taken
    assert len(others) == 8
    made.give_back([first])
    again = made.take(9)
    assert [slot.n for slot in again.taken] == [first.n]
    full = made.take(1)
    assert full.taken == ()
    assert 3_500 < full.wait_s <= 3_600


def test_slots_go_round_the_oldest_first(desk: Desk) -> None:
    made = ring(desk.database, 6, timedelta(0))
    order = [made.take(1).taken[0].n for _ in range(10)]
    assert order == [1, 2, 3, 4, 5] * 2
    assert all(a <= b for a, b in pairwise(taken_at(desk)))


def test_no_limit_is_no_row_and_no_wait(desk: Desk) -> None:
    made = ring(desk.database, 0)
    assert len(made.take(1_000).taken) == 1_000
    made.give_back(made.take(3).taken)
    assert desk.query("select 1 from rate_slots") == []


def test_a_lower_limit_takes_slots_away_and_a_higher_one_adds_some(desk: Desk) -> None:
    for calls, slots in ((10, 9), (5, 4), (20, 19)):
        ring(desk.database, calls)
        assert desk.query("select count(*) as n from rate_slots")[0].n == slots


def test_calls_at_once_are_as_many_as_there_are_slots_until_given_back(
    desk: Desk,
) -> None:
    made = RateRing(
        desk.database, "at once", calls=5, window=timedelta(hours=1), share=1.0
    )
    made.prepare()
    held = made.take(9).taken
    assert len(held) == 5
    assert made.take(1).taken == ()
    made.give_back(held[:2])
    assert len(made.take(9).taken) == 2
    # A process that died with its calls gives nothing back.
    desk.query("update rate_slots set at = at - interval '2 hours'")
    assert len(made.take(9).taken) == 5
