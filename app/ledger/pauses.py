"""Pauses: of a source, a 6sense token, a credit pool or one product.

A pause with `until` ends in a probe: once that time has passed, one call may go.
If it is taken, the pause is lifted; if not, the wait doubles.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

import sqlalchemy as sa

from app.ledger.database import Database

#: Refusals in a row with one cause that pause their scope.
STREAK = 5
FIRST_PROBE = timedelta(minutes=15)
LONGEST_PROBE = timedelta(hours=2)

_BEGIN = sa.text("""
    insert into pauses (kind, scope, reason, cause, until)
    values (:kind, :scope, :reason, :cause,
            case when not :is_for_good then now() + :wait end)
    on conflict (kind, scope) where lifted_at is null do update set
        reason = excluded.reason, cause = excluded.cause,
        probes = pauses.probes + 1,
        until = case
            when :is_for_good then null
            when :is_exact then greatest(pauses.until,
                                         now() + cast(:wait as interval))
            else now() + least(cast(:wait as interval) * power(2, pauses.probes + 1),
                               cast(:longest as interval)) end
    -- Calls that were under way when it was paused do not make it longer, and
    -- nothing but a person ends what a person began.
    where :is_for_good
       or (pauses.until is not null and (pauses.until <= now() or :is_exact))
    returning id, until
""")
_LIFT = sa.text("""
    update pauses set lifted_at = now()
    where kind = :kind and scope = :scope and lifted_at is null
      and (not :if_probed or until <= now())
    returning id
""")
_ACTIVE = sa.text("""
    select kind, scope, reason, cause, since, until,
           coalesce(until <= now(), false) as may_probe
    from pauses where lifted_at is null
    order by since
""")
_STREAK = sa.text("""
    insert into streaks (kind, scope, cause, count)
    values (:kind, :scope, :cause, 1)
    on conflict (kind, scope) do update set
        count = case when streaks.cause = excluded.cause
                     then streaks.count + 1 else 1 end,
        cause = excluded.cause
    returning count
""")
_END_STREAK = sa.text("delete from streaks where kind = :kind and scope = :scope")


@dataclass(frozen=True, slots=True)
class Scope:
    """What a pause stops: kind `source`, `token`, `pool` or `product`."""

    kind: str
    name: str


@dataclass(frozen=True, slots=True)
class Pause:
    """One pause in force; `may_probe` once its time has passed."""

    scope: Scope
    reason: str
    cause: str
    since: datetime
    until: datetime | None
    may_probe: bool


class Pauses:
    """Begins, lifts and reads pauses."""

    def __init__(self, database: Database) -> None:
        self.database = database

    def active(self) -> dict[Scope, Pause]:
        """Every pause in force."""
        return {
            Scope(row.kind, row.scope): Pause(
                Scope(row.kind, row.scope),
                row.reason,
                row.cause,
                row.since,
                row.until,
                row.may_probe,
            )
            for row in self.database.rows(_ACTIVE)
        }

    def begin(
        self,
        scope: Scope,
        reason: str,
        *,
        cause: str,
        for_s: float | None = None,
        is_for_good: bool = False,
    ) -> None:
        """Pause `scope` for `for_s`, or for a wait that doubles with each probe.

        `is_for_good`: until a person lifts it.
        """
        wait = timedelta(seconds=for_s) if for_s is not None else FIRST_PROBE
        self.database.rows(
            _BEGIN,
            kind=scope.kind,
            scope=scope.name,
            reason=reason,
            cause=cause,
            wait=wait,
            longest=LONGEST_PROBE,
            is_exact=for_s is not None,
            is_for_good=is_for_good,
        )

    def lift(self, scopes: Sequence[Scope], *, if_probed: bool = False) -> int:
        """End the pauses of these scopes; returns how many there were.

        `if_probed`: only those whose time has passed. A call that was under way
        when its scope was paused proves nothing by succeeding.
        """
        return sum(
            len(
                self.database.rows(
                    _LIFT, kind=scope.kind, scope=scope.name, if_probed=if_probed
                )
            )
            for scope in scopes
        )

    def refused(self, scope: Scope, reason: str, *, cause: str) -> bool:
        """Count a refusal; the fifth in a row with one cause pauses the scope."""
        row = self.database.row(
            _STREAK, kind=scope.kind, scope=scope.name, cause=cause
        )
        if row is None or row[0] < STREAK:
            return False
        self.begin(scope, f"{STREAK} times in a row: {reason}", cause=cause)
        return True

    def taken(self, scope: Scope) -> None:
        """A call went through: a streak of refusals is over."""
        self.database.rows(_END_STREAK, kind=scope.kind, scope=scope.name)
