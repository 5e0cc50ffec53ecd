"""`python -m bench [NAME...]`: measure, and print one table."""

from __future__ import annotations

import argparse
import os
import sys
import time
from collections.abc import Callable, Iterator, Sequence

from bench import (
    accept,
    calls,
    drain,
    mapping,
    memory,
    quiet,
    reply,
    rescue,
    start,
    table,
)
from bench.installation import Ground, ground
from bench.scale import DEFAULT, FULL, TINY, Scale
from bench.table import Row

Say = Callable[[str], None]


#: Name → what measures it, in the order of the table.
ROWS: dict[str, Callable[[Ground, Scale, Say], Iterator[Row]]] = {
    "accept": accept.measure,
    "quiet": quiet.measure,
    "reply": reply.measure,
    "drain": drain.measure,
    "calls": calls.measure,
    "rescue": rescue.measure,
    "memory": memory.measure,
    "start": start.measure,
    "mapping": mapping.measure,
}


def run(names: Sequence[str], scale: Scale, say: Say) -> list[Row]:
    """Measure these rows, one after the other."""
    with ground() as shared:
        return [row for name in names for row in ROWS[name](shared, scale, say)]


def main(argv: Sequence[str] | None = None) -> int:
    """Parse, measure, print; 1 if a figure misses what must hold."""
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    parser.add_argument("names", nargs="*", help=f"of {', '.join(ROWS)}; else all")
    parser.add_argument("--json", action="store_true", help="the table for programs")
    size = parser.add_mutually_exclusive_group()
    size.add_argument("--full", action="store_true", help="full size; half an hour")
    size.add_argument("--tiny", action="store_true", help="to see that it runs")
    given = parser.parse_args(argv)
    unknown = [name for name in given.names if name not in ROWS]
    if unknown:
        parser.error(f"no row {', '.join(unknown)}; there are: {', '.join(ROWS)}")
    scale = FULL if given.full else TINY if given.tiny else DEFAULT
    started = time.monotonic()

    def say(line: str) -> None:
        print(f"{time.monotonic() - started:5.0f} s  {line}", file=sys.stderr)

    rows = run(given.names or list(ROWS), scale, say)
    print(table.as_json(rows) if given.json else table.as_text(rows))
    if not given.json:
        cores = len(os.sched_getaffinity(0))
        print(f"\n{cores} cores, {time.monotonic() - started:.0f} s.")
    return int(any(row.is_met is False for row in rows))


if __name__ == "__main__":
    sys.exit(main())
