"""The nodes of a mapping file's tree: values that remember where they stand."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Any, TypeAlias

from app.domain import Finding


@dataclass(frozen=True, slots=True)
class Source:
    """One file's name and lines, for the findings about it."""

    name: str
    lines: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Place:
    """Where a value stands; line and column are one-based."""

    source: Source
    line: int
    column: int
    width: int = 1


@dataclass(frozen=True, slots=True)
class Scalar:
    """One value: text, number, flag or null; `text` is what stands in the file."""

    place: Place
    value: Any
    text: str
    #: The keys that lead here: ("fields", "sixsenseIndustry", "from").
    at: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Items:
    """A list."""

    place: Place
    items: tuple[Node, ...]
    at: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Table:
    """A map; keys are in the file's order, by their text."""

    place: Place
    entries: dict[str, Node] = field(default_factory=dict)
    keys: dict[str, Scalar] = field(default_factory=dict)
    at: tuple[str, ...] = ()

    def get(self, key: str) -> Node | None:
        """The value under a key, or None."""
        return self.entries.get(key)


Node: TypeAlias = Scalar | Items | Table


def plain(node: Node) -> Any:
    """The node as Python values, its places forgotten."""
    if isinstance(node, Scalar):
        return node.value
    if isinstance(node, Items):
        return [plain(item) for item in node.items]
    return {key: plain(value) for key, value in node.entries.items()}


def moved(node: Node, at: tuple[str, ...]) -> Node:
    """The same node, with other keys leading to it."""
    if isinstance(node, Scalar):
        return replace(node, at=at)
    if isinstance(node, Items):
        return replace(node, at=at, items=tuple(moved(item, at) for item in node.items))
    entries = {key: moved(value, (*at, key)) for key, value in node.entries.items()}
    keys = {key: replace(name, at=(*at, key)) for key, name in node.keys.items()}
    return replace(node, at=at, entries=entries, keys=keys)


def text_at(node: Node | None) -> str:
    """The text that a node is, or nothing."""
    value = node.value if isinstance(node, Scalar) else None
    return value if isinstance(value, str) else ""


def located(
    code: str, message: str, node: Node, *, fix: str = "", at: tuple[str, ...] = ()
) -> Finding:
    """A finding with the place, the line and the keys of a node."""
    place = node.place
    lines = place.source.lines
    line = lines[place.line - 1] if 0 < place.line <= len(lines) else None
    return Finding(
        code,
        message,
        place.source.name,
        place.line,
        place.column,
        # The caret stays under its line, wherever a value ends.
        max(1, min(place.width, len(line) - place.column + 1)) if line else 1,
        line,
        at or node.at,
        fix,
    )
