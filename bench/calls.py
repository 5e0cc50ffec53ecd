"""How few calls Marketo gets, and how much of 6sense's limit is used."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from app.ledger.pauses import Pauses, Scope
from app.ledger.wakeups import Wake, wake
from bench.installation import UNLIMITED, Ground, Installation
from bench.scale import Scale
from bench.table import Row
from tests.stack import until

#: The limit of a minute and every wait of the batch rule, ten times shorter.
TENTH = {
    "RATE_WINDOW_S": "6.05",
    "BATCH_PAUSE_S": "0.2",
    "BATCH_MAX_WAIT_S": "24",
    "ENRICH_BUDGET_S": "1.5",
    "SWEEP_EVERY_S": "0.5",
    "HEARTBEAT_S": "0.5",
    "STALLED_AFTER_S": "2",
    "MARKETO_CALL_LIMIT": "0",
}
WINDOW_S, LIMIT, SLOTS = 6.0, 100, 98
WHOLE = 10_000
_SOURCE = Scope("source", "marketo")


def measure(ground: Ground, scale: Scale, say: Callable[[str], None]) -> Iterator[Row]:
    """A backlog that is enriched already, then bulk under the limit."""
    yield _backlog(ground, scale.backlog_leads, say)
    yield from _bulk(ground, scale.bulk_leads, say)


def _backlog(ground: Ground, count: int, say: Callable[[str], None]) -> Row:
    with ground.installation(**UNLIMITED) as box:
        pauses = Pauses(box.database)
        pauses.begin(_SOURCE, "to be measured", cause="bench", for_s=3600)
        box.start_web()
        box.start_workers(1)
        ground.upstreams("reset")
        box.accept(count)
        _await_enriched(box, count)
        pauses.lift([_SOURCE])
        wake(box.database, [Wake("send", "marketo")])
        box.await_written(count, within_s=30 + count / 50)
        calls = ground.upstreams("state")["calls"]
    most = -(-count // 300)
    say(f"backlog of {count:,}: {calls}")
    return Row(
        "Marketo calls, enriched backlog",
        f"{calls['read']} + {calls['sync']}",
        f"{count:,} leads, reads + writes",
        f"{most} + {most}",
        "fewer",
        calls["read"] <= most and calls["sync"] <= most,
    )


def _await_enriched(box: Installation, count: int) -> None:
    def is_done() -> bool:
        rows = box.query("select count(*) from runs where state = 'enriched'")
        return bool(rows[0][0] >= count)

    until(is_done, f"{count} enriched runs", within_s=30 + count / 50)


def _bulk(ground: Ground, count: int, say: Callable[[str], None]) -> Iterator[Row]:
    with ground.installation(**TENTH) as box:
        box.start_web()
        box.start_workers(1)
        ground.upstreams("reset", sixsense_ms=15)
        box.accept(count)
        box.await_written(count, within_s=60 + count / 10)
        state = ground.upstreams("state")
    calls, sizes = state["calls"], [size for _, size in state["synced"]]
    say(f"bulk of {count:,}: {calls}, batches of {sizes}")
    # What is left of 10,000 would go in batches as large as they grow: 300.
    rest = max(0, -(-(WHOLE - count) // 300))
    reads, syncs = calls["read"] + rest, calls["sync"] + rest
    is_whole = count >= WHOLE
    measured = f"{calls['read']} + {calls['sync']}"
    yield Row(
        "Marketo calls, bulk under 6sense's limit",
        measured if is_whole else f"{measured}; 10,000: about {reads} + {syncs}",
        f"{count:,} leads, a clock ten times shorter",
        "50 + 50 for 10,000",
        "fewer",
        reads <= 50 and syncs <= 50,
    )
    yield _share(state, count)


def _share(state: dict[str, Any], count: int) -> Row:
    """Beyond the first window, which a fresh limit lets through at once."""
    asked = state["asked_at"]
    later = asked[SLOTS:]
    used = len(later) / ((asked[-1] - asked[0]) / WINDOW_S * LIMIT) if later else 0.0
    most = _most_in_window(asked)
    return Row(
        "share of 6sense's limit used in a burst",
        f"{used:.1%}; most in {WINDOW_S:g} s: {most}",
        f"{count:,} leads, a limit of {LIMIT} in {WINDOW_S:g} s",
        f"95%, never over {LIMIT}",
        "97%",
        used >= 0.95 and most <= LIMIT,
    )


def _most_in_window(asked: list[float]) -> int:
    most = first = 0
    for last, at in enumerate(asked):
        while at - asked[first] >= WINDOW_S:
            first += 1
        most = max(most, last - first + 1)
    return most
