"""Conditions: data, not expressions. `{lead.country: {in: [RU, Belarus]}}`.

A test gives True, False or None, which is unknown: 6sense was not asked, so nothing
is concluded. Every comparison with an empty value is false, but is_empty and not_in.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from app.domain import Unreadable
from app.mapping.comparisons import COMPARISONS, Comparison, Maker
from app.mapping.empty import is_empty
from app.mapping.findings import Findings, did_you_mean, shorten
from app.mapping.nodes import Items, Node, Scalar, Table, plain
from app.mapping.readers import UNKNOWN, Path, Scope
from app.mapping.resolve import Reach, Resolver

Test = Callable[[Scope], bool | None]


@dataclass(frozen=True, slots=True)
class Condition:
    """A compiled condition; `words` is how it is told to people."""

    test: Test
    words: str
    #: The words of the part that makes it true for this scope.
    explain: Callable[[Scope], str]
    paths: tuple[Path, ...] = ()


class Conditions:
    """Compiles conditions of one file."""

    def __init__(self, findings: Findings, resolver: Resolver, maker: Maker) -> None:
        self.findings = findings
        self.resolver = resolver
        self.maker = maker

    def compile(self, node: Node | None, reach: Reach) -> Condition | None:
        """The condition of a node, or None after a complaint."""
        if isinstance(node, Table) and node.entries:
            parts = [self._part(node, key, reach) for key in node.entries]
            return all_of([part for part in parts if part is not None])
        if isinstance(node, Items):
            fix = "A list needs `all:` or `any:` before it."
            self.findings.say("M405", "a list is not a condition", node, fix)
        elif node is not None:
            fix = "A condition is a map: {lead.country: {is: DE}}."
            self.findings.say("M405", "this is not a condition", node, fix)
        return None

    def _part(self, table: Table, key: str, reach: Reach) -> Condition | None:
        node, name = table.entries[key], table.keys[key]
        if key in ("all", "any"):
            return self._several(key, node, reach)
        if key == "not":
            inner = self.compile(node, reach)
            return negated(inner) if inner else None
        path = self.resolver.path(name, reach, key)
        if not isinstance(node, Table) or not node.entries:
            value = f"{{is: {shorten(plain(node))}}}"
            if isinstance(node, Items):
                value = (
                    f"{{in: [{', '.join(shorten(v, 20) for v in plain(node)[:3])}]}}"
                )
            fix = f"{{{key}: {value}}}"
            self.findings.say("M405", f"{key}: say how to compare", node, fix)
            return None
        found = [self._comparison(path, node, word) for word in node.entries]
        return all_of([part for part in found if part is not None])

    def _several(self, key: str, node: Node, reach: Reach) -> Condition | None:
        if not isinstance(node, Items) or not node.items:
            fix = f"{key}: [{{lead.country: {{is: DE}}}}, …]"
            self.findings.say("M405", f"`{key}` wants a list of conditions", node, fix)
            return None
        parts = [self.compile(item, reach) for item in node.items]
        known = [part for part in parts if part is not None]
        return all_of(known) if key == "all" else any_of(known)

    def _comparison(
        self, path: Path | None, table: Table, word: str
    ) -> Condition | None:
        node = table.entries[word]
        make = COMPARISONS.get(word)
        if make is None:
            fix = did_you_mean(word, COMPARISONS)
            self.findings.say(
                "M103", f"'{word}' is not a comparison", table.keys[word], fix
            )
            return None
        if path is not None and path.is_list and word == "is":
            fix = "Use `contains` or `in`: the path gives a list."
            self.findings.say("M405", "`is` wants one value", table.keys[word], fix)
            return None
        comparison = make(self.maker, node)
        if comparison is None or path is None:
            return None
        return compared(path, comparison, f"{path.text} {word} {_constant(node)}")


def compared(path: Path, comparison: Comparison, words: str) -> Condition:
    """A path against a constant."""
    read, on_value, on_items = path.read, comparison.on_value, comparison.on_items
    when_empty = comparison.when_empty

    def test(scope: Scope) -> bool | None:
        value = read(scope)
        if value is UNKNOWN:
            return None
        if isinstance(value, Unreadable):
            value = value.raw
        if is_empty(value):
            return when_empty
        if isinstance(value, list):
            return on_items([item for item in value if not is_empty(item)], scope)
        return on_value(value, scope)

    return Condition(test, words, lambda _: words, (path,))


def all_of(parts: Sequence[Condition]) -> Condition | None:
    """All hold: a false one makes it false, else an unknown one unknown."""
    if len(parts) <= 1:
        return parts[0] if parts else None
    tests = [part.test for part in parts]

    def test(scope: Scope) -> bool | None:
        outcome: bool | None = True
        for one in tests:
            held = one(scope)
            if held is False:
                return False
            if held is None:
                outcome = None
        return outcome

    def explain(scope: Scope) -> str:
        return " and ".join(part.explain(scope) for part in parts)

    return Condition(test, _joined(parts, " and "), explain, _paths(parts))


def any_of(parts: Sequence[Condition]) -> Condition | None:
    """One holds: a true one makes it true, else an unknown one unknown."""
    if len(parts) <= 1:
        return parts[0] if parts else None

    def test(scope: Scope) -> bool | None:
        outcome: bool | None = False
        for part in parts:
            held = part.test(scope)
            if held:
                return True
            if held is None:
                outcome = None
        return outcome

    def explain(scope: Scope) -> str:
        true = next((part for part in parts if part.test(scope)), None)
        return true.explain(scope) if true else _joined(parts, " or ")

    return Condition(test, _joined(parts, " or "), explain, _paths(parts))


def negated(inner: Condition) -> Condition:
    """It does not hold; unknown stays unknown."""

    def test(scope: Scope) -> bool | None:
        held = inner.test(scope)
        return None if held is None else not held

    words = f"not ({inner.words})"
    return Condition(test, words, lambda _: words, inner.paths)


def _joined(parts: Sequence[Condition], word: str) -> str:
    return word.join(part.words for part in parts)


def _paths(parts: Sequence[Condition]) -> tuple[Path, ...]:
    return tuple(path for part in parts for path in part.paths)


def _constant(node: Node) -> str:
    if isinstance(node, Items):
        shown = ", ".join(
            item.text for item in node.items[:4] if isinstance(item, Scalar)
        )
        return f"[{shown}, …]" if len(node.items) > 4 else f"[{shown}]"
    return shorten(node.text) if isinstance(node, Scalar) else "…"
