"""What web and worker hold after work."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator

from bench import processes
from bench.installation import UNLIMITED, Ground
from bench.scale import Scale
from bench.table import Row


def measure(ground: Ground, scale: Scale, say: Callable[[str], None]) -> Iterator[Row]:
    """Proportional set size of web (its parent and two processes) and a worker."""
    count = scale.memory_leads
    with ground.installation(**UNLIMITED) as box:
        box.start_web()
        box.start_workers(1)
        ground.upstreams("reset")
        box.accept(count)
        box.await_written(count, within_s=30 + count / 50)
        time.sleep(0.5)
        worker = processes.pss_mb([box.workers[0].popen.pid])
        total = processes.pss_mb(box.pids)
    say(f"memory: {total:.0f} MB, {worker:.0f} of it the worker")
    yield Row(
        "memory of web (2 processes) and worker",
        f"{total:.0f} MB PSS ({worker:.0f} the worker)",
        f"after {count:,} leads",
        "260 MB",
        "200 MB",
        total <= 260,
    )
