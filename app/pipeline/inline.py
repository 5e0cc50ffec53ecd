"""One run asked about and decided while the sender of its webhook waits.

It is held under a lease meanwhile. What goes wrong, no slot, no answer in time, a
value that no reply can carry, raises GoneBack: the run goes on by the pumps, with
what was answered so far.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import structlog

from app.domain import Decisions, LookupAnswer, LookupResult, RunState
from app.errors import AppError
from app.ledger.enrichments import Answer, FreshAnswer, StoredLookup
from app.ledger.pauses import Pause, Scope
from app.ledger.runs import Retry, Run, Settled
from app.ledger.wakeups import Wake
from app.mapping import apply
from app.mapping.apply import Facts
from app.mapping.model import Lookup, MappingFile
from app.pipeline.budgets import Budgets
from app.pipeline.confirm import confirm
from app.pipeline.holds import (
    is_free_of_charge,
    note_failure,
    note_success,
    scope_of,
    scopes_of,
)
from app.pipeline.parts import Parts, token_of
from app.pipeline.plan import api_of
from app.pipeline.retry import cause_of
from app.pipeline.story import (
    answer_of,
    answer_to_store,
    ended,
    question_key,
    record_key,
    shown,
    too_long,
)
from app.sixsense.client import Answered

log = structlog.get_logger()

#: Longest wait for a slot of the rate ring: the others wait for minutes, if need be.
SLOT_WAIT_S = 0.2
#: With fewer credits left than this a budget is the enrich pump's alone.
BUDGET_MARGIN = 32
#: Less time than this is not worth a call, in seconds.
LEAST_CALL_S = 0.2


@dataclass(frozen=True, slots=True)
class Values:
    """What the sender is answered: the word for the result, and flat values."""

    word: str
    values: Mapping[str, Any]


class GoneBack(Exception):
    """Not answered with values; `error` is the failed call that the story tells."""

    def __init__(self, why: str, error: AppError | None = None) -> None:
        super().__init__(why)
        self.error = error


@dataclass
class InlineRun:
    """One run on its way to a reply."""

    parts: Parts
    owner: int
    run: Run
    mapping: MappingFile
    #: When the webhook came, by the monotonic clock.
    came_at: float
    #: What is paused, as it was a moment ago.
    pauses: Callable[[], Mapping[Scope, Pause]]
    budgets: Callable[[], Budgets]
    answers: dict[str, LookupAnswer] = field(default_factory=dict)
    #: Rows of run_lookups and new answers, recorded with the end.
    rows: list[Mapping[str, Any]] = field(default_factory=list)
    given: list[Answer] = field(default_factory=list)
    wakes: list[Wake] = field(default_factory=list)

    def finish(self) -> Values:
        """Ask, decide and settle. Raises GoneBack."""
        mapping, run = self.mapping, self.run
        facts = self.facts()
        record_id = run.record_id or apply.record_key(mapping, facts)
        if record_id is None or too_long(mapping, run, record_id) is not None:
            raise GoneBack("there is no record to write")
        skipped = apply.skip_reason(mapping, facts)
        if skipped is not None:
            self.settle(ended(mapping, run, RunState.SKIPPED, skipped))
            return Values("skipped", {})
        for lookup in mapping.lookups:
            self.answers[lookup.name] = self.asked(lookup)
        decisions = self.decided(record_id)
        if decisions.failed is not None or decisions.skipped is not None:
            raise GoneBack(decisions.failed or decisions.skipped or "")
        return self.replied(record_id, decisions)

    def facts(self) -> Facts:
        """What the mapping may read so far."""
        run = self.run
        time_of = run.event_at or run.received_at
        return Facts(
            run.lead, time_of, run.event, run.source, run.changed_by, self.answers
        )

    @property
    def deadline(self) -> float:
        """Until when there is an answer, or none."""
        within = self.mapping.reply.values_within
        return self.came_at + (within.total_seconds() if within else 0.0)

    # Asking

    def asked(self, lookup: Lookup) -> LookupAnswer:
        """One lookup's answer: a fresh one, or 6sense's. Raises GoneBack."""
        inputs = apply.question(self.mapping, lookup, self.facts())
        if inputs is None:
            return self.not_asked(lookup, LookupResult.NOT_ASKED)
        pauses = self.pauses()
        api = api_of(lookup, pauses)
        if api is None:
            return self.not_asked(lookup, LookupResult.SPENT)
        token = self.parts.sixsense.token_name(api, self.run.source)
        own = None if lookup.reuse else self.run.id
        key = question_key(self.parts.person_key, api, token, inputs, own)
        fresh = self.fresh(lookup, key)
        if fresh is not None:
            return self.reused(lookup, fresh, inputs)
        limit = self.budgets().reached(self.mapping.name, lookup, margin=BUDGET_MARGIN)
        if limit is not None and api == lookup.api:
            # So close to its end only the pump knows all that is under way.
            raise GoneBack(f"{limit} are nearly spent")
        return self.called(lookup, api, token, key, inputs, pauses)

    def fresh(self, lookup: Lookup, key: str) -> FreshAnswer | None:
        """A stored answer that is young enough."""
        if not lookup.reuse:
            return None
        since = datetime.now(UTC) - lookup.reuse
        return self.parts.ledger.enrichments.fresh([key], since=since).get(key)

    def reused(
        self, lookup: Lookup, fresh: FreshAnswer, inputs: Mapping[str, str]
    ) -> LookupAnswer:
        """That answer, as the mapping sees it."""
        row = self.row(lookup, fresh.product, fresh.result)
        reused = {"enrichment_id": fresh.enrichment_id, "is_reused": True}
        self.rows.append({**row, **reused, "asked": inputs})
        stored = StoredLookup(
            self.run.id,
            lookup.name,
            fresh.product,
            fresh.result,
            True,
            fresh.asked_at,
            fresh.product,
            self.parts.ledger.enrichments.text_of(fresh.enrichment_id),
        )
        return answer_of(self.parts, stored)

    def called(
        self,
        lookup: Lookup,
        api: str,
        token: str,
        key: str,
        inputs: Mapping[str, str],
        pauses: Mapping[Scope, Pause],
    ) -> LookupAnswer:
        """Ask 6sense, under the rate ring that all processes share."""
        ring = self.parts.rings[token]
        scopes = (Scope("token", ring.name), *scopes_of(api))
        for scope in scopes:
            if scope in pauses:
                # A probe is the pump's: one call, alone.
                raise GoneBack(f"{scope.kind} {scope.name} is paused")
        slot = self.slot(token)
        try:
            answered = self.parts.sixsense.call(
                api,
                inputs,
                source=self.run.source,
                read_timeout_s=max(self.left_s(), LEAST_CALL_S),
            )
        except AppError as error:
            note_failure(self.parts, scope_of(scopes[0], api, error), error)
            raise GoneBack(str(error), error) from error
        finally:
            ring.end([slot])
        for scope in scopes:
            if scope in self.parts.struggling:
                note_success(self.parts, scope)
        return self.stored(lookup, api, token, key, inputs, answered)

    def slot(self, token: str) -> Any:
        """A slot of the rate ring, if one comes free in a moment."""
        ring = self.parts.rings[token]
        until = min(time.monotonic() + SLOT_WAIT_S, self.deadline - LEAST_CALL_S)
        while True:
            slots = ring.take(1)
            if slots.taken:
                return slots.taken[0]
            if time.monotonic() + min(slots.wait_s, SLOT_WAIT_S) > until:
                raise GoneBack("no slot of the rate limit is free")
            time.sleep(max(slots.wait_s, 0.01))

    def stored(
        self,
        lookup: Lookup,
        api: str,
        token: str,
        key: str,
        inputs: Mapping[str, str],
        answered: Answered,
    ) -> LookupAnswer:
        """Keep the answer for the end: it was paid for, whatever becomes of this."""
        row = {
            **self.row(lookup, api, answered.result),
            "asked": inputs,
            "message": answered.message,
            "credits": answered.credits,
        }
        self.given.append(
            answer_to_store(
                self.run,
                answered,
                settled=Settled(self.run.id, RunState.READY),
                lookup=row,
                product=api,
                key=key,
                token=token,
                record=record_key(self.parts.person_key, api, token, inputs),
            )
        )
        self.rows.append(row)
        return LookupAnswer(answered.result, api, datetime.now(UTC), data=answered.data)

    def not_asked(self, lookup: Lookup, result: LookupResult) -> LookupAnswer:
        """A lookup that needs no call."""
        self.rows.append(self.row(lookup, lookup.api, result))
        return LookupAnswer(result=result, api=lookup.api)

    def row(self, lookup: Lookup, api: str, result: str) -> dict[str, Any]:
        """A row of run_lookups."""
        return {
            "run_id": self.run.id,
            "position": len(self.rows),
            "name": lookup.name,
            "api": api,
            "result": result,
        }

    def left_s(self) -> float:
        """Time until the deadline. Raises GoneBack when it is over."""
        left = self.deadline - time.monotonic()
        if left < 0:
            raise GoneBack("the time of `within` is over")
        return left

    # Deciding

    def decided(self, record_id: str) -> Decisions:
        """What the mapping makes of it; the event's own keys are the record."""
        mapping, run, parts = self.mapping, self.run, self.parts
        source = parts.sources[run.source]
        current = None
        if mapping.reads_current:
            current = {name: run.lead.get(name) for name in mapping.current_fields}
            record = {record_id: current}
            confirm(parts, source, run.object, record, read_at=run.received_at)
        last = parts.ledger.written.last(run.source, run.object, [record_id])
        return apply.decide(
            mapping,
            self.facts(),
            current=current,
            last_written=last.get(record_id, {}),
            now=datetime.now(UTC),
            same=source.connector.same,
        )

    def replied(self, record_id: str, decisions: Decisions) -> Values:
        """Settle as `replied`, or as `kept` if there is nothing to write."""
        writes = {name: _flat(value) for name, value in decisions.writes.items()}
        if any(value is None for value in writes.values()):
            # A blank, or a list: what a mapping of the reply does with it is not told.
            raise GoneBack("a value of it cannot stand in a reply")
        word = decisions.result
        outcome = apply.outcome_values(self.mapping, word, datetime.now(UTC))
        values = {**writes, **outcome}
        self.settle(
            Settled(
                self.run.id,
                RunState.REPLIED if writes else RunState.KEPT,
                record_id=record_id,
                reason=None if writes else "nothing had to change",
                result=word,
                decisions=[shown(one) for one in decisions.fields],
                reply=values,
                asked=len(self.rows),
            )
        )
        return Values(word, values)

    def settle(self, settled: Settled) -> None:
        """End the run. Raises GoneBack if a pump has it by now: then it writes."""
        self.left_s()
        if not self.end(settled):
            raise GoneBack("the run was taken over meanwhile")
        if settled.state == RunState.ENRICHED:
            self.wakes.append(Wake("send", self.run.source))

    def end(self, settled: Settled) -> bool:
        """Record what is known by now; False if a pump has the run."""
        is_held, moved = self.parts.ledger.enrichments.end(
            settled, self.given, self.rows, owner=self.owner
        )
        self.wakes += [Wake("send", source) for source in sorted(moved)]
        self.rows, self.given = [], []
        return is_held

    def leave_to_pumps(self, back: GoneBack) -> None:
        """Hand the run over with what is known by now."""
        runs, run, error = self.parts.ledger.runs, self.run, back.error
        if self.rows:
            is_whole = len(self.rows) == len(self.mapping.lookups)
            state = RunState.ENRICHED if is_whole else RunState.READY
            self.end(
                Settled(run.id, state, record_id=run.record_id, asked=len(self.rows))
            )
        elif error is not None:
            counts = not is_free_of_charge(error)
            cause = cause_of(error)
            runs.retry(
                [Retry(run.id, 0, "reply", cause, str(error), counts=counts)],
                owner=self.owner,
            )
        else:
            runs.release([run.id], owner=self.owner)
        token = token_of(self.parts, self.mapping)
        self.wakes += [Wake("enrich", token), Wake("send", run.source)]


def _flat(value: Any) -> str | int | float | bool | None:
    if isinstance(value, Decimal):
        return int(value) if value == value.to_integral_value() else float(value)
    if isinstance(value, str | int | float) and value != "":
        return value
    return None
