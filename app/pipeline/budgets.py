"""Budgets: how many credits a lookup has left in UTC's day and month.

A lookup has limits of its own, and its pool may have some for the installation.
Credits are counted by us, so all of this is an estimate. What is under way counts as
spent until it has settled, so that the calls at its end do not overdraw a budget.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

import structlog

from app.ledger.installation import is_turn
from app.ledger.usage import Spent
from app.mapping.model import Lookup
from app.pipeline.parts import Parts
from app.settings import Settings
from app.sixsense import PRODUCTS
from app.sixsense.credits import ENRICHMENT, IDENTIFICATION, pool_of

log = structlog.get_logger()

#: From this share on a budget is told in the log, once a day.
NEARLY = 0.8
#: The cause of runs that wait for a budget, by which they are found again.
CAUSE = "BudgetSpent"


@dataclass(frozen=True, slots=True)
class Limit:
    """One limit: so many credits a `day` or a `month`; whose it is, in words."""

    credits: int
    per: str
    what: str

    def __str__(self) -> str:
        return f"{self.credits} credits a {self.per} of {self.what}"

    @property
    def spent_text(self) -> str:
        """How a run says that it waits for this limit; it is found by that again."""
        return f"{self} are spent (estimated)"

    def ends_at(self, now: datetime) -> datetime:
        """When the next day or month begins."""
        day = now.astimezone(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
        if self.per == "day":
            return day + timedelta(days=1)
        return (day.replace(day=1) + timedelta(days=32)).replace(day=1)


def limits_of_pools(settings: Settings) -> dict[str, list[Limit]]:
    """The installation's own limits, by pool."""
    given = {
        ENRICHMENT: (settings.credits_per_day, settings.credits_per_month),
        IDENTIFICATION: (
            settings.identification_credits_per_day,
            settings.identification_credits_per_month,
        ),
    }
    return {pool: _limits(*two, f"the {pool} pool") for pool, two in given.items()}


def limits_of(mapping: str, lookup: Lookup) -> list[Limit]:
    """The limits that a mapping file gives one of its lookups."""
    budget = lookup.budget
    if budget is None:
        return []
    return _limits(budget.per_day, budget.per_month, f"{lookup.name} in {mapping}")


def _limits(per_day: int | None, per_month: int | None, what: str) -> list[Limit]:
    given = ((per_day, "day"), (per_month, "month"))
    return [Limit(count, per, what) for count, per in given if count is not None]


def has_budgets(parts: Parts) -> bool:
    """Whether there is anything to count for."""
    return any(limits_of_pools(parts.settings).values()) or any(
        limits_of(each.name, lookup)
        for each in parts.mappings.values()
        for lookup in each.lookups
    )


@dataclass
class Budgets:
    """What was spent when it was read, and what was asked for since."""

    pools: Mapping[str, list[Limit]] = field(default_factory=dict)
    spent: list[Spent] = field(default_factory=list)
    #: Asked and not counted yet, by mapping and lookup, and by pool.
    under_way: Counter[tuple[str, str]] = field(default_factory=Counter)

    @classmethod
    def read(cls, parts: Parts) -> Budgets:
        """As things are now; without any budget nothing is asked of the database."""
        if not has_budgets(parts):
            return cls()
        # In this order: what settles in between counts twice, and not never.
        busy = parts.ledger.runs.under_way()
        spent = parts.ledger.usage.spent(datetime.now(UTC).date())
        found = cls(limits_of_pools(parts.settings), spent)
        for one in busy:
            lookup, api = one.lookup, one.api
            mapping = parts.mappings.get(one.mapping)
            if not api and mapping is not None and mapping.lookups:
                # Answered inline: nobody has noted which of its lookups it is at.
                lookup, api = mapping.lookups[0].name, mapping.lookups[0].api
            found.take(one.mapping, lookup, api, one.runs)
        return found

    def take(self, mapping: str, lookup: str, api: str, count: int = 1) -> None:
        """So many runs are being asked for, and may cost a credit each."""
        pool = pool_of(api) if api in PRODUCTS else None
        if pool is not None:
            self.under_way[mapping, lookup] += count
            self.under_way["", pool] += count

    def left(
        self, mapping: str, lookup: Lookup, *, is_settled: bool = False
    ) -> list[tuple[Limit, int]]:
        """Every limit of this lookup, and how many credits are left of it.

        `is_settled`: as if nothing were under way, which may well cost nothing.
        """
        pool = pool_of(lookup.api)
        if pool is None:
            return []
        name = (mapping, lookup.name)
        own = [one for one in self.spent if (one.mapping, one.lookup) == name]
        shared = [one for one in self.spent if one.pool == pool]
        waiting: Mapping[tuple[str, str], int] = (
            Counter() if is_settled else self.under_way
        )
        return [
            *(
                (one, one.credits - used_of(own, one) - waiting[name])
                for one in limits_of(mapping, lookup)
            ),
            *(
                (one, one.credits - used_of(shared, one) - waiting["", pool])
                for one in self.pools.get(pool, ())
            ),
        ]

    def reached(
        self,
        mapping: str,
        lookup: Lookup,
        *,
        margin: int = 0,
        is_settled: bool = False,
    ) -> Limit | None:
        """The limit that leaves no more than `margin`; of several the longest."""
        lefts = self.left(mapping, lookup, is_settled=is_settled)
        over = [one for one, left in lefts if left <= margin]
        return max(over, key=lambda one: one.per == "month", default=None)


def used_of(spent: Iterable[Spent], limit: Limit) -> int:
    """Credits of these that count for this limit."""
    return sum(one.today if limit.per == "day" else one.month for one in spent)


def tell(parts: Parts, budgets: Budgets) -> None:
    """One line a day for each budget that is nearly spent, and one when it is."""
    for mapping in parts.mappings.values():
        for lookup in mapping.lookups:
            for limit, left in budgets.left(mapping.name, lookup):
                used = limit.credits - left
                word = "spent" if left <= 0 else "nearly spent"
                if used >= NEARLY * limit.credits and is_turn(
                    parts.ledger.database, f"{word}: {limit}", timedelta(days=1)
                ):
                    log.error("budget", is_now=word, limit=str(limit), used=used)
