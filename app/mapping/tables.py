"""Translations: inline, by name, or a CSV beside the mapping.

Keys match exactly, then without capitals, then as ranges with both ends included.
"""

from __future__ import annotations

import csv
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any, Final, Protocol

from app.mapping.comparisons import FileMissing
from app.mapping.converters import number_of
from app.mapping.findings import Findings, did_you_mean
from app.mapping.nodes import Node, Scalar, Table
from app.values import text_form

#: The table has no such key.
MISSING: Final[Any] = type("Missing", (), {"__repr__": lambda _: "MISSING"})()

SKIP, KEEP, FAIL, USE = "skip", "keep", "fail", "use"

_RANGE = re.compile(r"\s*(-?[0-9]+(?:\.[0-9]+)?)?\.\.(-?[0-9]+(?:\.[0-9]+)?)?\s*")
_WHOLE = re.compile(r"-?(0|[1-9][0-9]{0,17})")


@dataclass(frozen=True, slots=True)
class Range:
    """`40..69`; an open end is None."""

    low: Decimal | None
    high: Decimal | None
    value: Any

    def holds(self, number: Decimal) -> bool:
        """Whether a number lies in it, both ends included."""
        return (self.low is None or number >= self.low) and (
            self.high is None or number <= self.high
        )


@dataclass(frozen=True, slots=True)
class Translation:
    """One table; `missing` is what happens to a value that it does not have."""

    name: str
    exact: Mapping[str, Any] = field(default_factory=dict)
    folded: Mapping[str, Any] = field(default_factory=dict)
    ranges: tuple[Range, ...] = ()
    missing: str = SKIP
    #: The value of `else: {use: …}`.
    use: Any = None

    def find(self, value: Any) -> Any:
        """The value's translation, or MISSING; `else` is not looked at."""
        text = text_form(value)
        if text in self.exact:
            return self.exact[text]
        found = self.folded.get(text.casefold(), MISSING)
        if found is not MISSING or not self.ranges:
            return found
        number = number_of(value)
        if number is None:
            return MISSING
        return next((r.value for r in self.ranges if r.holds(number)), MISSING)

    @property
    def outputs(self) -> tuple[Any, ...]:
        """All values that it can give, `use` too; those of `keep` are not known."""
        used = (self.use,) if self.missing == USE else ()
        return (*self.exact.values(), *(r.value for r in self.ranges), *used)

    @property
    def called(self) -> str:
        """How a sentence names it."""
        return f'the table "{self.name}"' if self.name else "the field's table"


class Sheets(Protocol):
    """Where CSV tables come from."""

    def text(self, name: str) -> str:
        """The text of a file; raises FileMissing with a sentence."""


class Tables:
    """The translations of one file, compiled when they are first used."""

    def __init__(
        self, findings: Findings, sheets: Sheets, named: Mapping[str, Node]
    ) -> None:
        self.findings = findings
        self.sheets = sheets
        self.named = named
        self._made: dict[str, Translation | None] = {}

    def compile(self, node: Node) -> Translation | None:
        """The translation that a `translate:` names or holds."""
        if isinstance(node, Table):
            return self._inline(node, "")
        name = node.value if isinstance(node, Scalar) else None
        if not isinstance(name, str) or not name.strip():
            fix = "A table, its name, or a .csv file."
            self.findings.say("M107", "`translate` wants a table", node, fix)
            return None
        if name.endswith(".csv"):
            return self._sheet(name, name, node)
        if name not in self.named:
            fix = did_you_mean(name, self.named)
            self.findings.say("M407", f"there is no translation '{name}'", node, fix)
            return None
        return self.by_name(name)

    def by_name(self, name: str) -> Translation | None:
        """A table of `translations:`; complains about it once."""
        if name not in self._made:
            node = self.named[name]
            if isinstance(node, Table):
                self._made[name] = self._inline(node, name)
            elif isinstance(node, Scalar) and str(node.value).endswith(".csv"):
                self._made[name] = self._sheet(str(node.value), name, node)
            else:
                fix = f"{name}: {{Computer Software: Technology}}"
                self.findings.say("M107", f"{name} is not a table", node, fix)
                self._made[name] = None
        return self._made[name]

    def _inline(self, table: Table, name: str) -> Translation | None:
        before = len(self.findings)
        exact: dict[str, Any] = {}
        ranges: list[Range] = []
        missing, use = SKIP, None
        for key, node in table.entries.items():
            if key == "else":
                missing, use = self._else(node)
            elif not isinstance(node, Scalar) or node.value is None:
                fix = "One value for each key; `else: skip` leaves others out."
                self.findings.say("M107", f"'{key}' has no one value", node, fix)
            elif _RANGE.fullmatch(key):
                ranges += self._range(key, node, ranges)
            else:
                exact[key] = node.value
        if len(self.findings) != before:
            return None
        return Translation(name, exact, _fold(exact), tuple(ranges), missing, use)

    def _range(self, key: str, node: Scalar, known: Sequence[Range]) -> list[Range]:
        found = _RANGE.fullmatch(key)
        low, high = (
            (Decimal(e) if e else None for e in found.groups())
            if found
            else (
                None,
                None,
            )
        )
        if low is None and high is None:
            fix = "Use `else: {use: …}` for all the rest."
            self.findings.say("M408", "a range needs an end", node, fix)
            return []
        if low is not None and high is not None and low > high:
            fix = f"Write {high}..{low}."
            self.findings.say("M408", f"the range {key} runs backwards", node, fix)
            return []
        made = Range(low, high, node.value)
        for other in known:
            meeting = _meeting(made, other)
            if meeting is not None:
                fix = "Both ends count: write ..39, 40..69, 70.."
                self.findings.say("M408", f"ranges overlap at {meeting}", node, fix)
                break
        return [made]

    def _else(self, node: Node) -> tuple[str, Any]:
        if isinstance(node, Scalar) and node.value in (SKIP, KEEP, FAIL):
            return str(node.value), None
        if isinstance(node, Table) and list(node.entries) == ["use"]:
            used = node.entries["use"]
            if isinstance(used, Scalar) and used.value is not None:
                return USE, used.value
        text = node.text if isinstance(node, Scalar) else ""
        fix = f"{{use: {text}}} gives a value; or skip, keep, fail."
        self.findings.say("M106", f"'{text}' is not a way out for `else`", node, fix)
        return SKIP, None

    def _sheet(self, file: str, name: str, node: Node) -> Translation | None:
        try:
            rows = list(csv.reader(self.sheets.text(file).splitlines()))
        except FileMissing as error:
            self.findings.say("M407", str(error), node, "Look at the file's name.")
            return None
        except csv.Error as error:
            self.findings.say("M407", f"{file} is not readable CSV: {error}", node)
            return None
        exact: dict[str, Any] = {}
        for number, row in enumerate(rows, 1):
            cells = [cell.strip() for cell in row]
            if not any(cells):
                continue
            if len(cells) != 2 or not all(cells) or cells[0] in exact:
                what = "stands twice" if cells[0] in exact else "is not two columns"
                message = f"{file}, line {number}: {what}"
                self.findings.say("M407", message, node, "Two columns, no heading.")
                return None
            exact[cells[0]] = int(cells[1]) if _WHOLE.fullmatch(cells[1]) else cells[1]
        return Translation(name, exact, _fold(exact))


def _fold(exact: Mapping[str, Any]) -> dict[str, Any]:
    folded: dict[str, Any] = {}
    for key, value in exact.items():
        folded.setdefault(key.strip().casefold(), value)
    return folded


def _meeting(one: Range, other: Range) -> Decimal | None:
    """A number that lies in both, if there is one."""
    lows = [r.low for r in (one, other) if r.low is not None]
    highs = [r.high for r in (one, other) if r.high is not None]
    low, high = max(lows, default=None), min(highs, default=None)
    if low is not None and high is not None:
        return low if low <= high else None
    return low if low is not None else high
