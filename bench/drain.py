"""How fast a backlog is worked off with no limit but our own."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from bench.installation import UNLIMITED, Ground
from bench.scale import Scale
from bench.table import Row


@dataclass(frozen=True, slots=True)
class Drained:
    """One backlog, from the first question to the last write."""

    leads_per_s: float
    accept_cpu_ms: float
    drain_cpu_ms: float

    @property
    def cpu_ms(self) -> float:
        """Of web and workers, for one lead."""
        return self.accept_cpu_ms + self.drain_cpu_ms


def measure(ground: Ground, scale: Scale, say: Callable[[str], None]) -> Iterator[Row]:
    """Upstreams at 0 and at 150 ms, one worker and two."""
    count = scale.drain_leads
    found: dict[tuple[int, int], Drained] = {}
    for ms in (0, 150):
        for workers in (1, 2):
            found[ms, workers] = drained = drain(ground, count, workers, ms)
            say(
                f"drain at {ms} ms, {workers} worker(s): {drained.leads_per_s:,.0f}/s, "
                f"CPU ms a lead: {drained.accept_cpu_ms:.2f} to accept, "
                f"{drained.drain_cpu_ms:.2f} to drain"
            )
    for (ms, workers), drained in found.items():
        least = 350 if ms else 500
        aim = ("626" if ms else "880") if workers == 2 else ""
        yield Row(
            f"drain, upstreams at {ms} ms, {_workers(workers)}",
            f"{drained.leads_per_s:,.0f} leads/s",
            f"{count:,} leads, first question to last write",
            f"{least}",
            aim,
            drained.leads_per_s >= least,
        )
    one = found[0, 1]
    yield Row(
        "CPU of web and worker, a lead",
        f"{one.cpu_ms:.1f} ms ({one.accept_cpu_ms:.1f} of it to accept)",
        f"{count:,} leads, upstreams at 0 ms, one worker",
        "4 ms",
        "3 ms",
        one.cpu_ms <= 4,
    )


def drain(ground: Ground, count: int, workers: int, ms: int) -> Drained:
    """Accept a backlog, let warm workers at it, and watch the upstreams."""
    with ground.installation(**UNLIMITED) as box:
        box.start_web()
        idle = box.cpu_s()
        box.accept(count)
        accepted = box.cpu_s()
        box.hold_back()
        box.start_workers(workers)
        ground.upstreams("reset", sixsense_ms=ms, marketo_ms=ms)
        started = box.cpu_s()
        box.let_go()
        box.await_written(count, within_s=30 + count / 50)
        state = ground.upstreams("state")
        used = box.cpu_s() - started
    wall_s = state["written_at"][-1] - state["asked_at"][0]
    return Drained(
        count / wall_s, 1000 * (accepted - idle) / count, 1000 * used / count
    )


def _workers(count: int) -> str:
    return "one worker" if count == 1 else "two workers"
