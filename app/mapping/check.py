"""Checks across an entry, and against the CRM's schema and the other files."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from app.domain import CrmField
from app.mapping.converters import NUMERIC, ZONED
from app.mapping.entries import Made, Tools
from app.mapping.findings import Findings, closest, did_you_mean, shorten
from app.mapping.fit import DATES, NUMBERS, fit
from app.mapping.model import MappingFile
from app.mapping.nodes import Items, Node, Scalar, Table, text_at
from app.mapping.readers import RANKING
from app.mapping.reasons import NOT_ALLOWED, READ_ONLY, TOO_LONG, Keep
from app.values import stamp

_CODES = {TOO_LONG: "M303", NOT_ALLOWED: "M304", READ_ONLY: "M302"}


def check_entries(
    made: Sequence[Made], fields: Table, tools: Tools, *, reads_current: bool
) -> None:
    """What one entry alone cannot know to be wrong; `fields`: all that is written."""
    written = tuple(fields.entries)
    rules = {each.entry.field: each.entry.rule for each in made}
    for each in made:
        field, rule = each.entry.field, each.entry.rule
        node = each.node.get("write") or each.node
        crm = tools.schema.get(field) if tools.schema is not None else None
        # A field that is still to be made has no type yet.
        crm = crm if crm is not None and crm.type else None
        if not reads_current and rule.name != "always":
            fix = "Say `write: always`, or take `current: off` out."
            message = f"current is off, so {rule.name} cannot see what {field} has"
            tools.findings.say("M413", message, node, fix)
        elif rule.name in ("keep-fresh", "if-empty") and _is_checkbox(each, crm):
            message = (
                f"a checkbox is never empty, so {rule.name} would never write {field}"
            )
            tools.findings.say("M401", message, node, "Say `write: always`.")
        elif rule.name == "if-higher" and not _is_measurable(each, crm):
            message = "if-higher needs a number or a date"
            tools.findings.say("M402", message, node, "Add `as: integer`.")
        for target in rule.after or ():
            _check_with(target, field, written, rules, node, tools.findings)
        if tools.schema is not None:
            _check_schema(each, fields.keys.get(field, each.node), tools)
        elif each.is_auto:
            _no_length(each, tools)


def _check_with(
    target: str,
    field: str,
    written: Sequence[str],
    rules: Mapping[str, Any],
    node: Node,
    findings: Findings,
) -> None:
    if target not in written or target == field:
        fix = did_you_mean(target, [name for name in written if name != field])
        message = f"`with` names {target}, which this file does not write"
        findings.say("M406", message, node, fix)
    elif target in rules and rules[target].after is not None:
        message = f"`with` names {target}, which is written with another field itself"
        findings.say("M406", message, node, "Name the field that decides.")


def _is_checkbox(made: Made, crm: CrmField | None) -> bool:
    entry = made.entry
    if crm is not None:
        return crm.type == "boolean"
    if any(isinstance(value, bool) for value in made.constants):
        return True
    if entry.translation is not None or entry.template is not None or entry.join:
        return False
    if made.converter:
        return made.converter == "boolean"
    return bool(made.paths) and all(path.kind == "flag" for path in made.paths)


def _is_measurable(made: Made, crm: CrmField | None) -> bool:
    entry = made.entry
    if crm is not None:
        return crm.type in (*NUMBERS, *DATES)
    if entry.template is not None or entry.join is not None:
        return False
    if entry.translation is not None:
        return all(_is_number(value) for value in entry.translation.outputs)
    if made.converter:
        return made.converter in (*NUMERIC, *ZONED)
    if made.paths:
        return all(path.kind in ("int", "datetime") for path in made.paths)
    return bool(made.constants) and all(_is_number(v) for v in made.constants)


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def check_outcome(node: Node | None, tools: Tools) -> None:
    """The fields of `outcome` are there, and take what is written to them."""
    if not isinstance(node, Table) or tools.schema is None:
        return
    words = (*map(str, RANKING), "skipped", "waiting")
    written = {"result": words, "at": (stamp(datetime(2026, 1, 1, tzinfo=UTC)),)}
    for key, values in written.items():
        name = node.get(key)
        crm = _known(text_at(name), name, tools) if name is not None else None
        for value in values if crm is not None else ():
            if crm and name and not _takes(crm, value, name, tools.findings):
                break


def check_read(read: Mapping[str, Node], tools: Tools) -> None:
    """The fields that paths read of `current`: a CRM refuses to read others."""
    for name, node in read.items():
        if tools.schema is not None and name not in tools.schema:
            _no_field(name, node, tools)


def _known(field: str, node: Node, tools: Tools) -> CrmField | None:
    """The field if it is there and can be written; else after a complaint."""
    crm = tools.schema.get(field) if tools.schema is not None else None
    if crm is None:
        _no_field(field, node, tools)
    elif crm.read_only:
        tools.findings.say("M302", f"{field} is read-only", node, "Take it out.")
        return None
    return crm


def _no_field(field: str, node: Node, tools: Tools) -> None:
    schema = tools.schema or {}
    fix = did_you_mean(field, schema) if closest(field, schema) else ""
    message = f"{tools.source} has no field {field} on {tools.object}"
    tools.findings.say("M301", message, node, fix)


def _check_schema(made: Made, name: Node, tools: Tools) -> None:
    crm = _known(made.entry.field, name, tools)
    if crm is None:
        return
    if made.is_auto and crm.length is None:
        _no_length(made, tools)
    table = made.entry.translation
    values = (*made.constants, *(table.outputs if table is not None else ()))
    is_last = made.entry.template is None and made.entry.join is None
    for value in values if is_last else made.constants:
        _takes(crm, value, _place(made, value, tools), tools.findings)


def _place(made: Made, value: Any, tools: Tools) -> Node:
    """Where a constant stands: in the entry, or in the table that it names."""
    table = tools.tables.named.get(text_at(made.node.get("translate")))
    for node in (made.node, *([table] if table is not None else [])):
        found = _find(node, value)
        if found is not None:
            return found
    return made.node


def _find(node: Node, value: Any) -> Scalar | None:
    if isinstance(node, Scalar):
        is_it = type(node.value) is type(value) and node.value == value
        return node if is_it else None
    inner = node.items if isinstance(node, Items) else node.entries.values()
    return next((found for each in inner if (found := _find(each, value))), None)


def _takes(crm: CrmField, value: Any, node: Node, findings: Findings) -> bool:
    """Whether the field takes a constant; complains if not."""
    try:
        fit(value, crm)
    except Keep as keep:
        _constant(keep, value, crm, node, findings)
        return False
    return True


def _constant(
    keep: Keep, value: Any, crm: CrmField, node: Node, findings: Findings
) -> None:
    shown = shorten(value)
    fix = ""
    if keep.reason == TOO_LONG:
        size = f"'{shown}' has {len(str(value))}"
        message = f"{crm.name} allows {crm.length} characters; {size}"
        fix = "Shorten it."
    elif keep.reason == NOT_ALLOWED:
        message = f"'{shown}' is not in the list of {crm.name}"
        known = [*(crm.values or ()), *(crm.labels or ())]
        fix = did_you_mean(str(value), known)
    else:
        message = f"{crm.name} is {crm.type}: {keep.sentence.rstrip('.')}"
        fix = "Write a value of that type, or take another field."
    findings.say(_CODES.get(keep.reason, "M305"), message, node, fix)


def _no_length(made: Made, tools: Tools) -> None:
    node = made.node.get("max") or made.node
    fix = f"Run `leadbridge schema pull {tools.source}`, or write a number."
    message = f"the length of {made.entry.field} is not known"
    tools.findings.say("M306", message, node, fix)


def check_owners(
    files: Sequence[tuple[MappingFile, Table]], findings: Findings
) -> None:
    """One field of one object has one owner among files that want the same events."""
    for index, (file, node) in enumerate(files):
        for other, _ in files[:index]:
            if other.source != file.source or not _overlap(other, file):
                continue
            shared = set(other.fields) & set(file.fields)
            for field in sorted(shared):
                fields = node.get("fields")
                place = fields.keys.get(field) if isinstance(fields, Table) else None
                message = f"{_called(other)} writes {field} of {file.object} as well"
                fix = "One field, one owner: join the two with `when` or `cases`."
                findings.say("M501", message, place or node, fix)


def _overlap(one: MappingFile, other: MappingFile) -> bool:
    return one.object.casefold() == other.object.casefold() and any(
        other.wants(wanted, event)
        for wanted, events in one.events.items()
        for event in events
    )


def _called(file: MappingFile) -> str:
    return file.path.name if file.path else file.name
