"""/metrics, rendered from the ledger: the same figures whichever process is asked."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.exposition import CONTENT_TYPE_PLAIN_0_0_4 as CONTENT_TYPE
from prometheus_client.registry import Collector

from app.ledger import reports
from app.ledger.database import Database

__all__ = ["CONTENT_TYPE", "render"]


class LedgerCollector(Collector):
    """Reads the ledger once per scrape; labels come from small closed sets."""

    def __init__(self, database: Database, stalled: timedelta) -> None:
        self.database = database
        self.stalled = stalled

    def collect(self) -> Iterator[Metric]:
        """Runs by source and state, the oldest wait, workers, pauses."""
        runs = GaugeMetricFamily(
            "leadbridge_runs", "Runs in the ledger.", labels=["source", "state"]
        )
        for row in reports.run_counts(self.database):
            runs.add_metric([row.source, row.state], row.runs)
        yield runs
        health = reports.health(self.database, stalled=self.stalled)
        for name, text, value in (
            ("workers", "Engine workers whose heart beats.", health["workers"]),
            ("pauses", "Pauses in force.", len(health["pauses"])),
            (
                "oldest_waiting_seconds",
                "Age of the oldest run that waits.",
                health["oldest_waiting_s"],
            ),
        ):
            yield GaugeMetricFamily(f"leadbridge_{name}", text, value=float(value or 0))


def render(database: Database, stalled: timedelta) -> bytes:
    """The metrics page. Raises DatabaseAway."""
    registry = CollectorRegistry()
    registry.register(LedgerCollector(database, stalled))
    return generate_latest(registry)
