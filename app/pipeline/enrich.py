"""The enrich pump: settle what a fresh answer covers, then ask, best run first.

A turn plans runs, takes rate slots, claims as many runs as it has slots and free
threads, calls, and settles answers in bulk. A slot is taken only when a thread is
free to use it at once: one that waited in a queue would let more calls fall into a
window than the ring counts.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from concurrent.futures import FIRST_COMPLETED, Future, wait
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import structlog

from app.domain import LookupResult, RunState
from app.errors import AppError, Broken, Disposition, QuotaSpent
from app.ledger.enrichments import Answer
from app.ledger.pauses import Pause, Scope
from app.ledger.rates import RateRing, Slot
from app.ledger.runs import Retry, Run, Settled
from app.ledger.wakeups import Wake
from app.mapping.model import Lookup
from app.pipeline.budgets import Budgets, tell
from app.pipeline.holds import (
    is_free_of_charge,
    note_failure,
    note_success,
    scope_of,
    scopes_of,
)
from app.pipeline.parts import Parts
from app.pipeline.plan import plan
from app.pipeline.retry import cause_of, log_fields, next_wait
from app.pipeline.story import answer_to_store, ended
from app.sixsense import PRODUCTS
from app.sixsense.client import Answered

log = structlog.get_logger()

#: Most runs claimed at once, and answers that are settled without waiting for more.
CLAIM_COUNT = 50
SETTLE_COUNT = 25
#: With more calls under way than this, results are taken in by and by, this often.
CROWD = 16
CROWD_WAIT_S = 0.01
#: Pauses are read this often, in seconds; every call would be too often.
PAUSES_EVERY_S = 0.5
#: Idle with a backlog (no slot is free), the turn looks again after this.
LOOK_EVERY_S = 0.25


@dataclass
class Turn:
    """One turn of the pump: what is under way and what has come back."""

    parts: Parts
    token: str
    owner: int
    ring: RateRing
    calls: dict[Future[tuple[Answered | AppError, float]], Run] = field(
        default_factory=dict
    )
    #: The rate slot of each run that is being asked for.
    slots: dict[int, Slot] = field(default_factory=dict)
    back: list[tuple[Run, Answered | AppError]] = field(default_factory=list)
    settled_at: float = field(default_factory=time.monotonic)
    pauses: Mapping[Scope, Pause] = field(default_factory=dict)
    pauses_at: float = 0.0
    #: Read with the pauses; what was claimed since is taken off it.
    budgets: Budgets = field(default_factory=Budgets)
    #: When it was looked last for runs that are not planned yet.
    planned_at: float = 0.0
    #: Until when asking for a slot is in vain.
    no_slot_before: float = 0.0
    #: Sources with runs that the send pump was not woken for yet.
    moved: set[str] = field(default_factory=set)

    @property
    def scope(self) -> Scope:
        """What a pause of this token stops: a replaced token is not paused."""
        return Scope("token", self.ring.name)

    def room(self) -> int:
        """How many runs may be claimed now.

        Without a limit a call may wait for its thread, so that claims are full ones
        and no thread waits for them.
        """
        free = self.parts.settings.enrich_threads - len(self.calls)
        if not self.ring.slots:
            free = free + CLAIM_COUNT if free + CLAIM_COUNT // 2 >= 0 else 0
        return min(CLAIM_COUNT, free)

    def read_pauses(self) -> None:
        """Look which scopes are paused, if the last look is old."""
        now = time.monotonic()
        if not self.pauses_at or now - self.pauses_at >= PAUSES_EVERY_S:
            self.pauses = self.parts.ledger.pauses.active()
            self.budgets = Budgets.read(self.parts)
            self.pauses_at = now

    def closed_apis(self) -> list[str]:
        """APIs that a pause forbids now, themselves or by their credit pool."""
        return [api for api in PRODUCTS if self._is_closed(*scopes_of(api))]

    def is_closed(self) -> bool:
        """Whether the token itself is paused."""
        return self._is_closed(self.scope)

    def is_probing(self) -> bool:
        """Whether a pause has run out, so that one call goes first, alone."""
        scopes = {self.scope, *(s for api in PRODUCTS for s in scopes_of(api))}
        return any(s in self.pauses and self.pauses[s].may_probe for s in scopes)

    def is_probing_pool(self) -> bool:
        """Whether that call is to show that there are credits again."""
        pools = {PRODUCTS[api].info.pool for api in PRODUCTS} - {None}
        scopes = [Scope("pool", pool or "") for pool in pools]
        return any(s in self.pauses and self.pauses[s].may_probe for s in scopes)

    def _is_closed(self, *scopes: Scope) -> bool:
        return any(
            scope in self.pauses and not self.pauses[scope].may_probe
            for scope in scopes
        )


def enrich(
    parts: Parts, token: str, owner: int, *, tell: Any = None
) -> tuple[list[Wake], bool]:
    """Ask 6sense for the ready runs of one token, for one turn of the budget.

    `tell` is called with the pumps to wake as soon as runs have moved on. Returns
    those that are still to be woken, and whether due work was left.
    """
    turn = Turn(parts, token, owner, parts.rings[token])
    deadline = time.monotonic() + parts.settings.enrich_budget_s
    is_more = True
    try:
        while is_more or turn.calls or turn.back:
            if time.monotonic() < deadline and not parts.stopping.is_set():
                is_more = _start(turn)
            elif not turn.calls and not turn.back:
                break
            _collect(turn)
            if turn.moved and tell is not None:
                tell(_wakes(turn))
    finally:
        # Only after an error, or when told to stop with calls still under way.
        held = [*turn.calls.values(), *(run for run, _ in turn.back)]
        parts.ledger.runs.release([run.id for run in held], owner=owner)
    return _wakes(turn), is_more and not parts.stopping.is_set()


def _wakes(turn: Turn) -> list[Wake]:
    wakes = [Wake("send", source) for source in sorted(turn.moved)]
    turn.moved.clear()
    return wakes


def _start(turn: Turn) -> bool:
    """Plan, and start what can be started now; False when nothing is due."""
    count = turn.room()
    now = time.monotonic()
    if count <= 0 and now - turn.planned_at < LOOK_EVERY_S:
        return True
    turn.read_pauses()
    turn.planned_at = now
    sendable = plan(turn.parts, turn.token, turn.owner, turn.pauses, turn.budgets)
    turn.moved |= sendable or set()
    if turn.is_closed():
        return False
    if turn.is_probing():
        count = min(count, 1 - len(turn.calls))
    if count <= 0 or time.monotonic() < turn.no_slot_before:
        return True
    slots = turn.ring.take(count)
    if not slots.taken:
        # Another process may give one back, so ask again after a second at most.
        turn.no_slot_before = time.monotonic() + min(1.0, slots.wait_s)
        return _is_due(turn)
    claimed: list[Run] = []
    found = 0
    try:
        runs = _claim(turn, len(slots.taken))
        found = len(runs)
        claimed = _admitted(turn, runs)
    finally:
        turn.ring.give_back(slots.taken[len(claimed) :])
    for run, slot in zip(claimed, slots.taken, strict=False):
        turn.slots[run.id] = slot
        _call(turn, run)
    return bool(found) or sendable is not None


def _claim(turn: Turn, count: int) -> list[Run]:
    """Up to `count` runs to ask for; a probe of credits is a run that costs one."""
    unpaid = turn.is_probing_pool()
    claim = partial(
        turn.parts.ledger.runs.claim_questions,
        turn.token,
        owner=turn.owner,
        count=count,
        lease=turn.parts.enrich_lease,
        closed=turn.closed_apis(),
    )
    return claim(unpaid=True) or claim() if unpaid else claim()


def _admitted(turn: Turn, claimed: list[Run]) -> list[Run]:
    """Those that their budgets allow; the others are let go.

    What is spent for good is planned anew, and goes its way; what only calls under
    way stand before waits for these.
    """
    admitted, over = [], []
    for run in claimed:
        lookup = _paying(turn, run)
        if lookup is not None and turn.budgets.reached(run.mapping, lookup):
            over.append((run, lookup))
        else:
            turn.budgets.take(run.mapping, run.lookup or "", run.lookup_api or "")
            admitted.append(run)
    if not over:
        return admitted
    ledger = turn.parts.ledger
    records = [run.lookup_record for run, _ in over if run.lookup_record]
    paid = ledger.enrichments.paid(records)
    admitted += [run for run, _ in over if run.lookup_record in paid]
    left = [(run, one) for run, one in over if run.lookup_record not in paid]
    ledger.runs.release([run.id for run, _ in left], owner=turn.owner)
    spent = {
        (run.mapping, lookup.name, lookup.api)
        for run, lookup in left
        if turn.budgets.reached(run.mapping, lookup, is_settled=True)
    }
    for name in spent:
        ledger.runs.replan_lookup(*name)
    if left:
        turn.no_slot_before = time.monotonic() + LOOK_EVERY_S
        turn.pauses_at = 0.0
    tell(turn.parts, turn.budgets)
    return admitted


def _paying(turn: Turn, run: Run) -> Lookup | None:
    """The lookup whose budget this run's question is about; None: it costs none."""
    mapping = turn.parts.mappings.get(run.mapping)
    lookup = mapping.lookup(run.lookup or "") if mapping else None
    return lookup if lookup and lookup.api == run.lookup_api else None


def _is_due(turn: Turn) -> bool:
    """Whether anything waits for the slots that are not free."""
    return ("enrich", turn.token) in turn.parts.ledger.runs.due()


def _call(turn: Turn, run: Run) -> None:
    callers = turn.parts.callers
    if callers is None:
        raise RuntimeError("the enrich pump needs threads to call from")
    turn.calls[callers.submit(_ask, turn.parts, run)] = run


def _ask(parts: Parts, run: Run) -> tuple[Answered | AppError, float]:
    """What a call came to, and when it was over: that begins its slot's window."""
    outcome: Answered | AppError
    try:
        outcome = parts.sixsense.call(
            run.lookup_api or "", run.question or {}, source=run.source
        )
    except AppError as error:
        outcome = error
    except Exception as error:
        log.exception("6sense call broke")
        outcome = Broken(f"our own fault: {type(error).__name__}")
    return outcome, time.monotonic()


def _collect(turn: Turn) -> None:
    """Take in finished calls; settle when there are enough, or it is time."""
    if turn.calls:
        if len(turn.calls) > CROWD:
            # Some more will be done in a moment, and every look costs queries.
            time.sleep(CROWD_WAIT_S)
        done, _ = wait(turn.calls, timeout=0.05, return_when=FIRST_COMPLETED)
        over = [(turn.calls.pop(call), *call.result()) for call in done]
        now = time.monotonic()
        turn.ring.end(
            [turn.slots.pop(run.id) for run, _, _ in over],
            [now - ended_at for _, _, ended_at in over],
        )
        turn.back += [(run, outcome) for run, outcome, _ in over]
    elif not turn.back:
        pause = turn.no_slot_before - time.monotonic()
        if pause > 0:
            turn.parts.stopping.wait(min(pause, LOOK_EVERY_S))
        return
    now = time.monotonic()
    is_time = now - turn.settled_at >= turn.parts.settings.settle_every_s
    if turn.back and (len(turn.back) >= SETTLE_COUNT or not turn.calls or is_time):
        back, turn.back = turn.back, []
        turn.settled_at = now
        _settle(turn, back)


def _settle(turn: Turn, back: list[tuple[Run, Answered | AppError]]) -> None:
    """Store answers, let failures wait or end, and move every run on."""
    answers: list[Answer] = []
    settled: list[Settled] = []
    retries: list[Retry] = []
    rows: list[Mapping[str, Any]] = []
    answered = [n for n, (_, one) in enumerate(back) if isinstance(one, Answered)]
    if answered:
        _note_success(turn, {back[n][0].lookup_api or "" for n in answered})
    for n, (run, outcome) in enumerate(back):
        if isinstance(outcome, Answered):
            answers.append(_answer(turn, run, outcome))
            continue
        # What an answer came after was no failure in a row.
        is_in_a_row = not answered or n > answered[-1]
        failure = _failure(turn, run, outcome, is_in_a_row=is_in_a_row)
        if isinstance(failure, Retry):
            retries.append(failure)
            continue
        settled.append(failure)
        if failure.verdict is None:
            rows.append(_row(run, LookupResult.FAILED, message=str(outcome)))
    ledger = turn.parts.ledger
    turn.moved |= ledger.enrichments.record(answers, owner=turn.owner)
    ledger.runs.settle(settled, owner=turn.owner, lookups=rows)
    ledger.runs.retry(retries, owner=turn.owner)
    spent = {run.lookup_api or "" for run, one in back if isinstance(one, QuotaSpent)}
    if spent:
        ledger.runs.replan(_sharing(spent))
    ends = {s.run_id for s in settled if s.state == RunState.ENRICHED}
    turn.moved |= {run.source for run, _ in back if run.id in ends}
    log.info(
        "asked 6sense",
        limit=turn.token,
        answered=len(answers),
        matched=sum(a.result == LookupResult.MATCHED for a in answers),
        credits=sum(a.credits for a in answers),
        failed=len(settled),
        retried=len(retries),
        ms=round(max((a.ms for a in answers), default=0)),
    )


def _answer(turn: Turn, run: Run, answered: Answered) -> Answer:
    state = RunState.ENRICHED if run.is_last_lookup else RunState.READY
    row = _row(run, answered.result, message=answered.message)
    return answer_to_store(
        run,
        answered,
        settled=Settled(run.id, state, asked=run.asked + 1),
        lookup={**row, "credits": answered.credits},
        product=run.lookup_api or "",
        key=run.lookup_key or "",
        token=turn.token,
        record=run.lookup_record,
    )


def _row(
    run: Run, result: LookupResult, *, message: str | None = None
) -> dict[str, Any]:
    return {
        "run_id": run.id,
        "position": run.asked,
        "name": run.lookup,
        "api": run.lookup_api,
        "result": result,
        "asked": run.question,
        "message": message,
    }


def _failure(
    turn: Turn, run: Run, error: AppError, *, is_in_a_row: bool
) -> Retry | Settled:
    """What a failed call does to its run and to the scope it is about."""
    scope = scope_of(turn.scope, run.lookup_api or "", error)
    note_failure(turn.parts, scope, error, is_in_a_row=is_in_a_row)
    turn.pauses_at = 0.0
    log.warning(
        "6sense call failed",
        run_id=run.id,
        api=run.lookup_api,
        attempt=run.attempts + 1,
        **log_fields(error),
    )
    settings = turn.parts.settings
    mapping = turn.parts.mappings.get(run.mapping)
    if is_free_of_charge(error):
        # With the pool closed, the lookup's `when_spent` decides what is asked.
        is_spent = isinstance(error, QuotaSpent)
        return Retry(
            run.id,
            0,
            "enrich",
            cause_of(error),
            str(error),
            counts=False,
            replan=is_spent,
        )
    wait_s = next_wait(error, run.attempts, settings.retry_waits_s, turn.parts.jitter())
    if error.disposition is Disposition.RETRY and wait_s is not None:
        return Retry(run.id, wait_s, "enrich", cause_of(error), str(error))
    lookup = mapping.lookup(run.lookup or "") if mapping else None
    if (
        lookup is not None
        and lookup.on_error == "skip"
        and error.disposition is Disposition.FAIL
    ):
        state = RunState.ENRICHED if run.is_last_lookup else RunState.READY
        return Settled(run.id, state, asked=run.asked + 1)
    reason = f"{run.lookup}: {run.lookup_api} could not be asked: {error}"
    return ended(mapping, run, RunState.FAILED, reason, cause=cause_of(error))


def _note_success(turn: Turn, apis: set[str]) -> None:
    for scope in {turn.scope, *(scope for api in apis for scope in scopes_of(api))}:
        if scope in turn.pauses or scope in turn.parts.struggling:
            note_success(turn.parts, scope)
            turn.pauses_at = 0.0


def _sharing(apis: set[str]) -> set[str]:
    """These APIs, and those that live on the same credits."""
    pools = {PRODUCTS[api].info.pool for api in apis} - {None}
    return apis | {api for api, one in PRODUCTS.items() if one.info.pool in pools}
