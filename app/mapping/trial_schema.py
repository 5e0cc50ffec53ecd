"""The shape of the tests inside a mapping file."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from app.domain import LookupResult
from app.mapping.findings import did_you_mean
from app.mapping.readers import RANKING
from app.mapping.shape import (
    Check,
    Complaint,
    Part,
    Shape,
    Strict,
    a_flag,
    a_span,
    a_text,
    a_whole,
    anything,
    one_of,
    some_texts,
)
from app.values import read_time

TYPES = (
    "string",
    "text",
    "integer",
    "number",
    "currency",
    "float",
    "boolean",
    "date",
    "datetime",
    "picklist",
    "multipicklist",
)
#: Words in an answer's place. `not-asked` is what a test finds out, not what it says.
GIVEN = (LookupResult.NO_MATCH, LookupResult.SPENT, LookupResult.FAILED)


def _map(what: str) -> Check:
    def check(value: Any) -> Complaint | None:
        if isinstance(value, Mapping):
            return None
        return Complaint("M107", f"`{what}` wants a map of fields and values")

    return check


def an_answer(value: Any) -> Complaint | None:
    if isinstance(value, Mapping) or value in [str(word) for word in GIVEN]:
        return None
    if isinstance(value, str) and value.endswith(".json"):
        return None
    words = [str(word) for word in GIVEN]
    fix = did_you_mean(str(value), words)
    return Complaint("M106", f"'{value}' is not an answer of 6sense", fix)


def _now(value: Any) -> Complaint | None:
    if isinstance(value, str) and read_time(value) is not None:
        return None
    return Complaint("M107", f"'{value}' is not a time", "2026-11-23T10:00:00Z")


def _true_or_text(value: Any) -> Complaint | None:
    if value is True or a_text(value) is None:
        return None
    return Complaint("M107", "true, or a part of the sentence, is wanted here")


def _asked(value: Any) -> Complaint | None:
    if isinstance(value, Mapping):
        for inputs in value.values():
            if inputs != LookupResult.NOT_ASKED and not isinstance(inputs, Mapping):
                fix = "asked: {sixsense: {email: jo@acme.example}}"
                return Complaint("M107", "`asked` wants inputs, or not-asked", fix)
        return None
    return Complaint("M107", "`asked` wants a map of lookups")


class ExpectSchema(Strict):
    """`expect`."""

    example = "expect: {writes: {score: 88}}"

    writes = Shape(_map("writes"))
    kept = Shape(_map("kept"))
    asked = Shape(_asked)
    skipped = Shape(_true_or_text)
    failed = Shape(_true_or_text)
    outcome = Shape(one_of("an outcome", *map(str, RANKING), "skipped"))


class RunSchema(Strict):
    """`run`."""

    example = "run: {event: updated}"

    event = Shape(a_text)
    source = Shape(a_text)
    changed_by = Shape(a_text)


class StepSchema(Strict):
    """One of `next`; lookups are keys beside these."""

    example = "next: [{after: 31 days, expect: {writes: {}}}]"

    lead = Shape(_map("lead"))
    current = Shape(_map("current"))
    last_written = Shape(_map("last_written"))
    run = Part(RunSchema)
    after = Shape(a_span)
    expect = Part(ExpectSchema, required=True)


class TrialSchema(StepSchema):
    """One of `tests`."""

    example = "tests: [{name: …, lead: {…}, expect: {writes: {…}}}]"

    name = Shape(a_text, required=True)
    lead = Shape(_map("lead"), required=True)
    schema_ = Shape(_map("schema"), key="schema")
    now = Shape(_now)
    next_ = Shape(anything, key="next")


class FieldSchema(Strict):
    """One field of a test's `schema`."""

    example = "{type: string, length: 20}"

    type = Shape(one_of("a type", *TYPES), required=True)
    length = Shape(a_whole)
    values = Shape(some_texts)
    read_only = Shape(a_flag)
