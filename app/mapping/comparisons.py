"""The comparisons of conditions: each makes a test from the constant in the file.

Texts compare without capitals and outer blanks, flags by the words of `as: boolean`,
numbers by value. A constant that cannot be compared is a finding when loading.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from datetime import datetime, tzinfo
from decimal import Decimal
from typing import Any, Protocol

from app.mapping.converters import number_of
from app.mapping.findings import Findings, shorten
from app.mapping.nodes import Items, Node, Scalar
from app.mapping.readers import Scope
from app.mapping.spans import FORM, span_of
from app.values import plain_boolean, read_moment, text_form

OnValue = Callable[[Any, Scope], bool]
OnItems = Callable[[list[Any], Scope], bool]


@dataclass(frozen=True, slots=True)
class Comparison:
    """One comparison with its constant; the values it is given are not empty."""

    on_value: OnValue
    on_items: OnItems
    when_empty: bool = False


class Lists(Protocol):
    """Where `.txt` lists come from."""

    def words(self, name: str) -> Sequence[str]:
        """The lines of a list; raises FileMissing with a sentence."""


class FileMissing(Exception):
    """A file that a mapping names and that cannot be read; says why."""


@dataclass(frozen=True, slots=True)
class Maker:
    """What comparisons need while they are made."""

    findings: Findings
    lists: Lists
    zone: tzinfo

    def refuse(self, node: Node, message: str, fix: str) -> None:
        """Say that a constant cannot be compared with."""
        self.findings.say("M405", message, node, fix)


Make = Callable[[Maker, Node], Comparison | None]
COMPARISONS: dict[str, Make] = {}


def comparison(name: str) -> Callable[[Make], Make]:
    """Register a maker under the word that stands in conditions."""

    def register(make: Make) -> Make:
        COMPARISONS[name] = make
        return make

    return register


@comparison("is")
def make_is(maker: Maker, node: Node) -> Comparison | None:
    """Equal to one value."""
    if not isinstance(node, Scalar):
        maker.refuse(node, "`is` wants one value", "Use `in` for a list.")
        return None
    if node.value is None or not node.text.strip():
        maker.refuse(node, "`is` cannot be empty", "Use {is_empty: true}.")
        return None
    equals = _equals([node.value])
    return Comparison(lambda value, _: equals(value), _never)


@comparison("in")
def make_in(maker: Maker, node: Node) -> Comparison | None:
    """One of a list or of a file; of a list at least one item is."""
    values = _constants(maker, node, "in")
    if values is None:
        return None
    equals = _equals(values)
    return Comparison(
        lambda value, _: equals(value), lambda items, _: any(map(equals, items))
    )


@comparison("not_in")
def make_not_in(maker: Maker, node: Node) -> Comparison | None:
    """Exactly `not: {in}`: an empty value is in no list."""
    values = _constants(maker, node, "not_in")
    if values is None:
        return None
    equals = _equals(values)
    return Comparison(
        lambda value, _: not equals(value),
        lambda items, _: not any(map(equals, items)),
        when_empty=True,
    )


@comparison("contains")
def make_contains(maker: Maker, node: Node) -> Comparison | None:
    """The text contains it; of a list one whole item equals it."""
    text = _text(maker, node, "contains")
    if text is None:
        return None
    equals = _equals([node.value if isinstance(node, Scalar) else text])
    return Comparison(
        lambda value, _: text in _folded(value),
        lambda items, _: any(map(equals, items)),
    )


@comparison("starts_with")
def make_starts_with(maker: Maker, node: Node) -> Comparison | None:
    """The text, or one item of a list, begins with it."""
    text = _text(maker, node, "starts_with")
    if text is None:
        return None
    return Comparison(
        lambda value, _: _folded(value).startswith(text),
        lambda items, _: any(_folded(item).startswith(text) for item in items),
    )


@comparison("domain_in")
def make_domain_in(maker: Maker, node: Node) -> Comparison | None:
    """The domain of an e-mail or web address is one of a list, or below one."""
    values = _constants(maker, node, "domain_in")
    if values is None:
        return None
    domains = frozenset(domain_of(value) for value in values) - {""}

    def below(value: Any) -> bool:
        labels = domain_of(value).split(".")
        return any(".".join(labels[i:]) in domains for i in range(len(labels)))

    return Comparison(
        lambda value, _: below(value), lambda items, _: any(map(below, items))
    )


@comparison("is_empty")
def make_is_empty(maker: Maker, node: Node) -> Comparison | None:
    """Whether there is nothing there; of a list, no item."""
    wanted = node.value if isinstance(node, Scalar) else None
    if not isinstance(wanted, bool):
        maker.refuse(node, "`is_empty` is true or false", "{is_empty: true}")
        return None
    held = not wanted
    return Comparison(lambda *_: held, lambda *_: held, when_empty=wanted)


@comparison("older_than")
def make_older_than(maker: Maker, node: Node) -> Comparison | None:
    """The date lies further back than a span of time."""
    span = span_of(node.value) if isinstance(node, Scalar) else None
    if span is None:
        maker.refuse(node, "`older_than` wants a span of time", FORM)
        return None

    def older(value: Any, scope: Scope) -> bool:
        read = read_moment(value, maker.zone)
        return read is not None and scope.now - read > span

    return Comparison(older, _never)


def _order(name: str, holds: Callable[[Any, Any], bool]) -> None:
    def make(maker: Maker, node: Node) -> Comparison | None:
        limit = _limit(maker, node)
        if limit is None:
            fix = "A number, or a date like 2026-11-02."
            maker.refuse(node, f"`{name}` wants a number or a date", fix)
            return None

        def on_value(value: Any, _: Scope) -> bool:
            if isinstance(limit, datetime):
                read = read_moment(value, maker.zone)
                return read is not None and holds(read, limit)
            number = number_of(value)
            return number is not None and holds(number, limit)

        return Comparison(on_value, _never)

    make.__doc__ = f"Number or date, `{name}` the constant; anything else is not."
    COMPARISONS[name] = make


_order("above", lambda value, limit: bool(value > limit))
_order("below", lambda value, limit: bool(value < limit))
_order("at_least", lambda value, limit: bool(value >= limit))
_order("at_most", lambda value, limit: bool(value <= limit))


def domain_of(value: Any) -> str:
    """`mail.acme.example` of an e-mail or a web address, lower-case; else its text."""
    text = text_form(value).lower()
    text = text.rpartition("://")[2].partition("/")[0].rpartition("@")[2]
    return text.partition("?")[0].partition(":")[0].strip(" .<>").removeprefix("www.")


def _never(_items: list[Any], _scope: Scope) -> bool:
    return False


def _folded(value: Any) -> str:
    return text_form(value).casefold()


def _equals(constants: Collection[Any]) -> Callable[[Any], bool]:
    texts = frozenset(_folded(constant) for constant in constants)
    flags = frozenset(c for c in constants if isinstance(c, bool))
    numbers = frozenset(
        Decimal(repr(c))
        for c in constants
        if isinstance(c, int | float) and not isinstance(c, bool)
    )

    def equals(value: Any) -> bool:
        if _folded(value) in texts:
            return True
        if flags and plain_boolean(value) in flags:
            return True
        return bool(numbers) and number_of(value) in numbers

    return equals


def _constants(maker: Maker, node: Node, word: str) -> list[Any] | None:
    """The values of a list, or the lines of a `.txt` file."""
    if isinstance(node, Scalar) and str(node.value).endswith(".txt"):
        try:
            return list(maker.lists.words(str(node.value)))
        except FileMissing as error:
            maker.findings.say("M106", str(error), node, "Look at the file's name.")
            return None
    if isinstance(node, Items) and node.items:
        values = [item.value for item in node.items if isinstance(item, Scalar)]
        if len(values) == len(node.items) and None not in values:
            return values
    shown = f"[{shorten(node.text)}]" if isinstance(node, Scalar) else "[DE, AT]"
    fix = f"{{{word}: {shown}}}"
    maker.refuse(node, f"`{word}` wants a list of values, or a .txt file", fix)
    return None


def _text(maker: Maker, node: Node, word: str) -> str | None:
    if isinstance(node, Scalar) and node.text.strip():
        return _folded(node.value)
    maker.refuse(node, f"`{word}` wants one text", f"{{{word}: Acme}}")
    return None


def _limit(maker: Maker, node: Node) -> Any:
    if not isinstance(node, Scalar) or isinstance(node.value, bool):
        return None
    if isinstance(node.value, int | float):
        return Decimal(repr(node.value))
    return read_moment(node.value, maker.zone)
