"""Usage: answers and estimated credits by day; kept for good, a few rows a day."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime

import sqlalchemy as sa

from app.ledger.database import Database

_SPENT = sa.text("""
    select pool, mapping, lookup,
           coalesce(sum(credits) filter (where day = :today), 0)::int as today,
           sum(credits)::int as month
    from usage_days
    where day >= date_trunc('month', cast(:today as date)) and day <= :today
      and credits > 0
    group by pool, mapping, lookup
""")
_DAYS = sa.text("""
    select day, token, product, pool, mapping, lookup, asked, matched, credits
    from usage_days where day >= :since
    order by day, pool, product, mapping, lookup, token
""")
_FIRST = sa.text("select min(day) as day from usage_days")
_SUMS = sa.text("""
    select product, max(pool) as pool, sum(asked)::bigint as asked,
           sum(matched)::bigint as matched, sum(credits)::bigint as credits
    from usage_days group by product order by product
""")
_WAITS = sa.text("""
    select mapping, error, count(*)::int as runs, min(due_at) as due_at
    from runs where state = 'ready' and cause = :cause and due_at > now()
    group by mapping, error order by mapping, error
""")


@dataclass(frozen=True, slots=True)
class Spent:
    """Estimated credits of one lookup of one mapping, today and this month in UTC."""

    pool: str
    mapping: str
    lookup: str
    today: int
    month: int


@dataclass(frozen=True, slots=True)
class UsageDay:
    """What one lookup came to on one day in UTC, under one token."""

    day: date
    token: str
    product: str
    #: Empty where no credit is taken.
    pool: str
    mapping: str
    lookup: str
    #: Answers that 6sense gave; what was answered from the ledger is not among them.
    asked: int
    matched: int
    credits: int


@dataclass(frozen=True, slots=True)
class UsageSum:
    """What one product came to since counting began, of one pool or of none."""

    product: str
    pool: str
    asked: int
    matched: int
    credits: int


@dataclass(frozen=True, slots=True)
class Waits:
    """Runs of one mapping that wait for a budget; `error` says for which."""

    mapping: str
    error: str
    runs: int
    due_at: datetime


class Usage:
    """Reads what was used; answers are counted as they are stored."""

    def __init__(self, database: Database) -> None:
        self.database = database

    def spent(self, today: date) -> list[Spent]:
        """Credits of this day and its month, by lookup."""
        rows = self.database.rows(_SPENT, today=today)
        return [Spent(**row._mapping) for row in rows]

    def days(self, since: date) -> Sequence[UsageDay]:
        """Every day since, the oldest first."""
        rows = self.database.rows(_DAYS, since=since)
        return [UsageDay(**row._mapping) for row in rows]

    def first_day(self) -> date | None:
        """The day on which counting began; None: nothing was counted yet."""
        row = self.database.row(_FIRST)
        return row.day if row else None

    def sums(self) -> list[UsageSum]:
        """Everything since then, by product."""
        return [UsageSum(**row._mapping) for row in self.database.rows(_SUMS)]

    def waits(self, cause: str) -> list[Waits]:
        """Runs that wait for `cause`, by mapping and by what they were told."""
        rows = self.database.rows(_WAITS, cause=cause)
        return [Waits(**row._mapping) for row in rows]
