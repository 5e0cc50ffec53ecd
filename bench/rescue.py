"""How long work stands still after a worker was killed for good."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from statistics import median

from bench.installation import UNLIMITED, Ground
from bench.scale import Scale
from bench.table import Row
from tests.stack import until

#: Calls of the dead worker that were on their way arrive within this.
ECHO_S = 0.2
LEADS = 1500


def measure(ground: Ground, scale: Scale, say: Callable[[str], None]) -> Iterator[Row]:
    """Kill the worker that asks while another one stands by; the default clock."""
    took = []
    for _ in range(scale.kills):
        took.append(_stand_still_s(ground))
        say(f"work went on {took[-1]:.1f} s after the kill")
    middle = median(took)
    yield Row(
        "a worker killed for good: work resumed",
        f"{middle:.1f} s",
        f"median of {len(took)} kills, another worker stood by",
        "20 s",
        "5 s",
        middle <= 20,
    )


def _stand_still_s(ground: Ground) -> float:
    with ground.installation(**UNLIMITED) as box:
        box.start_web()
        box.accept(LEADS)
        # Slow enough that most is left when the kill comes.
        ground.upstreams("reset", sixsense_ms=1000, marketo_ms=100)
        box.start_workers(1)
        until(lambda: bool(ground.upstreams("state")["asked_at"]), "the first call")
        box.start_workers(1)
        box.workers[0].kill()
        killed_at = time.monotonic()

        def next_calls() -> list[float]:
            asked: list[float] = ground.upstreams("state")["asked_at"]
            return [at for at in asked if at > killed_at + ECHO_S]

        until(lambda: bool(next_calls()), "work to go on", within_s=60)
        return next_calls()[0] - killed_at
