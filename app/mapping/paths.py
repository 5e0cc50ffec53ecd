"""How a path is written: `scores[product=Platform].grade`, and the way down it.

A path is split and checked when the file is loaded; what is left at run time is
one function. What is not there is None, and a path through a list gives a list.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from app.domain import Unreadable
from app.values import plain_number, text_form

Step = Callable[[Any], Any]


@dataclass(frozen=True, slots=True)
class Name:
    """`.industry`: one level down."""

    name: str


@dataclass(frozen=True, slots=True)
class Pick:
    """`[product=Platform]`: the first item whose member equals the text."""

    member: str
    value: str


@dataclass(frozen=True, slots=True)
class Highest:
    """`[highest=contact_grade]`: the item that is furthest up."""

    member: str


@dataclass(frozen=True, slots=True)
class Position:
    """`[0]`."""

    index: int


Part = Name | Pick | Highest | Position


class PathMistake(ValueError):
    """The text is no path; says what is wrong and what to do."""

    def __init__(self, message: str, fix: str = "") -> None:
        super().__init__(message)
        self.fix = fix


def split(text: str) -> tuple[str, tuple[Part, ...]]:
    """The root and the parts of a path.

    Raises:
        PathMistake: it is not written as a path.
    """
    parts: list[Part] = []
    for index, piece in enumerate(_pieces(text)):
        if piece.startswith("["):
            if not index:
                raise PathMistake(f"{text} does not begin with a name")
            parts.append(_bracket(text, piece[1:-1].strip()))
        else:
            parts.append(Name(piece))
    root = parts[0]
    if not isinstance(root, Name):  # pragma: no cover - refused above
        raise PathMistake(f"{text} does not begin with a name")
    return root.name, tuple(parts[1:])


_PIECE = re.compile(r"(?:^|\.)\s*([^.\[\]\s][^.\[\]]*)|(\[[^\[\]]*\])")


def _pieces(text: str) -> list[str]:
    pieces, position = [], 0
    if len(text) > 300:
        raise PathMistake("a path of more than 300 characters is none")
    while position < len(text):
        found = _PIECE.match(text, position)
        if found is None:
            raise PathMistake(
                f"'{text}' is not a path",
                "A path is names with points between: lead.email.",
            )
        pieces.append((found[1] or found[2]).strip())
        position = found.end()
    if not pieces:
        raise PathMistake("a path is missing", "Say where the value is: lead.email.")
    return pieces


def _bracket(text: str, inner: str) -> Part:
    member, equals, value = (part.strip() for part in inner.partition("="))
    if equals and member and value:
        return Highest(value) if member == "highest" else Pick(member, value)
    if re.fullmatch(r"[0-9]{1,4}", inner):
        return Position(int(inner))
    raise PathMistake(
        f"[{inner}] in {text} picks nothing",
        "Write [product=Name], [highest=member] or a position like [0].",
    )


def walker(steps: Sequence[Step]) -> Step:
    """All steps as one; two plain names are the usual case."""
    if len(steps) == 1:
        return steps[0]
    if len(steps) == 2:
        first, second = steps
        return lambda value: second(first(value))

    def walk(value: Any) -> Any:
        for step in steps:
            value = step(value)
        return value

    return walk


def step_of(part: Part, scale: tuple[str, ...] = ()) -> Step:
    """One part as a function; what is not there is None."""
    if isinstance(part, Name):
        return _down(part.name)
    if isinstance(part, Pick):
        return _pick(part.member, part.value.casefold())
    if isinstance(part, Highest):
        return _highest(part.member, scale)
    index = part.index
    return lambda value: (
        value[index] if isinstance(value, list) and index < len(value) else None
    )


def _down(name: str) -> Step:
    def down(value: Any) -> Any:
        # Asking an abstract class takes ten times as long; nearly all are dicts.
        if type(value) is dict or isinstance(value, Mapping):
            return value.get(name)
        if isinstance(value, list):
            return _each(value, down)
        return None

    return down


def _each(items: list[Any], step: Step) -> list[Any]:
    found: list[Any] = []
    for item in items:
        value = step(item)
        if isinstance(value, list):
            found.extend(value)
        elif value is not None:
            found.append(value)
    return found


def _pick(member: str, wanted: str) -> Step:
    def pick(value: Any) -> Any:
        for item in _maps(value):
            if text_form(item.get(member)).casefold() == wanted:
                return item
        return None

    return pick


def _highest(member: str, scale: tuple[str, ...]) -> Step:
    heights = {word.casefold(): height for height, word in enumerate(scale)}

    def highest(value: Any) -> Any:
        best, top = None, None
        for item in sorted(_maps(value), key=_product):
            height = _height(item.get(member), heights)
            if height is not None and (top is None or height > top):
                best, top = item, height
        return best

    return highest


def _maps(value: Any) -> list[Mapping[str, Any]]:
    items = value if isinstance(value, list) else [value]
    return [i for i in items if type(i) is dict or isinstance(i, Mapping)]


def _product(item: Mapping[str, Any]) -> str:
    return text_form(item.get("product") or "").casefold()


def _height(value: Any, heights: Mapping[str, int]) -> Any:
    if heights and isinstance(value, str):
        return heights.get(value.strip().casefold())
    if value is None or isinstance(value, Unreadable):
        return None
    return plain_number(value)
