"""`include:` fragments are laid under a file, entry by entry."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from app.mapping.comparisons import FileMissing
from app.mapping.files import Recorder
from app.mapping.findings import Findings, did_you_mean
from app.mapping.nodes import Items, Node, Scalar, Table
from app.mapping.tree import UnreadableFile

#: What a fragment may hold; the first four are maps of entries.
ENTRIES = ("lookups", "fields", "translations", "defaults")
KEYS = ("fragment", "skip_when", "priority", "each", *ENTRIES)


@dataclass(frozen=True, slots=True)
class Fragment:
    """One included file."""

    name: str
    table: Table


def with_fragments(table: Table, recorder: Recorder, findings: Findings) -> Table:
    """The file with its fragments under it; complains about what does not fit."""
    fragments = _included(table.get("include"), recorder, findings)
    merged = {key: node for key, node in table.entries.items() if key != "include"}
    keys = dict(table.keys)
    for key in ENTRIES:
        own = merged.get(key)
        parts = [f for f in fragments if isinstance(f.table.get(key), Table)]
        if own is not None and not isinstance(own, Table):
            continue
        if own is not None or parts:
            merged[key] = _laid(key, own, parts, table, findings)
            keys.setdefault(key, Scalar(merged[key].place, key, key, (key,)))
    _add_up(table, fragments, merged)
    for name in merged:
        keys.setdefault(name, Scalar(merged[name].place, name, name, (name,)))
    return replace(table, entries=merged, keys=keys)


def _included(
    node: Node | None, recorder: Recorder, findings: Findings
) -> list[Fragment]:
    if node is None:
        return []
    items = node.items if isinstance(node, Items) else (node,)
    fragments: list[Fragment] = []
    for item in items:
        if not isinstance(item, Scalar) or not isinstance(item.value, str):
            findings.say("M107", "`include` wants a file or a list of files", item)
            continue
        fragment = _read(item, item.value, recorder, findings)
        if fragment is not None:
            fragments.append(fragment)
    return fragments


def _read(
    node: Scalar, name: str, recorder: Recorder, findings: Findings
) -> Fragment | None:
    try:
        table, problems = recorder.tree(name)
    except FileMissing as error:
        findings.say("M505", str(error), node, "Look at the file's name.")
        return None
    except UnreadableFile as error:
        findings.add([error.finding])
        return None
    findings.add(problems)
    first = next(iter(table.entries), "") if isinstance(table, Table) else ""
    if not isinstance(table, Table) or first != "fragment":
        fix = "Its first line has to be `fragment: 1`."
        findings.say("M505", f"{name} is not a fragment", node, fix)
        return None
    _check(table, findings)
    return Fragment(name, table)


def _check(table: Table, findings: Findings) -> None:
    version = table.entries["fragment"]
    if not isinstance(version, Scalar) or version.value != 1:
        findings.say("M106", "this is another format", version, "Write `fragment: 1`.")
    for key, name in table.keys.items():
        if key == "include":
            findings.say("M505", "a fragment includes nothing", name)
        elif key not in KEYS:
            fix = did_you_mean(key, KEYS)
            findings.say("M103", f"'{key}' is not a key of a fragment", name, fix)
        elif key in ENTRIES and not isinstance(table.entries[key], Table):
            findings.say("M107", f"'{key}' wants names with an entry each", name)


def _laid(
    key: str,
    own: Table | None,
    fragments: Sequence[Fragment],
    file: Table,
    findings: Findings,
) -> Table:
    """The entries of the fragments, and over them those of the file."""
    base = own or next(
        part for f in fragments if isinstance(part := f.table.get(key), Table)
    )
    entries: dict[str, Node] = {}
    names: dict[str, Scalar] = {}
    origin: dict[str, str] = {}
    for fragment in fragments:
        part = fragment.table.get(key)
        for name, node in part.entries.items() if isinstance(part, Table) else ():
            is_own = own is not None and name in own.entries
            if name in origin and not is_own:
                two = f"{origin[name]} and {fragment.name}"
                message = f"{name} comes from two fragments: {two}"
                findings.say(
                    "M504", message, file.keys["include"], "Say it in this file."
                )
            origin[name] = fragment.name
            entries[name] = node
            if isinstance(part, Table):
                names[name] = part.keys[name]
    for name, node in own.entries.items() if own is not None else ():
        if isinstance(node, Scalar) and node.value == "off":
            if entries.pop(name, None) is None:
                message = f"{name} is `off`, but no fragment brings it"
                fix = did_you_mean(name, origin) if origin else "Take the line out."
                findings.say("M503", message, node, fix)
            continue
        entries[name] = node
        names[name] = own.keys[name] if own is not None else names[name]
    return replace(base, entries=entries, keys=names)


def _add_up(
    table: Table, fragments: Sequence[Fragment], merged: dict[str, Node]
) -> None:
    """`skip_when` and `each` of all files count; `priority` is the file's own first."""
    tables = [table, *(fragment.table for fragment in fragments)]
    skips = [node for t in tables if (node := t.get("skip_when")) is not None]
    if len(skips) > 1:
        either = Items(skips[0].place, tuple(skips), ("skip_when",))
        key = Scalar(skips[0].place, "any", "any", ("skip_when",))
        merged["skip_when"] = Table(
            skips[0].place, {"any": either}, {"any": key}, ("skip_when",)
        )
    elif skips:
        merged["skip_when"] = skips[0]
    eaches = [node for t in tables if (node := t.get("each")) is not None]
    if eaches and all(isinstance(node, Items) for node in eaches):
        items = [i for node in eaches if isinstance(node, Items) for i in node.items]
        merged["each"] = Items(eaches[0].place, tuple(items), ("each",))
    priorities = [node for t in tables if (node := t.get("priority")) is not None]
    if priorities:
        merged["priority"] = priorities[0]
