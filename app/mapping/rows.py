"""`each:` rows of names, written out into entries before anything else is looked at."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import replace

from app.mapping.findings import Findings, did_you_mean
from app.mapping.nodes import Items, Node, Scalar, Table, moved
from app.values import text_form

#: A name in braces; `{}`, `{{` and paths with a point belong to `text:`.
_HOLE = re.compile(r"\{\{|\}\}|\{([^{}.\[\]]+)\}")


def with_rows(table: Table, findings: Findings) -> Table:
    """The file with the entries that its `each` makes, and without its `each`."""
    each = table.get("each")
    if each is None:
        return table
    fields = table.get("fields")
    if fields is not None and not isinstance(fields, Table):
        return table
    entries = dict(fields.entries) if fields else {}
    names = dict(fields.keys) if fields else {}
    if not isinstance(each, Items) or not each.items:
        fix = "each: [{with: [{product: Platform}], fields: {…}}]"
        findings.say("M107", "`each` wants a list", each, fix)
        return table
    for block in each.items:
        _write_out(block, entries, names, findings)
    base = fields or Table(each.place, at=("fields",))
    merged = {key: node for key, node in table.entries.items() if key != "each"}
    merged["fields"] = replace(base, entries=entries, keys=names)
    keys = {**table.keys, "fields": table.keys.get("fields", table.keys["each"])}
    return replace(table, entries=merged, keys=keys)


def _write_out(
    block: Node, entries: dict[str, Node], names: dict[str, Scalar], findings: Findings
) -> None:
    rows = block.get("with") if isinstance(block, Table) else None
    fields = block.get("fields") if isinstance(block, Table) else None
    if not isinstance(rows, Items) or not isinstance(fields, Table):
        fix = "{with: [{product: Platform}], fields: {…}}"
        findings.say("M105", "each item of `each` has `with` and `fields`", block, fix)
        return
    for key, place in block.keys.items() if isinstance(block, Table) else ():
        if key not in ("with", "fields"):
            findings.say("M103", f"'{key}' is not a key here", place)
    for row in rows.items:
        values = _row(row, findings)
        if values is None:
            continue
        writer = _Writer(values, findings)
        for key, node in fields.entries.items():
            name = writer.text(key, fields.keys[key])
            if name in entries:
                fix = "Use the row's name in the field name."
                message = f"each: {name} is made twice"
                findings.say("M411", message, fields.keys[key], fix)
                continue
            entries[name] = moved(writer.node(node), ("fields", name))
            names[name] = replace(fields.keys[key], text=name, at=("fields", name))


def _row(row: Node, findings: Findings) -> dict[str, str] | None:
    if isinstance(row, Table) and row.entries:
        values = {
            key: text_form(node.value)
            for key, node in row.entries.items()
            if isinstance(node, Scalar) and node.value is not None
        }
        if len(values) == len(row.entries):
            return values
    fix = "{product: Platform, short: Plat}"
    findings.say("M107", "a row of `with` is a map of names and texts", row, fix)
    return None


class _Writer:
    """Puts one row's texts into the places of its names."""

    def __init__(self, values: Mapping[str, str], findings: Findings) -> None:
        self.values = values
        self.findings = findings

    def node(self, node: Node) -> Node:
        """A copy in which every text and key is filled in."""
        if isinstance(node, Items):
            return replace(node, items=tuple(self.node(item) for item in node.items))
        if isinstance(node, Scalar):
            if not isinstance(node.value, str) or "{" not in node.value:
                return node
            text = self.text(node.value, node)
            return replace(node, value=text, text=text)
        entries: dict[str, Node] = {}
        keys: dict[str, Scalar] = {}
        for key, value in node.entries.items():
            name = self.text(key, node.keys[key])
            entries[name] = self.node(value)
            keys[name] = replace(node.keys[key], text=name)
        return replace(node, entries=entries, keys=keys)

    def text(self, text: str, node: Scalar) -> str:
        """A text with the row's texts in it."""

        def fill(found: re.Match[str]) -> str:
            name = (found[1] or "").strip()
            if not name:
                return found[0]
            if name not in self.values:
                known = ", ".join(self.values)
                fix = did_you_mean(name, self.values)
                message = f"each: '{{{name}}}' is not one of {known}"
                self.findings.say("M410", message, node, fix)
                return found[0]
            return self.values[name]

        return _HOLE.sub(fill, text)
