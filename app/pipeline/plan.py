"""Which question a run asks next, and whether a fresh answer is there already."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any

from app.domain import LookupAnswer, LookupResult, RunState
from app.ledger.enrichments import StoredLookup
from app.ledger.pauses import Pause, Scope
from app.ledger.runs import Question, Retry, Run, Settled
from app.mapping import apply
from app.mapping.apply import Facts
from app.mapping.model import SKIP, WAIT, Lookup, MappingFile
from app.pipeline.budgets import CAUSE, Budgets, Limit
from app.pipeline.parts import Parts
from app.pipeline.story import (
    ended,
    facts_of,
    leave_orphans,
    question_key,
    record_key,
    too_long,
)
from app.sixsense import PRODUCTS

#: Runs planned in one pass; planning is a few dozen microseconds a run.
COUNT = 500


@dataclass
class Plan:
    """What a pass of planning came to."""

    settled: list[Settled] = field(default_factory=list)
    #: Rows of run_lookups: those not asked, and those with a fresh answer.
    lookups: list[Mapping[str, Any]] = field(default_factory=list)
    asking: list[tuple[Run, Lookup, Question]] = field(default_factory=list)
    #: Runs of mapping files that this process does not have.
    orphans: list[Run] = field(default_factory=list)
    #: Over their budget, unless their record is paid for already.
    over: list[tuple[Run, Lookup, str | None]] = field(default_factory=list)
    #: Runs that wait for the next day or month of their budget.
    waits: list[Retry] = field(default_factory=list)


@dataclass(frozen=True)
class Way:
    """What is closed now, and so the way that each lookup goes."""

    pauses: Mapping[Scope, Pause]
    budgets: Budgets
    #: Of one run: its record is paid for, so no budget stops it.
    is_paid: bool = False
    #: Of one run: it would cost a credit that its budget does not have.
    is_over: bool = False

    def limit(self, mapping: MappingFile, lookup: Lookup) -> Limit | None:
        """The budget that leaves nothing for this lookup."""
        if self.is_paid:
            return None
        # What is under way may cost nothing: it decides for nobody, for good.
        return self.budgets.reached(mapping.name, lookup, is_settled=True)

    def api(self, lookup: Lookup, limit: Limit | None) -> str | None:
        """The API to ask; None: go without."""
        return api_of(lookup, self.pauses) if limit is None else spent_way(lookup)


def plan(
    parts: Parts,
    token: str,
    owner: int,
    pauses: Mapping[Scope, Pause],
    budgets: Budgets,
) -> set[str] | None:
    """Plan the unplanned runs of a token; None if there were none.

    Returns the sources whose runs need no more questions and may be sent.
    """
    runs = parts.ledger.runs.claim_unplanned(
        token, owner=owner, count=COUNT, lease=parts.enrich_lease
    )
    if not runs:
        return None
    earlier = parts.ledger.enrichments.of_runs([run.id for run in runs if run.asked])
    made = Plan()
    way = Way(pauses, budgets)
    for run in runs:
        _plan_run(parts, made, run, earlier.get(run.id, ()), way)
    if made.over:
        _plan_over(parts, made, earlier, way)
    questions = _reuse(parts, made)
    parts.ledger.runs.settle(made.settled, owner=owner, lookups=made.lookups)
    parts.ledger.runs.plan(questions, owner=owner)
    parts.ledger.runs.retry(made.waits, owner=owner)
    leave_orphans(parts, made.orphans, owner, "enrich")
    enriched = {s.run_id for s in made.settled if s.state == RunState.ENRICHED}
    return {run.source for run in runs if run.id in enriched}


def _plan_over(
    parts: Parts,
    made: Plan,
    earlier: Mapping[int, Sequence[StoredLookup]],
    way: Way,
) -> None:
    """Runs over their budget: a record that is paid for costs nothing; one query."""
    over, made.over = made.over, []
    paid = parts.ledger.enrichments.paid([key for _, _, key in over if key])
    for run, _, key in over:
        decided = replace(way, is_paid=key in paid, is_over=key not in paid)
        _plan_run(parts, made, run, earlier.get(run.id, ()), decided)


def _plan_run(
    parts: Parts,
    made: Plan,
    run: Run,
    earlier: Sequence[StoredLookup],
    way: Way,
) -> None:
    mapping = parts.mappings.get(run.mapping)
    if mapping is None:
        made.orphans.append(run)
        return
    facts = facts_of(parts, run, earlier)
    record_id = run.record_id or apply.record_key(mapping, facts)
    if record_id is None:
        reason = f"match: {mapping.match_from.text} is empty, so there is no record"
        made.settled.append(ended(mapping, run, RunState.SKIPPED, reason))
        return
    overlong = too_long(mapping, run, record_id)
    if overlong is not None:
        made.settled.append(overlong)
        return
    skipped = None if run.asked else apply.skip_reason(mapping, facts)
    if skipped is not None:
        made.settled.append(ended(mapping, run, RunState.SKIPPED, skipped))
        return
    answers = dict(facts.answers)
    position = run.asked
    rows: list[Mapping[str, Any]] = []
    for lookup in mapping.lookups[run.asked :]:
        now = Facts(
            facts.lead, facts.time, facts.event, facts.source, facts.changed_by, answers
        )
        inputs = apply.question(mapping, lookup, now)
        limit = way.limit(mapping, lookup) if inputs is not None else None
        if inputs is not None and limit is not None:
            token = parts.sixsense.token_name(lookup.api, mapping.source)
            key = record_key(parts.person_key, lookup.api, token, inputs)
            if not way.is_over and not way.is_paid:
                # Nothing of this pass counts: it is planned again in a moment.
                made.over.append((run, lookup, key))
                return
            if way.is_over and lookup.when_spent == WAIT:
                made.waits.append(_wait(run, limit))
                return
        api = lookup.api if inputs is None else way.api(lookup, limit)
        if inputs is not None and api is not None:
            question = _question(parts, mapping, run, lookup, api, inputs, position)
            question.lookups.extend(rows)
            made.asking.append((run, lookup, question))
            return
        result = LookupResult.NOT_ASKED if inputs is None else LookupResult.SPENT
        rows.append(_row(run.id, position, lookup.name, lookup.api, result))
        answers[lookup.name] = LookupAnswer(result=result, api=lookup.api)
        position += 1
    made.lookups.extend(rows)
    made.settled.append(
        Settled(run.id, RunState.ENRICHED, record_id=record_id, asked=position)
    )


def _wait(run: Run, limit: Limit) -> Retry:
    """Until the next day or month; no failure, so no attempt."""
    now = datetime.now(UTC)
    seconds = (limit.ends_at(now) - now).total_seconds()
    said = f"{limit.spent_text}, and the lookup waits for new ones"
    return Retry(run.id, seconds, "enrich", CAUSE, said, counts=False)


def _question(
    parts: Parts,
    mapping: MappingFile,
    run: Run,
    lookup: Lookup,
    api: str,
    inputs: Mapping[str, str],
    position: int,
) -> Question:
    token = parts.sixsense.token_name(api, mapping.source)
    own = None if lookup.reuse else run.id
    return Question(
        run.id,
        lookup=lookup.name,
        api=api,
        token=token,
        key=question_key(parts.person_key, api, token, inputs, own),
        inputs=inputs,
        record=record_key(parts.person_key, api, token, inputs),
        is_last=lookup is mapping.lookups[-1],
        position=position,
    )


def api_of(lookup: Lookup, pauses: Mapping[Scope, Pause]) -> str | None:
    """The API to ask: the fall-back while credits are spent, None to go without."""
    pool = PRODUCTS[lookup.api].info.pool
    if pool is None or lookup.when_spent == WAIT:
        return lookup.api
    pause = pauses.get(Scope("pool", pool))
    if pause is None or pause.may_probe:
        return lookup.api
    return spent_way(lookup)


def spent_way(lookup: Lookup) -> str | None:
    """The API to ask instead of one whose credits are spent; None: go without."""
    return None if lookup.when_spent == SKIP else lookup.when_spent


def _reuse(parts: Parts, made: Plan) -> list[Question]:
    """Settle the questions with an answer that is fresh enough; returns the others."""
    if not made.asking:
        return []
    now = datetime.now(UTC)
    longest = max(lookup.reuse for _, lookup, _ in made.asking)
    fresh = (
        parts.ledger.enrichments.fresh(
            [question.key for _, _, question in made.asking], since=now - longest
        )
        if longest > timedelta(0)
        else {}
    )
    rest: list[Question] = []
    for run, lookup, question in made.asking:
        answer = fresh.get(question.key)
        if answer is None or now - answer.asked_at > lookup.reuse:
            rest.append(question)
            continue
        state = RunState.ENRICHED if question.is_last else RunState.READY
        made.settled.append(Settled(run.id, state, asked=question.position + 1))
        row = _row(
            run.id, question.position, lookup.name, answer.product, answer.result
        )
        reused = {
            "enrichment_id": answer.enrichment_id,
            "is_reused": True,
            "asked": question.inputs,
        }
        made.lookups += [*question.lookups, {**row, **reused}]
    return rest


def _row(
    run_id: int, position: int, name: str, api: str, result: str
) -> dict[str, Any]:
    return {
        "run_id": run_id,
        "position": position,
        "name": name,
        "api": api,
        "result": result,
    }
