"""Options as frozen dataclasses, changed by JSON and checked key by key.

Each system keeps its options in one dataclass. A field's annotation is a
`Literal`, or one of the types at the end of this module, which carry a check.
Whatever is wrong in a change is said at once, by name, and nothing is changed.
"""

from __future__ import annotations

import dataclasses
import difflib
import typing
from collections.abc import Callable, Iterable, Mapping
from functools import cache
from typing import Annotated, Any, Literal, TypeVar

T = TypeVar("T")
#: None for a good value, else the words that end "<name> must be ...".
Check = Callable[[Any], "str | None"]


class RequestInvalid(Exception):
    """A control request that cannot be carried out; `problems` says why."""

    def __init__(self, *problems: str) -> None:
        super().__init__("; ".join(problems))
        self.problems = list(problems)


def changed(options: T, changes: object, where: str) -> T:
    """A copy of `options` with `changes` laid over it.

    Raises:
        RequestInvalid: every unknown key and every bad value, all at once.
    """
    problems: list[str] = []
    if not isinstance(changes, Mapping):
        raise RequestInvalid(f"{where} must be an object of options")
    known = checks(type(options))
    for name, value in changes.items():
        if name not in known:
            problems.append(unknown(name, known, f"option of {where}"))
        elif wrong := known[name](value):
            problems.append(f"{where}.{name} must be {wrong}, not {value!r}")
    if problems:
        raise RequestInvalid(*problems)
    return dataclasses.replace(options, **changes)  # type: ignore[type-var]


@cache
def checks(options: type) -> dict[str, Check]:
    """Option name → its check, read from the dataclass's annotations."""
    hints = typing.get_type_hints(options, include_extras=True)
    return {
        name: one_of(*typing.get_args(hint))
        if typing.get_origin(hint) is Literal
        else hint.__metadata__[0]
        for name, hint in hints.items()
    }


def unknown(name: object, known: Iterable[str], what: str) -> str:
    """One sentence: 'daily_quta' is no option of marketo; did you mean ...?"""
    names = list(known)
    close = difflib.get_close_matches(str(name), names, n=1)
    hint = f"did you mean {close[0]!r}?" if close else f"known: {', '.join(names)}"
    return f"{name!r} is no {what}; {hint}"


def yes_or_no(value: object) -> str | None:
    """Check: true or false."""
    return None if isinstance(value, bool) else "true or false"


def text(value: object) -> str | None:
    """Check: a text that is not empty."""
    return None if isinstance(value, str) and value else "a text"


def count(value: object) -> str | None:
    """Check: a whole number, 0 or more."""
    good = isinstance(value, int) and not isinstance(value, bool) and value >= 0
    return None if good else "a whole number, 0 or more"


def seconds(value: object) -> str | None:
    """Check: a number above 0."""
    good = isinstance(value, int | float) and not isinstance(value, bool) and value > 0
    return None if good else "a number of seconds above 0"


def one_of(*choices: object) -> Check:
    """Check: one of these values."""
    words = " or ".join(repr(choice) for choice in choices)
    # `in` alone would take 1 for True.
    return lambda value: (
        None
        if any(value == choice and type(value) is type(choice) for choice in choices)
        else words
    )


def texts(value: object) -> str | None:
    """Check: a list of texts."""
    good = isinstance(value, list) and all(isinstance(item, str) for item in value)
    return None if good else "a list of texts"


def table(value: object) -> str | None:
    """Check: a JSON object."""
    return None if isinstance(value, dict) else "an object"


def delay_ms(value: object) -> str | None:
    """Check: milliseconds, or a pair [low, high] to choose between."""
    if count(value) is None:
        return None
    if isinstance(value, list) and len(value) == 2:
        low, high = value
        if count(low) is None and count(high) is None and low <= high:
            return None
    return "milliseconds, or [low, high]"


Flag = Annotated[bool, yes_or_no]
Text = Annotated[str, text]
Count = Annotated[int, count]
Seconds = Annotated[float, seconds]
Texts = Annotated[list[str], texts]
Delay = Annotated[Any, delay_ms]
