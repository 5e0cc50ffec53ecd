"""The sources of an entry: from, first_of, all_of, value, cases, and text alone."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from app.mapping.conditions import Condition
from app.mapping.empty import is_empty
from app.mapping.entry import Draw, Drawn
from app.mapping.readers import UNKNOWN, Path, Scope
from app.mapping.reasons import NOT_APPLICABLE, Keep, unknown
from app.mapping.templates import Template


def from_path(path: Path) -> Draw:
    """The value there."""
    read, text, root = path.read, path.text, (path.root,)

    def draw(scope: Scope) -> Drawn:
        value = read(scope)
        if value is UNKNOWN:
            raise unknown(scope, root)
        return Drawn(value, text)

    return draw


def first_of(paths: Sequence[Path], no_value: frozenset[str]) -> Draw:
    """The first that is not empty; one that is bad is bad, the next is not tried."""
    roots = tuple(path.root for path in paths)

    def draw(scope: Scope) -> Drawn:
        has_unknown = False
        for path in paths:
            value = path.read(scope)
            if value is UNKNOWN:
                has_unknown = True
            elif not is_empty(value, no_value):
                return Drawn(value, path.text)
        if has_unknown:
            raise unknown(scope, roots)
        return Drawn(None, paths[0].text)

    return draw


def all_of(paths: Sequence[Path], no_value: frozenset[str]) -> Draw:
    """All that are not empty, as one list; one unknown makes all of it unknown."""
    roots = tuple(path.root for path in paths)
    origin = " + ".join(path.text for path in paths)

    def draw(scope: Scope) -> Drawn:
        items: list[Any] = []
        for path in paths:
            value = path.read(scope)
            if value is UNKNOWN:
                raise unknown(scope, roots)
            items += value if isinstance(value, list) else [value]
        return Drawn([i for i in items if not is_empty(i, no_value)], origin)

    return draw


def constant(value: Any) -> Draw:
    """This, always."""
    drawn = Drawn(value, "value", is_final=True)
    return lambda _: drawn


def cases(parts: Sequence[tuple[Condition, Any]], otherwise: Any) -> Draw:
    """The value of the first case that holds; stops at the first unknown one."""
    made = [(when, Drawn(value, "cases", is_final=True)) for when, value in parts]
    rest = Drawn(otherwise, "otherwise", is_final=True)

    def draw(scope: Scope) -> Drawn:
        for when, drawn in made:
            held = when.test(scope)
            if held:
                return drawn
            if held is None:
                raise unknown(scope, {p.root for p in when.paths if p.is_answer})
        if rest.value is None:
            raise Keep(NOT_APPLICABLE, "No case of the mapping holds for this lead.")
        return rest

    return draw


def from_text(template: Template, no_value: frozenset[str]) -> Draw:
    """A text made of other values; no value if one of them is empty."""
    origin = "text: " + " ".join(path.text for path in template.paths)

    def draw(scope: Scope) -> Drawn:
        return Drawn(template.fill(scope, None, no_value), origin)

    return draw
