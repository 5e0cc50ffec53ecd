"""What a mapping would make of one lead: every question, then every decision."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

from app.domain import Decisions, LastValue, LookupAnswer, LookupResult
from app.mapping.apply import Facts, Same, decide, question, skip_reason
from app.mapping.model import Lookup, MappingFile
from app.mapping.reasons import FailRun

#: A lookup and its inputs → what it came to; None: nobody knows. FailRun ends the run.
Answering = Callable[[Lookup, Mapping[str, str]], LookupAnswer | None]


@dataclass
class Preview:
    """What would be decided; nothing was sent."""

    decisions: Decisions
    #: The inputs of each lookup; None: not asked.
    asked: Mapping[str, Mapping[str, str] | None] = field(default_factory=dict)
    #: What one should know besides, a sentence each.
    notes: Sequence[str] = ()


def preview(
    mapping: MappingFile,
    facts: Facts,
    answering: Answering,
    *,
    current: Mapping[str, Any],
    last_written: Mapping[str, LastValue],
    now: datetime,
    same: Same | None = None,
) -> Preview:
    """The questions and decisions for one lead, by the functions of production."""
    known: dict[str, LookupAnswer] = {}
    facts = replace(facts, answers=known)
    skipped = skip_reason(mapping, facts)
    if skipped is not None:
        return Preview(Decisions(skipped=skipped, result="skipped"))
    asked: dict[str, dict[str, str] | None] = {}
    for lookup in mapping.lookups:
        inputs = asked[lookup.name] = question(mapping, lookup, facts)
        if inputs is None:
            known[lookup.name] = LookupAnswer(LookupResult.NOT_ASKED, lookup.api)
            continue
        try:
            answer = answering(lookup, inputs)
        except FailRun as error:
            return Preview(Decisions(failed=str(error), result="failed"), asked)
        if answer is not None:
            known[lookup.name] = answer
    decisions = decide(
        mapping,
        facts,
        current=current if mapping.reads_current else None,
        last_written=last_written,
        now=now,
        same=same,
    )
    return Preview(decisions, asked)
