"""What a mapping reads at run time: the scope of one record, and its readers.

A reader takes a Scope and gives a value: None is empty, UNKNOWN is what could not
be asked, a domain.Unreadable is a 6sense number that could not be read.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from app.domain import LookupAnswer, LookupResult
from app.mapping.paths import Part, Step, step_of, walker
from app.values import stamp

#: 6sense could not be asked: nothing follows from it, in either direction.
UNKNOWN: Final[Any] = type("Unknown", (), {"__repr__": lambda _: "UNKNOWN"})()

#: What can be read of every lookup, whatever came of it.
FACTS = ("result", "api", "at", "reused")
RUN = ("time", "event", "source", "changed_by", "result")

#: The best result of a run comes first.
RANKING = (
    LookupResult.MATCHED,
    LookupResult.NO_MATCH,
    LookupResult.SPENT,
    LookupResult.FAILED,
    LookupResult.NOT_ASKED,
)


class Scope:
    """All that a mapping can read while one record goes through it."""

    __slots__ = ("answers", "current", "lead", "now", "run")

    def __init__(
        self,
        lead: Mapping[str, Any],
        run: Mapping[str, Any],
        answers: Mapping[str, LookupAnswer],
        now: datetime,
        current: Mapping[str, Any] | None = None,
    ) -> None:
        self.lead = lead
        self.run = run
        self.answers = answers
        self.now = now
        #: None: not read (yet), so that all of it is unknown.
        self.current = current


Reader = Callable[[Scope], Any]


@dataclass(frozen=True, slots=True)
class Path:
    """One checked path. `root` is lead, current, run or a lookup's name."""

    text: str
    root: str
    #: The first name below the root: the field of the record.
    first: str
    read: Reader
    #: text int flag enum list object object_list of the answer; "" if not known.
    kind: str = ""
    #: It gives several values.
    is_list: bool = False
    #: It reads the content of an answer, not a fact about the asking.
    is_answer: bool = False


def record_reader(root: str, parts: Sequence[Part]) -> Reader:
    """A reader of `lead` or `current`; `current` that was not read is unknown."""
    walk = walker([step_of(part) for part in parts])
    if root == "lead":
        return lambda scope: walk(scope.lead)

    def read(scope: Scope) -> Any:
        return UNKNOWN if scope.current is None else walk(scope.current)

    return read


def run_reader(name: str) -> Reader:
    """A reader of `run`; its best result is known as far as lookups were asked."""
    if name == "result":
        return lambda scope: best_result(scope.answers)
    if name == "time":
        return lambda scope: stamp(scope.run["time"])
    return lambda scope: scope.run.get(name)


def fact_reader(lookup: str, fact: str) -> Reader:
    """A reader of `<lookup>.result`, `.api`, `.at` or `.reused`."""

    def read(scope: Scope) -> Any:
        answer = scope.answers.get(lookup)
        if answer is None:
            return UNKNOWN
        if fact == "at":
            return stamp(answer.at) if answer.at else None
        if fact == "reused":
            return answer.is_reused
        return str(answer.result) if fact == "result" else answer.api

    return read


def answer_reader(
    lookup: str, steps: Sequence[Step], apis: frozenset[str], *, is_name: bool
) -> Reader:
    """A reader of what 6sense answered.

    `apis` are those that have the path: another one may have answered, when a
    budget was spent. `is_name` marks segment names, which 6sense leaves out of
    an answer with segment ids while names are switched off.
    """
    walk = walker(steps)

    def read(scope: Scope) -> Any:
        answer = scope.answers.get(lookup)
        if answer is None:
            return UNKNOWN
        result = answer.result
        if result is LookupResult.NOT_ASKED:
            return None
        if result is LookupResult.SPENT or result is LookupResult.FAILED:
            return UNKNOWN
        if answer.api not in apis:
            return UNKNOWN
        if result is LookupResult.NO_MATCH or answer.data is None:
            return None
        value = walk(answer.data)
        is_off = is_name and not value and _names_are_off(answer.data)
        return UNKNOWN if is_off else value

    return read


def _names_are_off(data: Mapping[str, Any]) -> bool:
    segments = data.get("segments")
    if not isinstance(segments, Mapping):
        return False
    return bool(segments.get("ids")) and not segments.get("names")


def best_result(answers: Mapping[str, LookupAnswer]) -> str:
    """The best result of all lookups; `not-asked` without any."""
    results = {answer.result for answer in answers.values()}
    return next((str(best) for best in RANKING if best in results), "not-asked")
