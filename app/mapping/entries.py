"""From the node of an entry to the Entry that runs: paths, tables, rules compiled."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import tzinfo
from functools import partial
from typing import Any

from app.domain import CrmField
from app.mapping import rules, sources
from app.mapping.conditions import Condition, Conditions
from app.mapping.converters import CONVERTERS, ZONED
from app.mapping.entry import Draw, Entry, Shorten
from app.mapping.findings import Findings
from app.mapping.kinds import kind_of
from app.mapping.nodes import Items, Node, Scalar, Table, plain
from app.mapping.readers import Path
from app.mapping.resolve import Reach, Resolver
from app.mapping.rules import Rule
from app.mapping.spans import span_of
from app.mapping.tables import KEEP, Tables, Translation
from app.mapping.templates import Template, compile_template
from app.values import text_form


@dataclass(frozen=True, slots=True)
class Defaults:
    """What an entry says when it does not say it itself."""

    zone: tzinfo
    write: Any = "keep-fresh"
    no_value: frozenset[str] = frozenset()
    fails: bool = False


@dataclass(frozen=True, slots=True)
class Tools:
    """What entries are compiled with; one set for each file."""

    findings: Findings
    resolver: Resolver
    conditions: Conditions
    tables: Tables
    defaults: Defaults
    #: The object's fields, if the schema was pulled.
    schema: Mapping[str, CrmField] | None = None
    source: str = ""
    object: str = ""


@dataclass(frozen=True, slots=True)
class Made:
    """An entry with what the checks want to know of it besides."""

    entry: Entry
    node: Table
    paths: tuple[Path, ...]
    #: Constants that it may write.
    constants: tuple[Any, ...] = ()
    converter: str = ""
    #: It asks for the schema's length.
    is_auto: bool = False


def make_entry(name: str, node: Table, reach: Reach, tools: Tools) -> Made | None:
    """The entry of a node of the right shape, or None after complaints."""
    return _Making(name, node, reach, tools).entry()


class _Making:
    """One entry while it is compiled."""

    def __init__(self, name: str, node: Table, reach: Reach, tools: Tools) -> None:
        self.name = name
        self.node = node
        self.reach = reach
        self.tools = tools
        #: Paths of the source, and all that the entry reads.
        self.drawn: list[Path] = []
        self.paths: list[Path] = []
        self.constants: list[Any] = []
        self.no_value = _words(node.get("no_value"), tools.defaults.no_value)
        self.otherwise = _value(node.get("otherwise"))
        if self.otherwise is not None:
            self.constants.append(self.otherwise)

    def entry(self) -> Made | None:
        """All of it; None if anything was complained about."""
        before = len(self.tools.findings)
        when = self._condition(self.node.get("when"))
        template = self._template()
        draw = self._draw(template)
        translation = self._translation()
        self._refuse_lists()
        converter, convert = self._converter()
        if len(self.tools.findings) != before or draw is None:
            return None
        limit = _value(self.node.get("max"))
        entry = Entry(
            field=self.name,
            draw=draw,
            when=when,
            otherwise=self.otherwise,
            convert=convert,
            translation=translation,
            template=template if template and template.has_value else None,
            join=_value(self.node.get("join")),
            shorten=self._shorten(limit),
            rule=rule_of(self._write()),
            clear=_value(self.node.get("clear")) is True,
            no_value=self.no_value,
            fails=self._fails(),
            lookups=frozenset(p.root for p in self.paths if p.is_answer),
            reads_answers_only=bool(self.paths)
            and all(path.is_answer for path in self.paths),
            kind=kind_of(
                converter,
                [path.kind for path in self.drawn],
                self.constants,
                translation.outputs if translation is not None else None,
                is_text=template is not None
                or "join" in self.node.entries
                or (translation is not None and translation.missing == KEEP),
            ),
        )
        return Made(
            entry,
            self.node,
            tuple(self.drawn),
            tuple(self.constants),
            converter,
            limit == "auto",
        )

    def _condition(self, node: Node | None) -> Condition | None:
        condition = self.tools.conditions.compile(node, self.reach)
        if condition is not None:
            self.paths += condition.paths
        return condition

    def _template(self) -> Template | None:
        tools = self.tools
        node = self.node.get("text")
        template = compile_template(node, self.reach, tools.findings, tools.resolver)
        if template is not None:
            self.paths += template.paths
        return template

    def _draw(self, template: Template | None) -> Draw | None:
        node = self.node
        if "value" in node.entries:
            value = _value(node.get("value"))
            self.constants.append(value)
            return sources.constant(value)
        if "cases" in node.entries:
            return self._cases(node.entries["cases"])
        for key in ("from", "first_of", "all_of"):
            if key in node.entries:
                return self._read(key, node.entries[key])
        if template is None:
            return None
        if template.has_value or not template.paths:
            fix = "Add `from:`, or a path inside { }."
            self.tools.findings.say("M403", "no source", node.entries["text"], fix)
            return None
        return sources.from_text(template, self.no_value)

    def _read(self, key: str, node: Node) -> Draw | None:
        nodes = node.items if isinstance(node, Items) else (node,)
        found = [self.tools.resolver.path(each, self.reach) for each in nodes]
        paths = [path for path in found if path is not None]
        self.drawn += paths
        self.paths += paths
        for path, each in zip(found, nodes, strict=True):
            if path is not None and path.kind in ("object", "object_list"):
                message = f"{path.text} is a group of values"
                self.tools.findings.say("M203", message, each, "Name a member of it.")
        if len(paths) != len(found):
            return None
        if key == "from":
            return sources.from_path(paths[0])
        draw = sources.first_of if key == "first_of" else sources.all_of
        return draw(paths, self.no_value)

    def _cases(self, node: Node) -> Draw | None:
        parts: list[tuple[Condition, Any]] = []
        for item in node.items if isinstance(node, Items) else ():
            if isinstance(item, Table):
                when = self._condition(item.get("when"))
                value = _value(item.get("value"))
                self.constants.append(value)
                if when is not None:
                    parts.append((when, value))
        return sources.cases(parts, self.otherwise) if parts else None

    def _refuse_lists(self) -> None:
        if "join" in self.node.entries:
            return
        for path in self.drawn:
            if path.is_list and path.kind not in ("object", "object_list"):
                source = next(k for k in ("from", "first_of") if k in self.node.entries)
                fix = 'Add `join: "; "`, or pick one with [product=…] or [highest=…].'
                message = f"{path.text} is a list"
                self.tools.findings.say("M203", message, self.node.entries[source], fix)

    def _converter(self) -> tuple[str, Callable[[Any], Any] | None]:
        spec = self.node.get("as")
        if spec is None:
            return "", None
        if isinstance(spec, Table):
            code = _value(spec.get("currency"))
            return "currency", partial(CONVERTERS["currency"], currency=code)
        name = str(_value(spec))
        convert = CONVERTERS[name]
        if name in ZONED:
            return name, partial(convert, zone=self.tools.defaults.zone)
        return name, convert

    def _translation(self) -> Translation | None:
        node = self.node.get("translate")
        return self.tools.tables.compile(node) if node is not None else None

    def _shorten(self, limit: Any) -> Shorten | None:
        if limit is None:
            return None
        cut = _value(self.node.get("cut"))
        return Shorten(None if limit == "auto" else limit, cut)

    def _write(self) -> Any:
        node = self.node.get("write")
        return self.tools.defaults.write if node is None else plain(node)

    def _fails(self) -> bool:
        word = _value(self.node.get("on_error"))
        return self.tools.defaults.fails if word is None else word == "fail"


def rule_of(spec: Any) -> Rule:
    """A write rule of the right shape, as it runs."""
    if isinstance(spec, str):
        if spec == "if-higher":
            return Rule(spec, rules.if_higher(None))
        if spec == "with-others":
            return Rule(spec, rules.always, after=())
        return Rule(spec, rules.SIMPLE[spec])
    ((word, detail),) = spec.items()
    if word == "if-higher":
        return Rule(word, rules.if_higher(span_of(detail)))
    targets = [detail] if isinstance(detail, str) else detail
    return Rule(word, rules.always, after=tuple(targets))


def _value(node: Node | None) -> Any:
    return node.value if isinstance(node, Scalar) else None


def _words(node: Node | None, default: frozenset[str]) -> frozenset[str]:
    return default if node is None else no_value_words(plain(node))


def no_value_words(words: Any) -> frozenset[str]:
    """The words that count as empty, as is_empty compares them."""
    return frozenset(text_form(word).casefold() for word in words)
