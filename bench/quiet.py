"""From webhook to CRM write while nothing else goes on."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator

from bench.installation import Ground
from bench.scale import Scale
from bench.table import Row
from tests.stack import until

#: Leads come further apart than two batches must be.
APART_S = 2.1


def measure(ground: Ground, scale: Scale, say: Callable[[str], None]) -> Iterator[Row]:
    """One lead at a time; the clock is stopped by the arrival of Sync Leads."""
    took: list[float] = []
    with ground.installation() as box:
        box.start_web()
        box.start_workers(1)
        ground.upstreams("reset", sixsense_ms=150)
        for number in range(scale.quiet_leads + 1):
            started = time.monotonic()
            lead_id = box.post()
            wait_s = _written_at(ground, lead_id) - started
            # The first one opens connections and fetches a token.
            if number:
                took.append(wait_s)
            time.sleep(APART_S - min(APART_S, wait_s))
    took.sort()
    p50, p95 = took[len(took) // 2], took[min(len(took) - 1, int(len(took) * 0.95))]
    say(f"quiet: p50 {p50:.3f} s, p95 {p95:.3f} s, longest {took[-1]:.3f} s")
    yield Row(
        "webhook to CRM write, quiet, 6sense at 150 ms",
        f"p50 {1000 * p50:.0f} ms, p95 {1000 * p95:.0f} ms",
        f"{len(took)} leads, {APART_S:g} s apart",
        "p50 1,200 ms, p95 2,500 ms",
        "p50 300 ms",
        p50 <= 1.2 and p95 <= 2.5,
    )


def _written_at(ground: Ground, lead_id: int) -> float:
    found: list[float] = []

    def is_there() -> bool:
        at = ground.upstreams("written", id=lead_id)["at"]
        if at is not None:
            found.append(at)
        return bool(found)

    until(is_there, f"lead {lead_id} to be written")
    return found[0]
