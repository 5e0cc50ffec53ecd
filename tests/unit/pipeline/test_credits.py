"""What is made of counted credits: sums, budgets, rates and days to come."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

import pytest

from app.ledger.usage import Spent, UsageDay, Waits
from app.pipeline.budgets import Limit
from app.pipeline.credits import (
    Rate,
    expected,
    forecast,
    rates,
    standings,
    sums,
    used_up,
    without_limit,
)

TODAY = date(2026, 11, 24)
NOON = datetime(2026, 11, 24, 12, tzinfo=UTC)
ENRICHMENT = "enrichment"


def used(day: date, credits: int, **more: str) -> UsageDay:
    given = {
        "token": "default",
        "product": "people-enrichment",
        "pool": ENRICHMENT,
        "mapping": "a",
        "lookup": "sixsense",
        **more,
    }
    return UsageDay(
        day, **given, asked=credits + 2, matched=credits + 1, credits=credits
    )


def ago(days: int) -> date:
    return TODAY - timedelta(days=days)


def test_a_sum_is_of_today_of_the_month_and_of_thirty_days() -> None:
    days = [used(ago(n), 10**i) for i, n in enumerate((30, 29, 24, 23, 1, 0))]
    enrichment, identification = sums(days, TODAY, "pool")
    assert (enrichment.name, enrichment.today) == (ENRICHMENT, 100_000)
    # The first of November is 23 days ago.
    assert enrichment.month == 111_000
    assert enrichment.last_30 == 111_110
    assert (enrichment.asked, enrichment.matched) == (111_120, 111_115)
    # A pool that was never used is told all the same.
    assert identification == replace(identification, today=0, month=0, last_30=0)


def test_on_the_last_of_a_long_month_its_first_day_counts() -> None:
    last = date(2026, 10, 31)
    (enrichment, _) = sums([used(date(2026, 10, 1), 5)], last, "pool")
    assert (enrichment.month, enrichment.last_30) == (5, 0)


def test_sums_are_made_by_what_is_wanted_the_dearest_first() -> None:
    days = [
        used(ago(1), 3, mapping="a"),
        used(TODAY, 4, mapping="b", token="other"),
        used(TODAY, 0, mapping="b", product="lead-scoring", pool=""),
    ]
    found = [(one.name, one.pool, one.last_30) for one in sums(days, TODAY, "mapping")]
    assert found == [("b", ENRICHMENT, 4), ("a", ENRICHMENT, 3), ("b", "", 0)]
    found = [(one.name, one.pool, one.last_30) for one in sums(days, TODAY, "product")]
    assert found == [("people-enrichment", ENRICHMENT, 7), ("lead-scoring", "", 0)]
    assert [one.name for one in sums(days, TODAY, "token")] == [
        "other", "default", "default",
    ]  # fmt: skip
    assert [one.name for one in sums(days, TODAY, "day")] == [
        "2026-11-23", "2026-11-24", "2026-11-24",
    ]  # fmt: skip


def test_a_budget_has_what_was_not_used_of_it_and_its_own_runs_wait() -> None:
    day, month = (
        Limit(10, "day", "the enrichment pool"),
        Limit(20, "month", "the enrichment pool"),
    )
    spent = [
        Spent(ENRICHMENT, "a", "sixsense", today=4, month=25),
        Spent("company-identification", "a", "ip", today=50, month=50),
    ]
    waits = [
        Waits("a", f"{month.spent_text}, and the lookup waits", 3, NOON),
        Waits("b", f"{replace(month, credits=2).spent_text}, and so on", 1, NOON),
    ]
    found = standings({ENRICHMENT: [day, month]}, [], spent, waits)
    assert [(one.used, one.left, one.waiting) for one in found] == [
        (4, 6, 0),
        # A limit that was lowered below what is used has nothing left, not less.
        (25, 0, 3),
    ]
    assert without_limit(waits, found) == waits[1:]


@pytest.mark.parametrize(
    ("counted_for", "week", "weeks"),
    [
        # Whole days alone: what today has so far says nothing of a day.
        (100, Rate(7, 70), Rate(28, 70 + 21 * 2)),
        (10, Rate(7, 70), Rate(10, 76)),
        (3, Rate(3, 30), Rate(3, 30)),
        (0, Rate(1, 999, is_of_today=True), Rate(1, 999, is_of_today=True)),
    ],
)
def test_a_rate_is_the_mean_of_as_many_days_as_were_counted(
    counted_for: int, week: Rate, weeks: Rate
) -> None:
    first = ago(counted_for)
    days = [
        used(ago(n), 999 if n == 0 else 10 if n <= 7 else 2)
        for n in range(40)
        if ago(n) >= first
    ]
    assert rates(days, ENRICHMENT, TODAY, first) == (week, weeks)


def test_a_day_without_an_answer_is_a_day_of_its_rate() -> None:
    week, _ = rates([used(ago(7), 7)], ENRICHMENT, TODAY, ago(7))
    assert week.a_day == 1.0


@pytest.mark.parametrize(
    ("until", "credits"),
    [
        (TODAY, 5),  # half a day
        (date(2026, 11, 25), 15),
        (date(2026, 12, 24), 305),
        (ago(3), 0),
    ],
)
def test_what_is_expected_goes_to_the_end_of_the_day(until: date, credits: int) -> None:
    assert expected(Rate(7, 70), NOON, until) == credits


@pytest.mark.parametrize(
    ("balance", "day"),
    [
        (0, TODAY),
        (4, TODAY),
        (6, date(2026, 11, 25)),
        (305, date(2026, 12, 25)),
        (10**15, None),
    ],
)
def test_a_balance_is_used_up_on_a_day_or_not_within_ten_years(
    balance: int, day: date | None
) -> None:
    assert used_up(Rate(7, 70), NOON, balance) == day
    assert used_up(Rate(7, 0), NOON, 1) is None


def test_a_forecast_goes_from_the_slower_rate_to_the_faster() -> None:
    # Half as many in the last week as before.
    days = [used(ago(n), 10 if n <= 7 else 20) for n in range(1, 29)]
    made = forecast(
        days, ENRICHMENT, NOON, ago(28), until=date(2026, 11, 25), balance=100
    )
    assert made.rates == (Rate(7, 70), Rate(28, 490))
    assert made.expected == (15, 27)
    assert made.used_up == (date(2026, 11, 30), date(2026, 12, 4))
    idle = forecast(days, "company-identification", NOON, ago(28), balance=1)
    assert (idle.expected, idle.used_up) == (None, (None, None))
