"""`lookups:` compiled: which API, which inputs, when, and at what cost."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import timedelta

from app.domain import ProductInfo
from app.mapping.entries import Tools, make_entry
from app.mapping.entry import Entry
from app.mapping.findings import Findings, closest, did_you_mean
from app.mapping.model import SKIP, WAIT, Budget, Lookup
from app.mapping.nodes import Node, Scalar, Table, text_at
from app.mapping.resolve import Reach
from app.mapping.schema import InputSchema
from app.mapping.shape import shape_findings
from app.mapping.spans import span_of
from app.mapping.tables import FAIL

#: Roots of their own: a lookup of that name could never be read.
TAKEN = ("lead", "current", "run")
#: Keys of a test, under which a lookup's answer could not stand.
TEST_KEYS = ("name", "schema", "now", "expect", "next", "after", "last_written")


def product_named(products: Mapping[str, ProductInfo], name: str) -> ProductInfo | None:
    """A product by its name or by its path: `people/full`."""
    by_path = {info.path_alias: info for info in products.values()}
    return products.get(name) or by_path.get(name)


def lookups_of(products: Mapping[str, ProductInfo]) -> dict[str, ProductInfo]:
    """Those that a mapping file may ask about a lead."""
    return {name: info for name, info in products.items() if info.is_lookup}


def answering(
    node: Node | None, products: Mapping[str, ProductInfo]
) -> dict[str, tuple[ProductInfo, ...]]:
    """For each lookup the APIs that may answer it, its own first."""
    found: dict[str, tuple[ProductInfo, ...]] = {}
    products = lookups_of(products)
    for name, each in node.entries.items() if isinstance(node, Table) else ():
        table = each if isinstance(each, Table) else None
        own = product_named(products, text_at(table.get("api")) if table else "")
        budget = table.get("budget") if table else None
        way = text_at(budget.get("when_spent")) if isinstance(budget, Table) else ""
        free = product_named(products, way)
        found[name] = tuple(info for info in (own, free) if info) if own else ()
    return found


class Questions:
    """Compiles the lookups of one file, from top to bottom."""

    def __init__(self, tools: Tools, products: Mapping[str, ProductInfo]) -> None:
        self.tools = tools
        self.all_products = products
        self.products = lookups_of(products)

    @property
    def findings(self) -> Findings:
        """Where complaints go."""
        return self.tools.findings

    def compile(self, node: Node | None, skip: frozenset[str]) -> tuple[Lookup, ...]:
        """All lookups; `skip` are those whose shape is wrong already."""
        made: list[Lookup] = []
        above: frozenset[str] = frozenset()
        for name, each in node.entries.items() if isinstance(node, Table) else ():
            if isinstance(node, Table) and (name in TAKEN or name in TEST_KEYS):
                fix = "Give it another name: sixsense."
                message = f"'{name}' cannot be the name of a lookup"
                self.findings.say("M106", message, node.keys[name], fix)
            elif isinstance(node, Table) and not name.isidentifier():
                message = f"'{name}' cannot be the name of a lookup"
                fix = "Letters, digits and _ only."
                self.findings.say("M106", message, node.keys[name], fix)
            if isinstance(each, Table) and name not in skip:
                lookup = self._lookup(name, each, above)
                made += [lookup] if lookup else []
            above |= {name}
        return tuple(made)

    def _lookup(self, name: str, node: Table, above: frozenset[str]) -> Lookup | None:
        reach = Reach(
            lookups=above,
            too_early="is asked later than this",
            too_early_fix="A lookup may read only the lookups above it.",
        )
        when = self.tools.conditions.compile(node.get("when"), reach)
        info = self._product(node.get("api"))
        send = self._send(node.get("send"), reach, info)
        if info is None:
            return None
        budget, when_spent = self._budget(node.get("budget"), info, send)
        reuse = node.get("reuse")
        span = span_of(text_at(reuse.get("for"))) if isinstance(reuse, Table) else None
        return Lookup(
            name=name,
            api=info.name,
            send=send,
            required=info.required,
            when=when,
            reuse=timedelta(days=1) if span is None else span,
            budget=budget,
            when_spent=when_spent,
            on_error=text_at(node.get("on_error")) or "fail",
        )

    def _product(self, node: Node | None) -> ProductInfo | None:
        name = text_at(node)
        info = product_named(self.products, name)
        if info is None and node is not None:
            self._no_lookup(name, node)
        elif info is not None and node is not None and info.successor:
            message = f"{info.name} is a former version, and 6sense drops such in time"
            fix = f"Use {info.successor}. Compare their inputs."
            self.findings.say("W221", message, node, fix)
        return info

    def _no_lookup(self, name: str, node: Node) -> None:
        other = product_named(self.all_products, name)
        if other is None:
            message = f"'{name}' is not an API of 6sense"
            fix = did_you_mean(name, self.products)
        else:
            message = f"{other.name} lists people of an account; it knows no lead"
            fix = f"By hand: leadbridge sixsense {other.name}."
            fix += f" Lookups: {', '.join(self.products)}."
        self.findings.say("M106", message, node, fix)

    def _send(
        self, node: Node | None, reach: Reach, info: ProductInfo | None
    ) -> dict[str, Entry]:
        send: dict[str, Entry] = {}
        if not isinstance(node, Table):
            return send
        for name, each in node.entries.items():
            if info is not None and name not in info.inputs:
                fix = did_you_mean(name, info.inputs)
                message = f"{info.name} has no input '{name}'"
                self.findings.say("M106", message, node.keys[name], fix)
                continue
            entry = self._input(name, each, reach)
            if entry is not None:
                send[name] = entry
        for group in info.required if info is not None else ():
            if not set(group) & set(node.entries):
                needed = " or ".join(group)
                message = f"{info.name if info else ''} needs {needed}"
                self.findings.say("M412", message, node, "Add it under send.")
        return send

    def _input(self, name: str, node: Node, reach: Reach) -> Entry | None:
        if isinstance(node, Scalar):
            key = Scalar(node.place, "from", "from", node.at)
            node = Table(node.place, {"from": node}, {"from": key}, node.at)
        elif not isinstance(node, Table):
            fix = f"{name}: lead.{name}"
            self.findings.say("M107", f"'{name}' wants a path or an entry", node, fix)
            return None
        problems = shape_findings(InputSchema(), node)
        self.findings.add(problems)
        if problems:
            return None
        made = make_entry(name, node, reach, self.tools)
        invented = node.get("value") or node.get("otherwise")
        if name == "country" and invented is not None:
            message = "country is invented when the lead has none"
            fix = "Send lead.country alone: a wrong country gives wrong matches."
            self.findings.say("W220", message, invented, fix)
        if made is None:
            return None
        translation = made.entry.translation
        if translation is not None and translation.missing == FAIL:
            message = "`else: fail` cannot fail a question"
            fix = "Use a table with skip, keep or {use: …}."
            self.findings.say("M404", message, node.entries["translate"], fix)
        # An input that cannot be read is left out; the run goes on.
        return replace(made.entry, fails=False)

    def _budget(
        self, node: Node | None, info: ProductInfo, send: Mapping[str, Entry]
    ) -> tuple[Budget | None, str]:
        if not isinstance(node, Table):
            return None, WAIT
        budget = Budget(_number(node.get("per_day")), _number(node.get("per_month")))
        way = text_at(node.get("when_spent")) or WAIT
        if way in (WAIT, SKIP):
            return budget, way
        place = node.entries["when_spent"]
        free = product_named(self.products, way)
        frees = [p.name for p in self.products.values() if p.pool is None]
        if free is None:
            near = closest(way, (WAIT, SKIP, *frees))
            fix = f"Did you mean {near}?" if near else "wait, skip, or an API."
            message = f"'{way}' is not a way when the budget is spent"
            self.findings.say("M106", message, place, fix)
        elif free.pool is not None or free.name == info.name:
            fix = f"Use {' or '.join(('wait', 'skip', *frees))}."
            message = f"{free.name} costs a credit itself"
            self.findings.say("M106", message, place, fix)
        elif misfit := _misfit(free, send):
            fix = "It is asked with what `send` says. Use wait or skip."
            self.findings.say("M106", f"{free.name} {misfit}", place, fix)
        else:
            return budget, free.name
        return budget, WAIT


def _misfit(free: ProductInfo, send: Mapping[str, Entry]) -> str:
    """Why a way out cannot be asked with these inputs; empty if it can."""
    unknown = sorted(set(send) - set(free.inputs))
    if unknown:
        return f"has no input '{unknown[0]}'"
    missing = [group for group in free.required if not set(group) & set(send)]
    return f"needs {' or '.join(missing[0])}" if missing else ""


def _number(node: Node | None) -> int | None:
    value = node.value if isinstance(node, Scalar) else None
    return value if isinstance(value, int) else None
