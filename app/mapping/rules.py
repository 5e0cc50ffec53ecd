"""Write rules: when a new value may stand in the place of the current one."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

from app.domain import LastValue
from app.mapping.converters import number_of
from app.mapping.findings import shorten
from app.mapping.reasons import EDITED, NOT_EMPTY, NOT_HIGHER, Keep
from app.values import read_moment

#: Rules that are one word.
WORDS = ("keep-fresh", "always", "if-empty", "if-higher", "with-others")


@dataclass(frozen=True, slots=True)
class Case:
    """One field of one record, as a rule sees it; the two values are not equal."""

    value: Any
    current: Any
    #: The current value is blank, or a word that counts as blank.
    is_empty: bool
    last: LastValue | None
    now: datetime


Judge = Callable[[Case], None]


@dataclass(frozen=True, slots=True)
class Rule:
    """`judge` raises Keep where the current value stays.

    `after`: the fields of `with`, one of which has to be written; `()` is any
    other one. None: the field stands on its own.
    """

    name: str
    judge: Judge
    after: tuple[str, ...] | None = None

    @property
    def compares(self) -> bool:
        """Whether it has to know the current value."""
        return self.name != "always" and self.after is None


def always(_: Case) -> None:
    """Write whatever is there."""


def if_empty(case: Case) -> None:
    """Fill blanks only."""
    if not case.is_empty:
        raise Keep(NOT_EMPTY)


def keep_fresh(case: Case) -> None:
    """Write over blanks and over our own last value, however old."""
    if case.is_empty:
        return
    if case.last is None:
        sentence = "We never wrote this value, so it is somebody's own."
        raise Keep(EDITED, sentence)
    if not case.last.equals(case.current):
        value = getattr(case.last, "value", None)
        wrote = "wrote it" if value is None else f"wrote {shorten(value)}"
        sentence = (
            f"Somebody changed this after us (we {wrote} on {day(case.last.at)}), "
            "so it is theirs."
        )
        raise Keep(EDITED, sentence)


def if_higher(span: timedelta | None) -> Judge:
    """Write over lower values; with a span, also over what we wrote longer ago."""

    def judge(case: Case) -> None:
        if case.is_empty:
            return
        higher = _is_higher(case.value, case.current)
        if higher:
            return
        if span and case.last is not None and case.now - case.last.at > span:
            return
        raise Keep(NOT_HIGHER, _not_higher(case, higher, span))

    return judge


def _not_higher(case: Case, higher: bool | None, span: timedelta | None) -> str:
    new, old = shorten(case.value), shorten(case.current)
    if higher is None:
        return f"{new} cannot be compared with the '{old}' it has."
    sentence = f"{new} is below the {old} it has."
    if span and case.last is not None:
        sentence = (
            f"{sentence} (lower values are held until {day(case.last.at + span)})"
        )
    return sentence


def _is_higher(value: Any, current: Any) -> bool | None:
    new, old = _measure(value), _measure(current)
    if isinstance(new, Decimal) and isinstance(old, Decimal):
        return new > old
    if isinstance(new, datetime) and isinstance(old, datetime):
        return new > old
    # Milliseconds are a number until they meet a date.
    read, known = read_moment(value), read_moment(current)
    return None if read is None or known is None else read > known


def _measure(value: Any) -> Decimal | datetime | None:
    number = number_of(value)
    return read_moment(value) if number is None else number


def day(at: datetime) -> str:
    """`3 May 2026`, for sentences."""
    return f"{at.day} {at:%B %Y}"


SIMPLE: dict[str, Judge] = {
    "keep-fresh": keep_fresh,
    "always": always,
    "if-empty": if_empty,
}

ALWAYS = Rule("always", always)
