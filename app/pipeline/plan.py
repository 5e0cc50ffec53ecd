"""Which question a run asks next, and whether a fresh answer is there already."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from app.domain import LookupAnswer, LookupResult, RunState
from app.ledger.enrichments import StoredLookup
from app.ledger.pauses import Pause, Scope
from app.ledger.runs import Question, Run, Settled
from app.mapping import apply
from app.mapping.apply import Facts
from app.mapping.model import Lookup, MappingFile
from app.pipeline.parts import Parts
from app.pipeline.story import ended, facts_of, leave_orphans, question_key, too_long
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


def plan(
    parts: Parts, token: str, owner: int, pauses: Mapping[Scope, Pause]
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
    for run in runs:
        mapping = parts.mappings.get(run.mapping)
        if mapping is None:
            made.orphans.append(run)
        else:
            _plan_run(parts, made, mapping, run, earlier.get(run.id, ()), pauses)
    questions = _reuse(parts, made)
    parts.ledger.runs.settle(made.settled, owner=owner, lookups=made.lookups)
    parts.ledger.runs.plan(questions, owner=owner)
    leave_orphans(parts, made.orphans, owner, "enrich")
    enriched = {s.run_id for s in made.settled if s.state == RunState.ENRICHED}
    return {run.source for run in runs if run.id in enriched}


def _plan_run(
    parts: Parts,
    made: Plan,
    mapping: MappingFile,
    run: Run,
    earlier: Sequence[StoredLookup],
    pauses: Mapping[Scope, Pause],
) -> None:
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
        api = lookup.api if inputs is None else api_of(lookup, pauses)
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


def _question(
    parts: Parts,
    mapping: MappingFile,
    run: Run,
    lookup: Lookup,
    api: str,
    inputs: Mapping[str, str],
    position: int,
) -> Question:
    token = parts.sixsense.token_name(api)
    own = None if lookup.reuse else run.id
    return Question(
        run.id,
        lookup=lookup.name,
        api=api,
        token=token,
        key=question_key(parts.person_key, api, token, inputs, own),
        inputs=inputs,
        is_last=lookup is mapping.lookups[-1],
        position=position,
    )


def api_of(lookup: Lookup, pauses: Mapping[Scope, Pause]) -> str | None:
    """The API to ask: the fall-back while credits are spent, None to go without."""
    pool = PRODUCTS[lookup.api].info.pool
    if pool is None or lookup.when_spent == "wait":
        return lookup.api
    pause = pauses.get(Scope("pool", pool))
    if pause is None or pause.may_probe:
        return lookup.api
    return None if lookup.when_spent == "skip" else lookup.when_spent


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
