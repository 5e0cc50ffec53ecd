"""The rate ring: `floor(0.98 n)` slots a limit, shared by every process.

A call needs a slot whose last call ended at least a window ago, by the database's
clock: from its end, since nobody knows when a call arrives at the other side, but
that it has arrived by then. That is exact for any window of that length, and lets
an idle service answer at once (engine.md). Ready-made limiters let 101 to 114 calls
through in a window of 100 across four processes.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta

import sqlalchemy as sa

from app.ledger.database import Database, compact_json

#: Of the limit, kept as a margin for calls that arrive late.
SHARE = 0.98

_CREATE = sa.text("""
    insert into rate_slots (limit_name, n, at)
    select :limit, n, 'epoch' from generate_series(1, :slots) n
    on conflict do nothing
""")
_TRIM = sa.text("delete from rate_slots where limit_name = :limit and n > :slots")
_TAKE = sa.text("""
    with free as (
        select n, at from rate_slots
        where limit_name = :limit
        order by at, n limit :count
        for update
    ), taken as (
        update rate_slots s set at = clock_timestamp()
        from free where s.limit_name = :limit and s.n = free.n
          and clock_timestamp() - free.at >= :window
        returning free.n, free.at as before
    )
    select n, before::text, null::float as wait from taken
    union all
    select null, null,
           extract(epoch from min(at) + cast(:window as interval)
                              - clock_timestamp())::float
    from free where clock_timestamp() - at < :window
""")
_GIVE_BACK = sa.text("""
    update rate_slots s set at = g.before
    from jsonb_to_recordset(cast(:slots as jsonb)) as g(n int, before timestamptz)
    where s.limit_name = :limit and s.n = g.n
""")
_END = sa.text("""
    update rate_slots s set at = clock_timestamp() - make_interval(secs => e.age_s)
    from jsonb_to_recordset(cast(:slots as jsonb)) as e(n int, age_s float)
    where s.limit_name = :limit and s.n = e.n
""")


@dataclass(frozen=True, slots=True)
class Slot:
    """One permission to call now; `before` is what giving it back restores."""

    n: int
    before: str


@dataclass(frozen=True, slots=True)
class Slots:
    """What was free; with none, `wait_s` until the next one is."""

    taken: tuple[Slot, ...]
    wait_s: float


class RateRing:
    """One limit: `calls` in any `window`; 0 calls means no limit at all.

    `window` already holds the margin: 60.5 s for a limit of a minute. With slots that
    are given back after each call it is a limit of calls at the same time, and the
    window is the longest life of a call whose process died.
    """

    def __init__(
        self,
        database: Database,
        name: str,
        *,
        calls: int,
        window: timedelta,
        share: float = SHARE,
    ) -> None:
        self.database = database
        self.name = name
        self.slots = max(1, int(share * calls)) if calls else 0
        self.window = window

    def prepare(self) -> None:
        """Make the rows of this limit, or as many as it has now."""
        if self.slots:
            self.database.rows(_CREATE, limit=self.name, slots=self.slots)
            self.database.rows(_TRIM, limit=self.name, slots=self.slots)

    def take(self, count: int) -> Slots:
        """Take up to `count` slots that are free now; never waits for one."""
        if not self.slots:
            return Slots(tuple(Slot(0, "") for _ in range(count)), 0.0)
        with self.database.transaction() as connection:
            rows = connection.execute(
                _TAKE, {"limit": self.name, "count": count, "window": self.window}
            ).all()
        taken = tuple(Slot(row.n, row.before) for row in rows if row.n is not None)
        waits = [row.wait for row in rows if row.n is None and row.wait is not None]
        return Slots(taken, max(0.0, min(waits)) if waits else 0.0)

    def end(self, slots: Sequence[Slot], ages_s: Sequence[float] = ()) -> None:
        """The calls that took these slots are over: their windows begin now.

        `ages_s`: or so many seconds ago, where it took a while to say so.
        """
        ages = ages_s or [0.0] * len(slots)
        used = [
            {"n": slot.n, "age_s": max(0.0, age)}
            for slot, age in zip(slots, ages, strict=True)
            if slot.n
        ]
        if used:
            self.database.rows(_END, limit=self.name, slots=compact_json(used))

    def give_back(self, slots: Sequence[Slot]) -> None:
        """Return slots that no call used."""
        unused = [{"n": s.n, "before": s.before} for s in slots if s.n]
        if unused:
            self.database.rows(
                _GIVE_BACK, limit=self.name, slots=compact_json(unused)
            )
