"""How fast webhooks are accepted, against the floor in the same run."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from statistics import median

import sqlalchemy as sa

from bench import floor
from bench.installation import SECRET, Ground, Installation, run_load
from bench.scale import Scale
from bench.table import Row
from tests.stack import new_database

#: As `leadbridge web` runs.
PROCESSES, THREADS = 2, 16
#: The floor's connections a process: more than the service has do not help it.
FLOOR_CONNECTIONS = 4

Figures = dict[str, float]


def measure(ground: Ground, scale: Scale, say: Callable[[str], None]) -> Iterator[Row]:
    """Rate and 99th percentile as ratios; then what a steady trickle waits."""
    capacity = run_load("closed", f"{ground.upstreams_url}/v2/people/full", seconds=1)
    say(f"generator and upstreams: {_told(capacity)}")
    with ground.installation() as box, _floor(ground) as floor_url:
        box.start_web()
        bare: list[Figures] = []
        ours: list[Figures] = []
        for _ in range(scale.accept_rounds):
            bare.append(run_load("closed", floor_url, seconds=scale.accept_s))
            say(f"floor: {_told(bare[-1])}")
            ours.append(_round(box, scale.accept_s))
            say(f"accept: {_told(ours[-1])}")
        steady = run_load(
            "steady",
            box.web_url,
            secret=SECRET,
            seconds=scale.steady_s,
            rate=50,
            first_id=box.next_id,
        )
    yield from _ratios(bare, ours, scale, capacity)
    p50, p99 = steady["p50_ms"], steady["p99_ms"]
    yield Row(
        "accept at 50/s",
        f"p50 {p50:.1f} ms, p99 {p99:.1f} ms",
        f"{steady['count']:.0f} webhooks",
        "p50 5 ms, p99 20 ms",
        "",
        p50 <= 5 and p99 <= 20,
    )


def _round(box: Installation, seconds: float) -> Figures:
    figures = run_load(
        "closed", box.web_url, secret=SECRET, seconds=seconds, first_id=box.next_id
    )
    box.next_id += int(figures["count"]) + 100
    return figures


def _ratios(
    bare: list[Figures], ours: list[Figures], scale: Scale, capacity: Figures
) -> Iterator[Row]:
    sample = (
        f"median of {scale.accept_rounds} x {scale.accept_s:g} s; generator takes "
        f"{ours[0]['cpu_share']:.0%} of a core here, {bare[0]['cpu_share']:.0%} there, "
        f"and can do {capacity['rate']:,.0f}/s"
    )
    rates = _medians(bare, ours, "rate")
    ratio = rates[1] / rates[0]
    yield Row(
        "accept, rate against the floor",
        f"{ratio:.2f} ({rates[1]:,.0f}/s of {rates[0]:,.0f}/s)",
        sample,
        "0.5",
        "0.65; 880/s",
        ratio >= 0.5,
    )
    waits = _medians(bare, ours, "p99_ms")
    ratio = waits[1] / waits[0]
    yield Row(
        "accept, p99 against the floor",
        f"{ratio:.2f} ({waits[1]:.0f} ms of {waits[0]:.0f} ms)",
        "the same rounds, 32 connections",
        "1.6",
        "",
        ratio <= 1.6,
    )


def _medians(
    bare: list[Figures], ours: list[Figures], name: str
) -> tuple[float, float]:
    return median(one[name] for one in bare), median(one[name] for one in ours)


def _told(figures: Figures) -> str:
    return (
        f"{figures['rate']:,.0f}/s, p50 {figures['p50_ms']:.1f} ms, "
        f"p99 {figures['p99_ms']:.1f} ms"
    )


@contextmanager
def _floor(ground: Ground) -> Iterator[str]:
    """The floor's address while it runs."""
    with new_database(ground.server_url, "bench_floor") as url:
        engine = sa.create_engine(url)
        with engine.begin() as connection:
            connection.execute(sa.text(floor.CREATE))
        engine.dispose()
        environ = {
            "FLOOR_DATABASE": url.replace("postgresql+psycopg://", "postgresql://"),
            "FLOOR_CONNECTIONS": str(FLOOR_CONNECTIONS),
        }
        given = floor.arguments(processes=PROCESSES, threads=THREADS)
        with ground.process("floor", given, environ) as process:
            found = process.await_line(r"Listening at: (http://\S+)")
            for _ in range(PROCESSES):
                process.await_line(r"Booting worker")
            # The first requests open connections.
            run_load("closed", found[1], seconds=0.3)
            yield found[1]
