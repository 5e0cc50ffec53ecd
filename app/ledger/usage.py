"""Usage: answers and estimated credits by day; kept for good, a few rows a day."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

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
