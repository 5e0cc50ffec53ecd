"""The rows of the table, and how they are printed."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass


@dataclass(frozen=True, slots=True)
class Row:
    """One figure: what was measured, on how much, and what it is held against."""

    name: str
    measured: str
    sample: str
    must_hold: str = ""
    aim: str = ""
    #: None: nothing to hold it against, or not measured.
    is_met: bool | None = None

    @property
    def verdict(self) -> str:
        """met, missed, or nothing."""
        return "" if self.is_met is None else "met" if self.is_met else "missed"


_HEAD = ("row", "measured", "must hold", "aim", "verdict", "sample")


def as_text(rows: Sequence[Row]) -> str:
    """The table in columns, as Markdown has them."""
    cells = [
        _HEAD,
        *((r.name, r.measured, r.must_hold, r.aim, r.verdict, r.sample) for r in rows),
    ]
    widths = [max(len(row[n]) for row in cells) for n in range(len(_HEAD))]
    lines = [
        "| "
        + " | ".join(cell.ljust(w) for cell, w in zip(row, widths, strict=True))
        + " |"
        for row in cells
    ]
    rule = "|" + "|".join("-" * (width + 2) for width in widths) + "|"
    return "\n".join([lines[0], rule, *lines[1:]])


def as_json(rows: Sequence[Row]) -> str:
    """The same for programs."""
    return json.dumps([asdict(r) | {"verdict": r.verdict} for r in rows], indent=2)
