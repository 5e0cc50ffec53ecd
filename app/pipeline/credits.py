"""Credits as people see them: sums, budgets, and what is to come.

Pure: what was counted and the time come as arguments. All of it is estimated, because
no API of 6sense reports a balance.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from math import ceil

from app.ledger.usage import Spent, UsageDay, Waits
from app.mapping.model import MappingFile
from app.pipeline.budgets import Limit, limits_of, used_of
from app.sixsense.credits import ENRICHMENT, IDENTIFICATION, pool_of

POOLS = (ENRICHMENT, IDENTIFICATION)
#: The last days that are summed up, today among them.
SHOWN = 30
#: The spans whose daily means make the range of a forecast, in days.
SPANS = (7, 28)
#: So many days back there is something to read for all of this.
READ = timedelta(days=31)
#: A balance that lasts longer than this has no date, in days.
LONGEST = 3660


# What was used


@dataclass(frozen=True, slots=True)
class Sum:
    """Credits of one name; answers and matches of the last thirty days."""

    name: str
    #: Empty where no credit is taken.
    pool: str
    today: int = 0
    month: int = 0
    last_30: int = 0
    asked: int = 0
    matched: int = 0


#: What sums can be made by.
BY: Mapping[str, Callable[[UsageDay], str]] = {
    "pool": lambda one: one.pool,
    "product": lambda one: one.product,
    "mapping": lambda one: one.mapping,
    "token": lambda one: one.token,
    "day": lambda one: one.day.isoformat(),
}


def sums(days: Iterable[UsageDay], today: date, by: str) -> list[Sum]:
    """Sums by one of BY, and by pool: the dearest first, or days in their order.

    By pool, both pools are there, and nothing else is.
    """
    name_of, grouped = BY[by], dict[tuple[str, str], list[UsageDay]]()
    since = _first_shown(today)
    if by == "pool":
        grouped = {(pool, pool): [] for pool in POOLS}
        days = [one for one in days if one.pool]
    if by != "day":
        since = min(since, today.replace(day=1))
    for one in days:
        if since <= one.day <= today:
            grouped.setdefault((name_of(one), one.pool), []).append(one)
    found = [_sum(name, pool, rows, today) for (name, pool), rows in grouped.items()]
    if by == "pool":
        return found
    if by == "day":
        return sorted(found, key=lambda one: (one.name, one.pool))
    return sorted(found, key=lambda one: (-one.last_30, -one.asked, one.name, one.pool))


def _sum(name: str, pool: str, rows: Sequence[UsageDay], today: date) -> Sum:
    shown = [one for one in rows if one.day >= _first_shown(today)]
    month = [one for one in rows if one.day >= today.replace(day=1)]
    return Sum(
        name,
        pool,
        today=sum(one.credits for one in rows if one.day == today),
        month=sum(one.credits for one in month),
        last_30=sum(one.credits for one in shown),
        asked=sum(one.asked for one in shown),
        matched=sum(one.matched for one in shown),
    )


def _first_shown(today: date) -> date:
    return today - timedelta(days=SHOWN - 1)


# What is left of budgets


@dataclass(frozen=True, slots=True)
class Standing:
    """One budget as it stands; of a whole pool where `mapping` is empty."""

    limit: Limit
    pool: str
    used: int
    mapping: str = ""
    lookup: str = ""
    #: Runs that wait for it.
    waiting: int = 0

    @property
    def left(self) -> int:
        """Credits left; 0 also where a limit was lowered below what is used."""
        return max(0, self.limit.credits - self.used)


def standings(
    pools: Mapping[str, Sequence[Limit]],
    mappings: Iterable[MappingFile],
    spent: Sequence[Spent],
    waits: Sequence[Waits] = (),
) -> list[Standing]:
    """Every budget there is: those of the pools, then those of lookups."""
    found = [
        Standing(
            limit,
            pool,
            used_of([one for one in spent if one.pool == pool], limit),
            waiting=sum(_is_for(one, limit) * one.runs for one in waits),
        )
        for pool, limits in pools.items()
        for limit in limits
    ]
    for mapping in mappings:
        for lookup in mapping.lookups:
            pool = pool_of(lookup.api)
            if pool is None:
                continue
            name = (mapping.name, lookup.name)
            own = [one for one in spent if (one.mapping, one.lookup) == name]
            found += [
                Standing(
                    limit,
                    pool,
                    used_of(own, limit),
                    *name,
                    waiting=sum(_is_for(one, limit) * one.runs for one in waits),
                )
                for limit in limits_of(mapping.name, lookup)
            ]
    return found


def without_limit(
    waits: Iterable[Waits], standing: Iterable[Standing]
) -> list[Waits]:
    """Runs that wait for a limit which is not set any more, or not like that."""
    limits = [one.limit for one in standing]
    return [one for one in waits if not any(_is_for(one, limit) for limit in limits)]


def _is_for(waits: Waits, limit: Limit) -> bool:
    return waits.error.startswith(limit.spent_text)


# What is to come


@dataclass(frozen=True, slots=True)
class Rate:
    """Credits of so many whole days before today; or of today, if that is all."""

    days: int
    credits: int
    is_of_today: bool = False

    @property
    def a_day(self) -> float:
        """The daily mean."""
        return self.credits / self.days


def rates(
    days: Iterable[UsageDay], pool: str, today: date, first: date
) -> tuple[Rate, Rate]:
    """A pool's mean of the last week and of the last four, as far as was counted."""
    of_pool = [one for one in days if one.pool == pool]
    week, weeks = (_rate(of_pool, today, first, span) for span in SPANS)
    return week, weeks


def _rate(days: Sequence[UsageDay], today: date, first: date, span: int) -> Rate:
    since = max(first, today - timedelta(days=span))
    if since >= today:
        credits = sum(one.credits for one in days if one.day == today)
        return Rate(1, credits, is_of_today=True)
    counted = sum(one.credits for one in days if since <= one.day < today)
    return Rate((today - since).days, counted)


def expected(rate: Rate, now: datetime, until: date) -> int:
    """Credits from now to the end of that day in UTC, at this rate."""
    end = datetime.combine(until + timedelta(days=1), time(), UTC)
    return ceil(rate.a_day * max(timedelta(), end - now) / timedelta(days=1))


def used_up(rate: Rate, now: datetime, balance: int) -> date | None:
    """The day in UTC on which so many credits are used up; None: in ten years not."""
    if not balance:
        return now.astimezone(UTC).date()
    if not rate.credits or balance / rate.a_day > LONGEST:
        return None
    return (now + timedelta(days=balance / rate.a_day)).astimezone(UTC).date()


@dataclass(frozen=True, slots=True)
class Forecast:
    """What one pool is expected to use, at its two rates."""

    pool: str
    rates: tuple[Rate, Rate]
    #: At the slower rate, and at the faster.
    expected: tuple[int, int] | None = None
    balance: int | None = None
    #: The earlier day and the later one; None: in ten years not.
    used_up: tuple[date | None, date | None] = (None, None)


def forecast(
    days: Iterable[UsageDay],
    pool: str,
    now: datetime,
    first: date,
    *,
    until: date | None = None,
    balance: int | None = None,
) -> Forecast:
    """Credits until the end of a day, and the day on which a balance is used up.

    `first` is the day on which counting began.
    """
    both = rates(days, pool, now.astimezone(UTC).date(), first)
    slow, fast = sorted(both, key=lambda one: one.a_day)
    return Forecast(
        pool,
        both,
        None
        if until is None
        else (expected(slow, now, until), expected(fast, now, until)),
        balance,
        (None, None)
        if balance is None
        else (used_up(fast, now, balance), used_up(slow, now, balance)),
    )
