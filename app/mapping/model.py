"""A checked mapping file: what the rest of the service sees of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path as FilePath
from typing import TYPE_CHECKING, Any

from app.domain import CrmField, ProductInfo
from app.mapping.conditions import Condition
from app.mapping.entry import Entry
from app.mapping.readers import Path
from app.values import stamp

if TYPE_CHECKING:
    from app.mapping.nodes import Scalar
    from app.mapping.trials import Trial

#: What `when_spent` may say besides an API that costs no credit.
WAIT, SKIP = "wait", "skip"


@dataclass(frozen=True, slots=True)
class Budget:
    """Credits of one lookup, counted by days and months in UTC; None: no limit."""

    per_day: int | None = None
    per_month: int | None = None


@dataclass(frozen=True, slots=True)
class Lookup:
    """One question to 6sense that a mapping asks."""

    name: str
    #: A product's own name, whichever spelling the file has.
    api: str
    #: 6sense's input name → what is sent; in the file's order.
    send: Mapping[str, Entry]
    #: At least one input of each group is required.
    required: tuple[tuple[str, ...], ...] = ()
    when: Condition | None = None
    #: How old a stored answer may be; zero always asks.
    reuse: timedelta = timedelta(days=1)
    budget: Budget | None = None
    #: `wait`, `skip`, or the name of an API that costs no credit.
    when_spent: str = WAIT
    #: `fail` or `skip`: what a refusal for good does to the run.
    on_error: str = "fail"


@dataclass(frozen=True, slots=True)
class Outcome:
    """Fields written for every final state."""

    result: str | None = None
    at: str | None = None
    #: Also for runs that were skipped.
    skipped: bool = False
    #: A campaign to go on with after the write.
    request_campaign: str | None = None


@dataclass(frozen=True, slots=True)
class Reply:
    """What the sender of a webhook hears: `accepted`, or the values themselves."""

    #: None: accepted at once, written later.
    values_within: timedelta | None = None


@dataclass(frozen=True, slots=True)
class MappingFile:
    """One route, checked and compiled; immutable, so threads may share it."""

    name: str
    source: str
    #: The object that is written, in the CRM's spelling.
    object: str
    path: FilePath | None
    text: str
    #: SHA-256, in hex, of the file and of everything it includes.
    version: str
    #: Event object → the events of it that are wanted.
    events: Mapping[str, frozenset[str]]
    match_by: str
    match_from: Path
    entries: tuple[Entry, ...]
    lookups: tuple[Lookup, ...] = ()
    skip_when: Condition | None = None
    bulk_when: Condition | None = None
    outcome: Outcome | None = None
    reply: Reply = field(default_factory=Reply)
    #: False: `current: off`, nothing is read before writing.
    reads_current: bool = True
    #: Every top-level name of `lead` that is read anywhere.
    lead_fields: frozenset[str] = frozenset()
    #: Where each of them is read first.
    lead_places: Mapping[str, Scalar] = field(default_factory=dict)
    #: Every field to read of the record before writing: those written, in order,
    #: then those that are only read.
    current_fields: tuple[str, ...] = ()
    #: Those of them without which nothing can be decided well: what a rule compares
    #: with, and what is read elsewhere in the file.
    compared_fields: frozenset[str] = frozenset()
    #: Lookup and product of every `scores[product=...]` that is read.
    scored: frozenset[tuple[str, str]] = frozenset()
    #: What the lookups of this file may be asked of, by name.
    products: Mapping[str, ProductInfo] = field(default_factory=dict)
    #: The object's fields as they were pulled; empty: they never were.
    schema: Mapping[str, CrmField] = field(default_factory=dict)
    #: The tests in the file.
    trials: tuple[Trial, ...] = ()

    def wants(self, object: str, event: str) -> bool:
        """Whether an event of that object is for this file; capitals apart."""
        folded = object.casefold()
        return any(
            event in events
            for wanted, events in self.events.items()
            if wanted.casefold() == folded
        )

    @property
    def fields(self) -> tuple[str, ...]:
        """The fields that are written, in the file's order."""
        return tuple(entry.field for entry in self.entries)

    def lookup(self, name: str) -> Lookup | None:
        """The lookup of that name, or None."""
        return next((one for one in self.lookups if one.name == name), None)


def outcome_values(mapping: MappingFile, word: str, at: datetime) -> dict[str, Any]:
    """The outcome fields of a final state; empty where the file wants none.

    `word` is a result, or `skipped` or `failed`; `at` is written to the second.
    """
    outcome = mapping.outcome
    if outcome is None or (word == "skipped" and not outcome.skipped):
        return {}
    values: dict[str, Any] = {}
    if outcome.result:
        values[outcome.result] = word
    if outcome.at:
        values[outcome.at] = stamp(at)
    return values
