"""A webhook answered with values: ask and decide while its sender waits.

Everything is committed before, and the run is held under a lease meanwhile. So
whatever goes wrong here, no slot, no answer in time, a killed process, costs the
sender the values and nothing else: the run goes on by the pumps.
"""

from __future__ import annotations

import random
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any

import structlog

from app.errors import AppError
from app.ledger.deliveries import Answerable
from app.ledger.pauses import Pause, Scope
from app.ledger.runs import Run
from app.ledger.wakeups import Wake
from app.mapping.model import MappingFile
from app.pipeline.budgets import Budgets
from app.pipeline.inline import GoneBack, InlineRun, Values
from app.pipeline.parts import Parts

log = structlog.get_logger()

#: Pauses and budgets are read this often, in seconds.
LOOK_EVERY_S = 0.5
#: A lease outlives its deadline by this much, so that a late answer is still ours.
LEASE_MARGIN_S = 3.0


class Replier:
    """Answers with values in one web process, at most `most` webhooks at a time.

    The other threads still take webhooks and show health while 6sense is slow.
    """

    def __init__(self, parts: Parts, most: int) -> None:
        self.parts = parts
        self._seats = threading.BoundedSemaphore(max(1, most))
        self._pauses: Mapping[Scope, Pause] = {}
        self._budgets = Budgets()
        self._looked_at = 0.0

    @contextmanager
    def seat(self, rows: Sequence[Mapping[str, Any]]) -> Iterator[int | None]:
        """An owner for the runs of these rows that may be answered with values.

        None if there are none, if there are several records, or if all seats are
        taken: then they are accepted like any other.
        """
        is_wanted = any(row["hold_s"] is not None for row in rows)
        is_one = len({row["lead_id"] for row in rows}) == 1
        if not (is_wanted and is_one and self._seats.acquire(blocking=False)):
            yield None
            return
        try:
            # Below 0: no engine worker has such an id.
            yield -random.getrandbits(62) - 1
        finally:
            self._seats.release()

    def pauses(self) -> Mapping[Scope, Pause]:
        """What is paused; read at most every half second, as the enrich pump does."""
        self._look()
        return self._pauses

    def budgets(self) -> Budgets:
        """What is left of each budget, as of then."""
        self._look()
        return self._budgets

    def _look(self) -> None:
        now = time.monotonic()
        if not self._looked_at or now - self._looked_at >= LOOK_EVERY_S:
            self._pauses = self.parts.ledger.pauses.active()
            self._budgets = Budgets.read(self.parts)
            self._looked_at = now

    def answer(
        self,
        owner: int | None,
        rows: Sequence[Mapping[str, Any]],
        answerable: Sequence[Answerable],
        came_at: float,
        waits: Callable[[], None],
    ) -> tuple[Values | None, list[Wake]]:
        """Take the runs held for `owner` to their ends, each in its own time.

        Values of several mappings are laid together. None: there are none, and what
        was held goes on by the pumps. `came_at`: by the monotonic clock. `waits` is
        called before others are.
        """
        if len({row["lead_id"] for row in rows}) != 1:
            # Values of two people in one answer would be neither's.
            return None, []
        found: list[Values] = []
        wakes: list[Wake] = []
        by_mapping = {row["mapping"]: row for row in rows}
        for one in answerable:
            if one.reply is not None:
                found.append(Values(one.result or "", one.reply))
            if owner is None or not one.held:
                continue
            waits()
            mapping = self.parts.mappings[one.mapping]
            run = _run_of(one.run, mapping, by_mapping[one.mapping])
            turn = InlineRun(
                self.parts, owner, run, mapping, came_at, self.pauses, self.budgets
            )
            values = self._finish(turn)
            found += [values] if values is not None else []
            wakes += turn.wakes
        if not found:
            return None, wakes
        together = {name: v for one in found for name, v in one.values.items()}
        return Values(found[0].word, together), wakes

    def _finish(self, turn: InlineRun) -> Values | None:
        """Take a run to its end. Whatever happens, it was accepted: nobody is told
        otherwise, and the pumps have it once its lease has ended."""
        run_id = turn.run.id
        try:
            try:
                return turn.finish()
            except GoneBack as back:
                log.info("answered without values", run_id=run_id, why=str(back))
                turn.leave_to_pumps(back)
        except AppError as error:
            log.warning("reply broken off", run_id=run_id, error=str(error))
        except Exception:
            log.exception("reply broke", run_id=run_id)
        return None


def hold_s(mapping: MappingFile, lead: Mapping[str, Any]) -> float | None:
    """How long the run is held to be answered with values; None: it is not.

    The event has to bring the current values that the rules compare with: to read
    the record would cost a call for each webhook, and more time than all the rest.
    """
    within = mapping.reply.values_within
    is_known = not mapping.reads_current or mapping.compared_fields <= lead.keys()
    if within is None or not is_known:
        return None
    return within.total_seconds() + LEASE_MARGIN_S


def _run_of(run_id: int, mapping: MappingFile, row: Mapping[str, Any]) -> Run:
    """The run as it was just recorded."""
    names = Run.__dataclass_fields__.keys() & row.keys()
    return Run(
        id=run_id,
        source=mapping.source,
        received_at=datetime.now(UTC),
        attempts=0,
        asked=0,
        **{name: row[name] for name in names},
    )
