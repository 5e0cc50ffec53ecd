"""The shape of a mapping file: its keys, and what may stand under each.

What a path, a condition, a table or a rule says is looked at where it is compiled.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from marshmallow import ValidationError, validates_schema

from app.mapping import rules
from app.mapping.converters import CONVERTERS
from app.mapping.findings import did_you_mean
from app.mapping.shape import (
    Complaint,
    Each,
    Named,
    Part,
    Shape,
    Strict,
    a_constant,
    a_flag,
    a_name,
    a_separator,
    a_span,
    a_text,
    a_whole,
    anything,
    one_of,
    some_texts,
)
from app.mapping.spans import FORM, span_of

EVENTS = ("created", "updated")
SOURCES = ("from", "first_of", "all_of", "value", "cases", "text")
POLISH = ("as", "translate", "join", "max", "cut", "no_value")


class CaseSchema(Strict):
    """One of `cases`."""

    example = "cases: [{when: {lead.country: {is: DE}}, value: Germany}]"

    when = Shape(anything, required=True)
    value = Shape(a_constant, required=True)


def _as(value: Any) -> Complaint | None:
    if isinstance(value, Mapping) and list(value) == ["currency"]:
        code = value["currency"]
        if isinstance(code, str) and len(code) == 3 and code.isupper():
            return None
        return Complaint("M106", f"'{code}' is not a currency", "Its code: EUR.")
    if isinstance(value, str) and value in CONVERTERS:
        return None
    fix = did_you_mean(str(value), CONVERTERS)
    return Complaint("M106", f"'{value}' is not a converter", fix)


def _max(value: Any) -> Complaint | None:
    if value == "auto" or a_whole(value) is None:
        return None
    message = "`max` wants a number of characters, or auto"
    return Complaint("M107", message, "max: 255")


def write_rule(value: Any) -> Complaint | None:
    """One of the words, `{if-higher: 30 days}` or `{with: field}`."""
    if isinstance(value, str):
        if value in rules.WORDS:
            return None
        fix = did_you_mean(value, rules.WORDS)
        return Complaint("M106", f"'{value}' is not a write rule", fix)
    if isinstance(value, Mapping) and len(value) == 1:
        ((word, detail),) = value.items()
        if word == "if-higher":
            is_span = span_of(detail) is not None
            message = f"'{detail}' is not a span of time"
            return None if is_span else Complaint("M106", message, FORM)
        if word == "with":
            is_named = a_text(detail) is None or some_texts(detail) is None
            message = "`with` wants a field, or a list of them"
            return None if is_named else Complaint("M106", message)
    fix = "A word, {if-higher: 30 days} or {with: field}."
    return Complaint("M106", "this is not a write rule", fix)


def _no_value(value: Any) -> Complaint | None:
    if not isinstance(value, list):
        fix = 'no_value: [Unknown, N/A, "-"]'
        return Complaint("M107", "`no_value` wants a list of words", fix)
    for word in value:
        if word in (0, False):
            shown = "false" if word is False else "0"
            message = f"{shown} is a value, not an empty one"
            return Complaint("M409", message, "Take it off no_value.")
        if a_constant(word) is not None or word is None:
            return Complaint("M107", "`no_value` wants words", "[Unknown, N/A]")
    return None


class InputSchema(Strict):
    """An entry under `send`: it reads and converts, and writes nothing."""

    example = "email: lead.email"

    from_ = Shape(a_text, key="from")
    first_of = Shape(some_texts)
    all_of = Shape(some_texts)
    value = Shape(a_constant)
    otherwise = Shape(a_constant)
    as_ = Shape(_as, key="as")
    translate = Shape(anything)
    text = Shape(a_text)

    @validates_schema
    def has_one_source(self, data: Mapping[str, Any], **_: Any) -> None:
        """Exactly one of the sources; `text` is one if it stands alone."""
        keys = [key for key in SOURCES if _data(key) in data]
        others = [key for key in keys if key != "text"]
        if len(others) > 1:
            message = f"two sources: {others[0]} and {others[1]}"
            fix = f"Exactly one of {', '.join(SOURCES)}."
            raise ValidationError({others[1]: [Complaint("M403", message, fix)]})
        if not keys:
            fix = "Say where the value comes from: from: lead.email."
            raise ValidationError([Complaint("M403", "no source", fix)])


class EntrySchema(InputSchema):
    """One field."""

    example = "score: {from: sixsense.company.industry}"

    cases = Each(CaseSchema)
    when = Shape(anything)
    join = Shape(a_separator)
    max = Shape(_max)
    cut = Shape(one_of("a way to cut", "items", "words", "characters"))
    write = Shape(write_rule)
    clear = Shape(a_flag)
    no_value = Shape(_no_value)
    on_error = Shape(one_of("a way out", "skip", "fail"))

    @validates_schema
    def goes_together(self, data: Mapping[str, Any], **_: Any) -> None:
        """Verbs that would do nothing, or answer the same question twice."""
        for source in ("value", "cases"):
            for verb in (*POLISH, "text", "clear"):
                if source in data and _data(verb) in data:
                    _clash(verb, f"{source} is final: `{verb}` has nothing to do")
        if "cut" in data and "max" not in data:
            _clash("cut", "`cut` needs `max`", "Add `max: auto`, or a number.")
        if data.get("cut") == "items" and "join" not in data:
            _clash("cut", "`cut: items` needs `join`", 'Add `join: "; "`.')
        if "text" in data and "join" in data:
            _clash("text", "`text` and `join` do not go together", "Keep one.")
        if "all_of" in data and "join" not in data:
            _clash("all_of", "`all_of` needs `join`", 'Add `join: ", "`.')
        if data.get("clear") is True:
            _clear(data)


def _clear(data: Mapping[str, Any]) -> None:
    if "otherwise" in data:
        message = "`clear` and `otherwise` both answer to an empty value"
        _clash("clear", message, "Keep one.")
    if data.get("write") == "if-empty":
        message = "if-empty never writes over a value, so `clear` would do nothing"
        _clash("clear", message, "Take one of them out.")


def _clash(key: str, message: str, fix: str = "Take it out.") -> None:
    raise ValidationError({key: [Complaint("M404", message, fix)]})


def _data(key: str) -> str:
    """The attribute of a key that is a word of Python."""
    return f"{key}_" if key in ("from", "as") else key


def _send(value: Any) -> Complaint | None:
    if isinstance(value, Mapping) and value:
        return None
    fix = "send: {email: lead.email}"
    return Complaint("M107", "`send` wants 6sense's inputs", fix)


class ReuseSchema(Strict):
    """`reuse`."""

    example = "reuse: {for: 1 day}"

    for_ = Shape(a_span, required=True, key="for")


class BudgetSchema(Strict):
    """`budget`."""

    example = "budget: {per_day: 2000, when_spent: skip}"

    per_day = Shape(a_whole)
    per_month = Shape(a_whole)
    when_spent = Shape(a_text)

    @validates_schema
    def says_something(self, data: Mapping[str, Any], **_: Any) -> None:
        """`when_spent` alone is a budget too: credits may be spent at 6sense."""
        if not data:
            message, fix = "an empty budget says nothing", self.example
            raise ValidationError([Complaint("M107", message, fix)])


class LookupSchema(Strict):
    """One of `lookups`."""

    example = "{api: lead-scoring, send: {email: lead.email}}"

    api = Shape(a_text, required=True)
    when = Shape(anything)
    send = Shape(_send, required=True)
    reuse = Part(ReuseSchema)
    budget = Part(BudgetSchema)
    on_error = Shape(one_of("a way out", "fail", "skip"))


class MatchSchema(Strict):
    """`match`."""

    example = "match: {by: id, from: lead.id}"

    by = Shape(a_name, required=True)
    from_ = Shape(a_text, required=True, key="from")


def _campaign(value: Any) -> Complaint | None:
    text = str(value)
    if not isinstance(value, bool) and text.isascii() and text.isdigit():
        return None if int(text) > 0 else a_whole(value)
    message = "`request_campaign` wants the campaign's number"
    return Complaint("M107", message, "then: {request_campaign: 1234}")


class ThenSchema(Strict):
    """`then`."""

    example = "then: {request_campaign: 1234}"

    request_campaign = Shape(_campaign, required=True)


class OutcomeSchema(Strict):
    """`outcome`."""

    example = "outcome: {result: sixsenseResult, at: sixsenseCheckedAt}"

    result = Shape(a_name)
    at = Shape(a_name)
    skipped = Shape(a_flag)
    then = Part(ThenSchema)


class PrioritySchema(Strict):
    """`priority`."""

    example = "priority: {bulk: {lead.source: {is: List import}}}"

    bulk = Shape(anything, required=True)


class DefaultsSchema(Strict):
    """`defaults`."""

    example = "defaults: {write: always}"

    write = Shape(write_rule)
    no_value = Shape(_no_value)
    on_error = Shape(one_of("a way out", "skip", "fail"))
    timezone = Shape(a_text)


def _on(value: Any) -> Complaint | None:
    lists = list(value.values()) if isinstance(value, Mapping) else [value]
    if not lists:
        return Complaint("M107", "`on` wants events", "on: [created]")
    for events in lists:
        if not isinstance(events, list) or not events:
            return Complaint("M107", "`on` wants a list of events", "on: [created]")
        for event in events:
            if event not in EVENTS:
                fix = did_you_mean(str(event), EVENTS)
                return Complaint("M106", f"'{event}' is not an event", fix)
    return None


#: What a sender waits for; Marketo gives up after 30 s.
SHORTEST_REPLY = timedelta(seconds=1)
LONGEST_REPLY = timedelta(seconds=25)
_REPLY_FIX = "reply: {values: {within: 8 s}}"


def _reply(value: Any) -> Complaint | None:
    if value == "accepted":
        return None
    if value == "values":
        value = {"values": None}
    if isinstance(value, Mapping) and list(value) == ["values"]:
        inner = value["values"]
        within = span_of(inner.get("within")) if isinstance(inner, Mapping) else None
        if within is None or list(inner) != ["within"]:
            return Complaint("M107", "`values` wants a time", _REPLY_FIX)
        if not SHORTEST_REPLY <= within <= LONGEST_REPLY:
            return Complaint("M107", "`within` is from 1 s to 25 s", _REPLY_FIX)
        return None
    return one_of("a reply", "accepted", "values")(value)


def _version(value: Any) -> Complaint | None:
    if value == 1 and not isinstance(value, bool):
        return None
    message = f"this is format {value}; 1 is the one that is understood"
    return Complaint("M106", message, "Write `mapping: 1`.")


class MappingSchema(Strict):
    """The whole file, its fragments laid under it and its `each` written out."""

    mapping = Shape(_version, required=True)
    name = Shape(a_name)
    source = Shape(a_text, required=True)
    object = Shape(a_name, required=True)
    on = Shape(_on)
    match = Part(MatchSchema, required=True)
    reply = Shape(_reply)
    outcome = Part(OutcomeSchema)
    current = Shape(one_of("a way to read the record", "on", "off"))
    priority = Part(PrioritySchema)
    skip_when = Shape(anything)
    lookups = Named(LookupSchema)
    defaults = Part(DefaultsSchema)
    fields_ = Named(EntrySchema, required=True, key="fields")
    each = Shape(anything)
    include = Shape(anything)
    translations = Shape(anything)
    tests = Shape(anything)
