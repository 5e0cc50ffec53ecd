"""Running the tests of a mapping file: the functions that production calls."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from app.domain import Decisions, Finding, LookupAnswer, LookupResult
from app.errors import AppError
from app.mapping.apply import Facts, decide, question, skip_reason
from app.mapping.findings import shorten
from app.mapping.model import MappingFile
from app.mapping.nodes import located
from app.mapping.reasons import NO_VALUE
from app.mapping.trials import Given, Step, Trial
from app.values import same

#: API and raw answer → whether 6sense knew it, and the canonical answer.
Canonical = Callable[[str, Any], tuple[LookupResult, Mapping[str, Any]]]

#: A path that picks a product: its lookup, and the product.
_PRODUCT = re.compile(r"([\w-]+)\.scores\[product=([^\]]+)\]")


@dataclass(frozen=True, slots=True)
class Written:
    """What we last wrote to one field, as a test knows it."""

    value: Any
    at: datetime

    def equals(self, value: Any) -> bool:
        """Whether the record still has it."""
        return same(self.value, value)


@dataclass
class _State:
    """The record and the world between the steps of a test."""

    now: datetime
    lead: dict[str, Any] = field(default_factory=dict)
    current: dict[str, Any] = field(default_factory=dict)
    written: dict[str, Written] = field(default_factory=dict)
    answers: dict[str, Given] = field(default_factory=dict)
    run: dict[str, Any] = field(default_factory=dict)

    def take(self, step: Step) -> None:
        """What the step names is new; all else stays."""
        self.now += step.after
        self.lead |= step.lead
        self.current |= step.current
        self.answers |= step.answers
        self.run |= step.run
        for name, (value, ago) in step.last_written.items():
            self.written[name] = Written(value, self.now - ago)

    def keep(self, decisions: Decisions) -> None:
        """Our writes are what the record has then."""
        for name, value in decisions.writes.items():
            self.written[name] = Written(value, self.now)
            self.current[name] = value


@dataclass
class _Seen:
    """What one step came to."""

    decisions: Decisions
    #: By lookup; None: not asked.
    asked: dict[str, dict[str, str] | None] = field(default_factory=dict)
    problem: str = ""


def run_trial(
    mapping: MappingFile, trial: Trial, canonical: Canonical
) -> tuple[Finding, ...]:
    """What is not as the test expects; empty if it passes."""
    state = _State(trial.now)
    findings: list[Finding] = []
    for number, step in enumerate(trial.steps):
        state.take(step)
        seen = _run(mapping, trial, state, canonical)
        problems = [seen.problem] if seen.problem else _compare(step, seen)
        if problems:
            called = f"test '{trial.name}'" + (f", next {number}" if number else "")
            node = step.node.get("expect") or step.node
            fix = _fix(seen, state)
            message = f"{called}: {'; '.join(problems)}"
            findings.append(located("M601", message, node, fix=fix))
        state.keep(seen.decisions)
    return tuple(findings)


def _fix(seen: _Seen, state: _State) -> str:
    if seen.problem:
        name = next(reversed(seen.asked), "sixsense")
        return f"Add `{name}: no-match` or an answer."
    for decision in seen.decisions.fields:
        picked = _PRODUCT.match(decision.origin)
        if picked is not None and decision.reason == NO_VALUE:
            products = _products(state.answers.get(picked[1]))
            if products and picked[2].casefold() not in map(str.casefold, products):
                had = ", ".join(products)
                return f"The answer has no product {picked[2]}; it has {had}."
    return ""


def _products(given: Given | None) -> list[str]:
    scores = given.raw.get("scores") if given and isinstance(given.raw, dict) else None
    rows = [one for one in scores or () if isinstance(one, dict)]
    return [str(one["product"]) for one in rows if one.get("product")]


def _run(
    mapping: MappingFile, trial: Trial, state: _State, canonical: Canonical
) -> _Seen:
    answers: dict[str, LookupAnswer] = {}
    facts = Facts(
        state.lead,
        state.now,
        state.run.get("event", "created"),
        state.run.get("source", mapping.source),
        state.run.get("changed_by"),
        answers,
    )
    skipped = skip_reason(mapping, facts)
    if skipped is not None:
        return _Seen(Decisions(skipped=skipped, result="skipped"))
    seen = _ask(mapping, facts, answers, state, canonical)
    if seen.problem or seen.decisions.failed:
        return seen
    seen.decisions = decide(
        mapping,
        facts,
        current=state.current if mapping.reads_current else None,
        last_written=state.written,
        now=state.now,
        fields=trial.schema,
    )
    return seen


def _ask(
    mapping: MappingFile,
    facts: Facts,
    answers: dict[str, LookupAnswer],
    state: _State,
    canonical: Canonical,
) -> _Seen:
    """Ask what the mapping asks; fills `answers`, which later questions read."""
    seen = _Seen(Decisions())
    for lookup in mapping.lookups:
        name, given = lookup.name, state.answers.get(lookup.name)
        seen.asked[name] = question(mapping, lookup, facts)
        if seen.asked[name] is None:
            answers[name] = LookupAnswer(LookupResult.NOT_ASKED, lookup.api)
        elif given is None:
            seen.problem = (
                f"{name} would be asked, but the test does not say what it answers"
            )
            return seen
        elif given.result is LookupResult.FAILED and lookup.on_error == "fail":
            failed = f"{name}: 6sense refused the question"
            seen.decisions = Decisions(failed=failed, result="failed")
            return seen
        else:
            try:
                answers[name] = _answer(given, state.now, canonical)
            except AppError as error:
                seen.problem = f"{name}: {error}"
                return seen
    return seen


def _answer(given: Given, now: datetime, canonical: Canonical) -> LookupAnswer:
    if given.raw is None:
        return LookupAnswer(given.result, given.api, now)
    judged, data = canonical(given.api, given.raw)
    result = judged if given.is_recorded else LookupResult.MATCHED
    return LookupAnswer(result, given.api, now, data=data)


def _compare(step: Step, seen: _Seen) -> list[str]:
    decisions, expect = seen.decisions, step.expect
    problems = [
        *_word("skipped", expect.get("skipped"), decisions.skipped),
        *_word("failed", expect.get("failed"), decisions.failed),
    ]
    if not problems and "writes" in expect:
        problems += _writes(expect["writes"], decisions)
    problems += _kept(expect.get("kept", {}), decisions)
    problems += _asked(expect.get("asked", {}), seen.asked)
    outcome = expect.get("outcome")
    if outcome is not None and outcome != decisions.result:
        problems.append(f"outcome: expected {outcome}, got {decisions.result}")
    return problems


def _kept(wanted: Mapping[str, Any], decisions: Decisions) -> list[str]:
    problems = []
    decided = {decision.field: decision for decision in decisions.fields}
    for name, reason in wanted.items():
        one = decided.get(name)
        if one is None:
            problems.append(f"{name}: expected {reason}, but there is no such field")
        elif one.is_write:
            problems.append(f"{name}: expected {reason}, but it is written")
        elif one.reason != reason:
            got = f"{one.reason} ({one.sentence})"
            problems.append(f"{name}: expected {reason}, got {got}")
    return problems


def _asked(
    wanted: Mapping[str, Any], asked: Mapping[str, Mapping[str, str] | None]
) -> list[str]:
    problems = []
    for name, inputs in wanted.items():
        expected = None if inputs == LookupResult.NOT_ASKED else _as_text(inputs)
        if asked.get(name) != expected:
            got = _shown(asked.get(name))
            problems.append(f"{name} is asked {got}, expected {_shown(expected)}")
    return problems


def _word(kind: str, wanted: Any, got: str | None) -> list[str]:
    if wanted is None:
        return [f"the run is {kind}: {got}"] if got is not None else []
    if got is None:
        return [f"expected the run to be {kind}, but it is not"]
    if wanted is True or str(wanted) in got:
        return []
    return [f"{kind}: expected '{wanted}', got '{got}'"]


def _writes(wanted: Mapping[str, Any], decisions: Decisions) -> list[str]:
    writes = decisions.writes
    problems = []
    reasons = {d.field: d for d in decisions.fields if not d.is_write}
    for name, value in wanted.items():
        if name in writes:
            got = writes[name]
            if type(got) is not type(value) or got != value:
                problems.append(f"{name}: expected {_told(value)}, got {_told(got)}")
        elif name in reasons:
            why = f"{reasons[name].reason} ({reasons[name].sentence})"
            problems.append(f"{name}: expected {_told(value)}, kept: {why}")
        else:
            problems.append(f"{name}: expected {_told(value)}, there is no such field")
    problems += [
        f"{name}: writes {_told(value)}, the test does not expect a write"
        for name, value in writes.items()
        if name not in wanted
    ]
    return problems


def _told(value: Any) -> str:
    if isinstance(value, bool) or value is None:
        return {True: "true", False: "false", None: "null"}[value]
    return f"'{shorten(value, 60)}'" if isinstance(value, str) else str(value)


def _as_text(inputs: Mapping[str, Any]) -> dict[str, str]:
    return {name: str(value) for name, value in inputs.items()}


def _shown(inputs: Mapping[str, str] | None) -> str:
    if inputs is None:
        return "not at all"
    return "{" + ", ".join(f"{key}: {value}" for key, value in inputs.items()) + "}"
