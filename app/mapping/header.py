"""The top of a mapping file: name, source, events, outcome, defaults."""

from __future__ import annotations

import re
from collections.abc import Collection
from datetime import UTC, tzinfo
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from app.domain import system_of
from app.mapping.entries import Defaults, no_value_words
from app.mapping.findings import Findings, did_you_mean
from app.mapping.model import Outcome, Reply
from app.mapping.nodes import Node, Scalar, Table, plain, text_at
from app.mapping.spans import span_of

#: What can be a part of an address: /webhooks/<source>/<name>.
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,79}")


def name_of(tree: Table, file: str, findings: Findings) -> str:
    """The mapping's name: its own key, or the file's name."""
    node = tree.get("name")
    name = text_at(node) if node is not None else file.rpartition(".")[0]
    name = name or file
    if not _NAME.fullmatch(name):
        fix = "Letters, digits, points, - and _: it is part of an address."
        message = f"'{name}' cannot be the name of a mapping"
        findings.say("M106", message, node or tree, fix)
    return name


def check_source(
    node: Node | None, known: Collection[str] | None, findings: Findings
) -> None:
    """A connector's name, with a suffix for a second account: `crm-eu`."""
    name = text_at(node)
    if node is None or not name:
        return
    is_known = known is None or system_of(name, known) is not None
    if not _NAME.fullmatch(name):
        fix = "Letters, digits and - only: it is part of an address."
        findings.say("M106", f"'{name}' cannot be a source", node, fix)
    elif not is_known:
        fix = did_you_mean(name.partition("-")[0], known or ())
        message = f"'{name}' is not a source this release has a connector for"
        findings.say("M106", message, node, fix)


def events_of(node: Node | None, object: str) -> dict[str, frozenset[str]]:
    """Event object → events; a plain list is about the object that is written."""
    wanted = plain(node) if node is not None else ["created"]
    if not isinstance(wanted, dict):
        wanted = {object: wanted}
    return {
        str(name): frozenset(map(str, events))
        for name, events in wanted.items()
        if isinstance(events, list)
    }


def outcome_of(node: Node | None) -> Outcome | None:
    """The fields of a final state, or None."""
    if not isinstance(node, Table):
        return None
    skipped = node.get("skipped")
    return Outcome(
        result=text_at(node.get("result")) or None,
        at=text_at(node.get("at")) or None,
        skipped=isinstance(skipped, Scalar) and skipped.value is True,
        request_campaign=_campaign(node.get("then")),
    )


def _campaign(node: Node | None) -> str | None:
    found = node.get("request_campaign") if isinstance(node, Table) else None
    return str(found.value) if isinstance(found, Scalar) else None


def reply_of(node: Node | None) -> Reply:
    """`accepted`, or the values within a time."""
    values = node.get("values") if isinstance(node, Table) else None
    within = values.get("within") if isinstance(values, Table) else None
    return Reply(values_within=span_of(text_at(within)) if within else None)


def check_reply(tree: Table, findings: Findings) -> None:
    """A reply with values writes nothing itself, so nothing can follow the write."""
    outcome = tree.get("outcome")
    then = outcome.get("then") if isinstance(outcome, Table) else None
    if then is not None and reply_of(tree.get("reply")).values_within is not None:
        message = "`then` and `reply: values` do not go together"
        fix = "Let a campaign trigger on the result field: it is written last."
        findings.say("M404", message, then, fix)


def defaults_of(node: Node | None, findings: Findings) -> Defaults:
    """`defaults` of the right shape, or none of them."""
    if not isinstance(node, Table):
        return Defaults(UTC)
    write, words = node.get("write"), node.get("no_value")
    return Defaults(
        zone=_zone(node.get("timezone"), findings),
        write="keep-fresh" if write is None else plain(write),
        no_value=no_value_words(plain(words)) if words is not None else frozenset(),
        fails=text_at(node.get("on_error")) == "fail",
    )


def _zone(node: Node | None, findings: Findings) -> tzinfo:
    name = text_at(node)
    if node is None or name.upper() == "UTC":
        return UTC
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        fix = "A name of the time zone database: Europe/Berlin."
        findings.say("M106", f"'{name}' is not a time zone", node, fix)
        return UTC
