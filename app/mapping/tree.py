"""YAML text as a tree in which every value remembers its place.

Built from parser events, not with a YAML object constructor: nothing a file says
can create more than text, numbers, flags, lists and maps, however deep or strange.
YAML is 1.2, so `NO`, `off` and dates are text. A number with a leading zero is
text too: `01067` is a postal code.
"""

from __future__ import annotations

import re
from dataclasses import replace
from typing import Any

from ruamel.yaml import YAML
from ruamel.yaml.error import MarkedYAMLError, YAMLError
from ruamel.yaml.events import (
    AliasEvent,
    CollectionEndEvent,
    DocumentStartEvent,
    Event,
    MappingStartEvent,
    NodeEvent,
    ScalarEvent,
    SequenceStartEvent,
)

from app.domain import Finding
from app.mapping.nodes import Items, Node, Place, Scalar, Source, Table, located

MAX_DEPTH = 24
MAX_CHARACTERS = 1_000_000

_INTEGER = re.compile(r"[+-]?(0|[1-9][0-9]{0,39})")
_FLOAT = re.compile(r"[+-]?((0|[1-9][0-9]{0,39})?\.[0-9]{1,40}|(0|[1-9][0-9]{0,39})\.)")
_WORDS: dict[str, bool | None] = {
    "": None,
    "~": None,
    "null": None,
    "true": True,
    "false": False,
}


class UnreadableFile(Exception):
    """The text is no tree; `finding` says where and why."""

    def __init__(self, finding: Finding) -> None:
        super().__init__(finding.message)
        self.finding = finding


def parse(text: str, name: str) -> tuple[Node, tuple[Finding, ...]]:
    """The tree of one file, and what is wrong with it but did not stop the reading.

    Raises:
        UnreadableFile: it is no YAML, or more of it than a person would write.
    """
    source = Source(name, tuple(text.splitlines()))
    if len(text) > MAX_CHARACTERS:
        raise UnreadableFile(
            _finding(source, f"the file has more than {MAX_CHARACTERS:,} characters")
        )
    builder = _Builder(source)
    try:
        for event in YAML(typ="safe", pure=True).parse(text):
            builder.take(event)
    except YAMLError as error:
        raise UnreadableFile(_explain(error, source)) from None
    except (ValueError, IndexError, AttributeError, AssertionError, TypeError):
        # The parser's own slips on odd input: \U00110000, a half-made directive.
        raise UnreadableFile(_finding(source, "this is not readable YAML")) from None
    if builder.root is None:
        fix = "Start with `mapping: 1`."
        raise UnreadableFile(_finding(source, "the file is empty", fix=fix))
    return builder.root, tuple(builder.findings)


class _Open:
    """A list or map whose end has not come yet."""

    __slots__ = ("at", "entries", "items", "key", "keys", "place")

    def __init__(self, place: Place, at: tuple[str, ...], is_map: bool) -> None:
        self.place = place
        self.at = at
        self.items: list[Node] | None = None if is_map else []
        self.entries: dict[str, Node] = {}
        self.keys: dict[str, Scalar] = {}
        self.key: Scalar | None = None

    def close(self) -> Node:
        if self.items is not None:
            return Items(self.place, tuple(self.items), self.at)
        return Table(self.place, self.entries, self.keys, self.at)


class _Builder:
    """Takes events in order; keeps its own stack, so depth cannot exhaust Python's."""

    def __init__(self, source: Source) -> None:
        self.source = source
        self.root: Node | None = None
        self.findings: list[Finding] = []
        self.stack: list[_Open] = []

    def take(self, event: Event) -> None:
        if isinstance(event, CollectionEndEvent):
            self._put(self.stack.pop().close())
        elif isinstance(event, NodeEvent):
            self._refuse_marks(event)
            place = self._place(event)
            if isinstance(event, SequenceStartEvent | MappingStartEvent):
                self._open(event, place)
            elif isinstance(event, ScalarEvent):
                self._put(Scalar(place, _value(event), event.value, self._at()))
            else:
                self._put(Scalar(place, None, "", self._at()))
        elif isinstance(event, DocumentStartEvent) and self.root is not None:
            fix = "One file is one mapping: put the second one in a file of its own."
            raise UnreadableFile(
                self._finding("M101", event, "a second document begins here", fix)
            )

    def _open(self, event: Event, place: Place) -> None:
        if len(self.stack) >= MAX_DEPTH:
            message = f"lists and maps lie more than {MAX_DEPTH} deep in each other"
            raise UnreadableFile(self._finding("M101", event, message))
        top = self.stack[-1] if self.stack else None
        if top is not None and top.items is None and top.key is None:
            message = "a key of a map has to be one value"
            fix = "Put the key in quotes, or the value on a line of its own."
            raise UnreadableFile(self._finding("M101", event, message, fix))
        is_map = isinstance(event, MappingStartEvent)
        self.stack.append(_Open(place, self._at(), is_map))

    def _put(self, node: Node) -> None:
        if not self.stack:
            self.root = node
            return
        top = self.stack[-1]
        if top.items is not None:
            top.items.append(node)
        elif top.key is None:
            if isinstance(node, Scalar):
                top.key = node
        else:
            self._put_value(top, top.key, node)
            top.key = None

    def _put_value(self, top: _Open, key: Scalar, node: Node) -> None:
        name = key.text
        if name in top.entries:
            finding = located(
                "M102", f"'{name}' stands twice", key, fix="Keep one of the two."
            )
            self.findings.append(finding)
            return
        top.entries[name] = node
        top.keys[name] = replace(key, at=(*top.at, name))

    def _at(self) -> tuple[str, ...]:
        if not self.stack:
            return ()
        top = self.stack[-1]
        return (*top.at, top.key.text) if top.key is not None else top.at

    def _refuse_marks(self, event: NodeEvent) -> None:
        anchor, tag = event.anchor, getattr(event, "tag", None)
        if anchor and isinstance(event, AliasEvent):
            message, fix = f"'*{anchor}' is a YAML alias", "Use include or each."
        elif anchor:
            message, fix = f"'&{anchor}' is a YAML anchor", "Use include or each."
        elif tag and tag != "!":
            message, fix = f"'{tag}' is a YAML tag", "Leave it out."
        else:
            return
        self.findings.append(self._finding("M104", event, message, fix))

    def _place(self, event: Event) -> Place:
        start, end = event.start_mark, event.end_mark
        is_one_line = end.line == start.line
        width = end.column - start.column if is_one_line else 1
        return Place(self.source, start.line + 1, start.column + 1, max(1, width))

    def _finding(self, code: str, event: Event, message: str, fix: str = "") -> Finding:
        return located(code, message, Scalar(self._place(event), None, ""), fix=fix)


def _value(event: ScalarEvent) -> Any:
    text: str = event.value
    if event.style in ("'", '"', "|", ">") or event.tag == "!":
        return text
    if text.lower() in _WORDS and text in {text.lower(), text.title(), text.upper()}:
        return _WORDS[text.lower()]
    if _INTEGER.fullmatch(text):
        return int(text)
    if _FLOAT.fullmatch(text):
        return float(text)
    return text


def _explain(error: YAMLError, source: Source) -> Finding:
    mark = getattr(error, "problem_mark", None) or getattr(error, "context_mark", None)
    problem = " ".join(str(getattr(error, "problem", None) or "").split())
    if not isinstance(error, MarkedYAMLError) or mark is None:
        return _finding(source, "a character in this file cannot be read as text")
    row = source.lines[mark.line] if mark.line < len(source.lines) else ""
    fix = "Look at quotes, brackets and indentation here."
    if "\\t" in problem or "\t" in row[: mark.column + 1]:
        fix = "Tabs are not indentation: use blanks."
    elif "'['" in problem or re.search(r"\{[^}\"']*\w\[", row):
        fix = "Put the path in quotes: inside { } a [ ends the text."
    detail = f": {problem}" if problem else ""
    node = Scalar(Place(source, mark.line + 1, mark.column + 1), None, "")
    return located("M101", f"this is not readable YAML{detail}", node, fix=fix)


def _finding(source: Source, message: str, fix: str = "") -> Finding:
    return Finding("M101", message, source.name, fix=fix)
