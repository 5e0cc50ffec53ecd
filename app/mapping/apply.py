"""One record through a mapping: questions before the answers, decisions after them.

Pure functions: what they need comes as arguments, the time too.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from app.domain import (
    CrmField,
    Decision,
    Decisions,
    LastValue,
    LookupAnswer,
)
from app.mapping.empty import is_empty
from app.mapping.entry import Drawn, Entry
from app.mapping.fit import fit
from app.mapping.model import Lookup, MappingFile, outcome_values
from app.mapping.readers import UNKNOWN, Scope, best_result
from app.mapping.reasons import (
    FAULTS,
    NOT_ALONE,
    NOT_APPLICABLE,
    UNCHANGED,
    FailRun,
    Keep,
)
from app.mapping.rules import Case
from app.values import KINDS, text_form
from app.values import same as same_by_kind

__all__ = [
    "Facts",
    "decide",
    "is_bulk",
    "outcome_values",
    "question",
    "record_key",
    "skip_reason",
]

Same = Callable[[CrmField | None, Any, Any], bool]


@dataclass(frozen=True, slots=True)
class Facts:
    """What is known of one run: its event, and what 6sense answered so far."""

    #: The event's record, in the CRM's spelling.
    lead: Mapping[str, Any]
    time: datetime
    event: str = "created"
    source: str = ""
    changed_by: str | None = None
    #: By the lookup's name; one that was not decided about yet is missing.
    answers: Mapping[str, LookupAnswer] = field(default_factory=dict)

    def scope(
        self, now: datetime | None = None, current: Mapping[str, Any] | None = None
    ) -> Scope:
        """What paths read; without `now` spans count from the event."""
        run = {
            "time": self.time,
            "event": self.event,
            "source": self.source,
            "changed_by": self.changed_by,
        }
        return Scope(self.lead, run, self.answers, now or self.time, current)


def record_key(mapping: MappingFile, facts: Facts) -> str | None:
    """The key of the record to write, as text; None if the event has none."""
    value = mapping.match_from.read(facts.scope())
    if value is UNKNOWN or is_empty(value) or isinstance(value, list | dict):
        return None
    return text_form(value)


def is_bulk(mapping: MappingFile, facts: Facts) -> bool:
    """Whether the run waits behind all others."""
    when = mapping.bulk_when
    return when is not None and when.test(facts.scope()) is True


def skip_reason(mapping: MappingFile, facts: Facts) -> str | None:
    """Why nothing is to be done, as far as the event alone tells; else None."""
    scope = facts.scope()
    when = mapping.skip_when
    if when is not None and when.test(scope):
        return when.explain(scope)
    if record_key(mapping, facts) is None:
        return f"{mapping.match_from.text} is empty, so there is no record to write"
    return None


def question(
    mapping: MappingFile, lookup: Lookup, facts: Facts
) -> dict[str, str] | None:
    """The inputs to send, by 6sense's names, blanks left out; None: not asked.

    `facts.answers` holds the lookups above this one. An unknown `when` does not
    ask; neither does a lookup without one input of each required group.
    """
    scope = facts.scope()
    if lookup.when is not None and lookup.when.test(scope) is not True:
        return None
    inputs: dict[str, str] = {}
    for name, entry in lookup.send.items():
        try:
            value = entry.value(scope).value
        except Keep:
            # Nothing there, or nothing that can be sent.
            continue
        text = text_form(value)
        if text:
            inputs[name] = text
    if all(any(name in inputs for name in group) for group in lookup.required):
        return inputs
    return None


def decide(
    mapping: MappingFile,
    facts: Facts,
    *,
    current: Mapping[str, Any] | None,
    last_written: Mapping[str, LastValue],
    now: datetime,
    fields: Mapping[str, CrmField] | None = None,
    same: Same | None = None,
) -> Decisions:
    """Every field of the mapping with its decision.

    `current` is the record as it is now, None if it was not read: then only
    `always` writes. `fields`: the object's own, instead of those that were pulled.
    `same` is the connector's judgement of equality.
    """
    scope = facts.scope(now, current)
    result = best_result(facts.answers)
    when = mapping.skip_when
    if when is not None and when.test(scope):
        return Decisions(skipped=when.explain(scope), result="skipped")
    known = mapping.schema if fields is None else fields
    record = _Record(scope, current, last_written, known, same or _same)
    try:
        decided = record.decide_all(mapping.entries)
    except FailRun as error:
        return Decisions(failed=str(error), result="failed")
    return Decisions(decided, result=result)


def _same(crm: CrmField | None, sent: Any, read: Any) -> bool:
    return same_by_kind(sent, read, KINDS.get(crm.type) if crm is not None else None)


class _Record:
    """One record while its fields are decided."""

    __slots__ = ("current", "fields", "last_written", "same", "scope")

    def __init__(
        self,
        scope: Scope,
        current: Mapping[str, Any] | None,
        last_written: Mapping[str, LastValue],
        fields: Mapping[str, CrmField],
        same: Same,
    ) -> None:
        self.scope = scope
        self.current = current
        self.last_written = last_written
        self.fields = fields
        self.same = same

    def decide_all(self, entries: tuple[Entry, ...]) -> tuple[Decision, ...]:
        """In the mapping's order; those of `with` are decided last."""
        decided: dict[str, Decision] = {}
        for entry in entries:
            if entry.rule.after is None:
                decided[entry.field] = self.decide(entry)
        written = frozenset(name for name, one in decided.items() if one.is_write)
        for entry in entries:
            if entry.rule.after is not None:
                decided[entry.field] = self.decide(entry, written)
        return tuple(decided[entry.field] for entry in entries)

    def decide(self, entry: Entry, written: frozenset[str] = frozenset()) -> Decision:
        """One field; `written` are those that a field of `with` may follow."""
        name = entry.field
        value = origin = None
        current = self.current.get(name) if self.current is not None else None
        try:
            drawn = entry.value(self.scope, self.fields.get(name))
            origin = drawn.origin
            value = self._fitted(entry, drawn)
            if entry.rule.after is not None:
                _refuse_alone(entry.rule.after, written)
            self._judge(entry, value, current, is_blank=drawn.is_blank)
        except Keep as keep:
            kept = keep.value if value is None else value
            return Decision(
                name,
                False,
                kept,
                current,
                keep.reason,
                keep.sentence,
                origin or keep.origin,
            )
        return Decision(name, True, value, current, None, "", origin)

    def _fitted(self, entry: Entry, drawn: Drawn) -> Any:
        crm = self.fields.get(entry.field)
        if crm is None or drawn.is_blank:
            return drawn.value
        try:
            return fit(drawn.value, crm)
        except Keep as keep:
            if entry.fails and keep.reason in FAULTS:
                raise FailRun(f"{entry.field}: {keep.sentence}") from None
            raise

    def _judge(self, entry: Entry, value: Any, current: Any, *, is_blank: bool) -> None:
        """Raise Keep unless the value may be written over the current one."""
        rule = entry.rule
        if self.current is None:
            if rule.name != "always":
                sentence = "The record was not read, so only `always` is written."
                raise Keep(NOT_APPLICABLE, sentence)
            return
        # A word that counts as empty is still a value that `clear` takes away.
        is_gone = is_empty(current)
        crm = self.fields.get(entry.field)
        if is_gone if is_blank else not is_gone and self.same(crm, value, current):
            raise Keep(UNCHANGED)
        rule.judge(
            Case(
                value,
                current,
                is_gone or is_empty(current, entry.no_value),
                self.last_written.get(entry.field),
                self.scope.now,
            )
        )


def _refuse_alone(after: tuple[str, ...], written: frozenset[str]) -> None:
    """Raise Keep unless one of the fields that lead is written; `()` is any."""
    if written.intersection(after) if after else written:
        return
    told = ", ".join(after) if after else "another field"
    sentence = f"Written only together with {told}, which did not change."
    raise Keep(NOT_ALONE, sentence)
