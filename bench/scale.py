"""How much is measured: the default, everything, or next to nothing."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Scale:
    """Counts and times of every row."""

    #: Rounds of floor and service, in turn; the median counts.
    accept_rounds: int = 3
    accept_s: float = 4.0
    steady_s: float = 12.0
    quiet_leads: int = 16
    replies: int = 60
    #: A multiple of 300: a last batch that is not full waits for company.
    drain_leads: int = 6000
    #: A multiple of 98, so that the last window of the limit is a whole one.
    bulk_leads: int = 98 * 12
    backlog_leads: int = 6000
    kills: int = 1
    memory_leads: int = 3000
    starts: int = 3
    mapping_files: int = 50


DEFAULT = Scale()
FULL = Scale(
    accept_rounds=5,
    accept_s=8.0,
    steady_s=30.0,
    quiet_leads=50,
    replies=300,
    drain_leads=15_000,
    bulk_leads=10_000,
    backlog_leads=10_000,
    kills=5,
    starts=5,
)
TINY = Scale(
    accept_rounds=1,
    accept_s=0.3,
    steady_s=0.3,
    quiet_leads=1,
    replies=2,
    drain_leads=40,
    bulk_leads=40,
    backlog_leads=40,
    kills=1,
    memory_leads=20,
    starts=1,
    mapping_files=2,
)
