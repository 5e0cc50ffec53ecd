"""Paths against what is really there: the lookups of the file and 6sense's fields."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import pairwise

from app.domain import ProductInfo
from app.mapping.catalogue import NotThere, follow, has, suggestion
from app.mapping.findings import Findings, closest, did_you_mean
from app.mapping.nodes import Node, Scalar
from app.mapping.paths import Name, Part, PathMistake, Pick, split
from app.mapping.readers import (
    FACTS,
    RUN,
    Path,
    answer_reader,
    fact_reader,
    record_reader,
    run_reader,
)


@dataclass(frozen=True, slots=True)
class Reach:
    """What may be read at one place of the file.

    `lookups` are the names that were asked by then; the sentences say what is
    wrong with reading another one, or the record, and what to do about it.
    """

    lookups: frozenset[str] = frozenset()
    has_current: bool = False
    too_early: str = "is asked after this is decided"
    too_early_fix: str = "Use lead."
    no_current: str = "current is read after the lookups"
    no_current_fix: str = "Use lead."


#: What is known when an event comes in, before anything is asked.
EVENT_ONLY = Reach()


class Resolver:
    """Turns path texts into Paths; keeps the record fields that were read.

    `lookups` gives each lookup the APIs that may answer it, its own first; an
    empty tuple stands for one whose API is itself in error.
    """

    def __init__(
        self,
        findings: Findings,
        products: Mapping[str, ProductInfo],
        lookups: Mapping[str, tuple[ProductInfo, ...]],
    ) -> None:
        self.findings = findings
        self.products = products
        self.lookups = lookups
        #: First names below `lead` and `current`, in the order they were read.
        self.lead_fields: dict[str, Scalar] = {}
        self.current_fields: dict[str, Scalar] = {}
        #: `scores[product=...]`: the lookup, and the product as the file names it.
        self.scored: set[tuple[str, str]] = set()

    def path(self, node: Node | None, reach: Reach, text: str = "") -> Path | None:
        """The path that a node holds, or None after a complaint.

        `text` is given where the path is a key, or only a part of the node's text.
        """
        if node is None:
            return None
        if not isinstance(node, Scalar) or not (text or isinstance(node.value, str)):
            fix = "Say where the value is: lead.email."
            self.findings.say("M201", "a path is wanted here", node, fix)
            return None
        try:
            return self._read(node, reach, text or node.value)
        except PathMistake as mistake:
            self.findings.say("M201", str(mistake), node, mistake.fix)
            return None

    def _read(self, node: Scalar, reach: Reach, text: str) -> Path | None:
        root, parts = split(text)
        if root in ("lead", "current"):
            return self._record(text, root, parts, reach, node)
        if root == "run":
            return _run(text, parts)
        if root not in self.lookups:
            self._refuse_root(text, root)
        if root not in reach.lookups:
            raise PathMistake(f"{root} {reach.too_early}", reach.too_early_fix)
        return self._answer(text, root, parts)

    def _record(
        self,
        text: str,
        root: str,
        parts: tuple[Part, ...],
        reach: Reach,
        node: Scalar,
    ) -> Path:
        if root == "current" and not reach.has_current:
            raise PathMistake(reach.no_current, reach.no_current_fix)
        first = parts[0] if parts else None
        if not isinstance(first, Name):
            raise PathMistake(
                f"{text} is the whole record", f"Name a field of it: {root}.Email."
            )
        if root == "lead":
            self.lead_fields.setdefault(first.name, node)
        else:
            self.current_fields.setdefault(first.name, node)
        return Path(text, root, first.name, record_reader(root, parts))

    def _answer(self, text: str, root: str, parts: tuple[Part, ...]) -> Path | None:
        infos = self.lookups[root]
        if not infos:
            return None
        first = parts[0] if parts else None
        if not isinstance(first, Name):
            raise PathMistake(
                f"{text} is the whole answer",
                f"Name a part of it: {root}.company.name.",
            )
        if len(parts) == 1 and first.name in FACTS:
            kind = "flag" if first.name == "reused" else "text"
            return Path(text, root, first.name, fact_reader(root, first.name), kind)
        try:
            way = follow(parts, infos[0], text)
        except NotThere as miss:
            fix = self._elsewhere(text, parts, miss, infos[0])
            raise PathMistake(f"{text} is not in {infos[0].name}", fix) from None
        self.scored |= {(root, name) for name in _scored(parts)}
        apis = frozenset(info.name for info in infos if has(parts, info))
        read = answer_reader(root, way.steps, apis, is_name=way.is_segment_name)
        first_name = way.names[0]
        return Path(text, root, first_name, read, way.kind, way.is_list, True)

    def _elsewhere(
        self, text: str, parts: tuple[Part, ...], miss: NotThere, info: ProductInfo
    ) -> str:
        """The likely fix for a path that a lookup's API does not have."""
        for other in self.products.values():
            if other.name != info.name and has(parts, other):
                return f"{other.name} has it."
        meant = suggestion(text, miss, info)
        if meant is not None:
            return f"Did you mean {meant}?"
        return did_you_mean(miss.name, miss.level)

    def _refuse_root(self, text: str, root: str) -> None:
        roots = ("lead", "current", "run", *self.lookups)
        near = closest(root, roots)
        fix = (
            f"Did you mean {near}{text[len(root) :]}?"
            if near
            else did_you_mean(root, roots)
        )
        raise PathMistake(f"'{root}' is not a lookup of this file", fix)


def _scored(parts: tuple[Part, ...]) -> list[str]:
    """The products whose scores a path picks."""
    return [
        after.value
        for before, after in pairwise(parts)
        if isinstance(before, Name)
        and before.name.casefold() == "scores"
        and isinstance(after, Pick)
        and after.member.casefold() == "product"
    ]


def _run(text: str, parts: tuple[Part, ...]) -> Path:
    first = parts[0] if parts else None
    if len(parts) != 1 or not isinstance(first, Name) or first.name not in RUN:
        word = first.name if isinstance(first, Name) else ""
        near = closest(word, RUN)
        fix = f"Did you mean run.{near}?" if near else f"run has {', '.join(RUN)}."
        raise PathMistake(f"{text} is not known of a run", fix)
    kind = "datetime" if first.name == "time" else "text"
    return Path(text, "run", first.name, run_reader(first.name), kind)
