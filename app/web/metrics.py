"""/metrics, rendered from the ledger: the same figures whichever process is asked."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime

from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import (
    CounterMetricFamily,
    GaugeMetricFamily,
    Metric,
)
from prometheus_client.exposition import CONTENT_TYPE_PLAIN_0_0_4 as CONTENT_TYPE
from prometheus_client.registry import Collector

from app.ledger import reports
from app.pipeline.budgets import limits_of_pools
from app.pipeline.credits import standings
from app.pipeline.parts import Parts

__all__ = ["CONTENT_TYPE", "render"]


class LedgerCollector(Collector):
    """Reads the ledger once per scrape; labels come from small closed sets."""

    def __init__(self, parts: Parts) -> None:
        self.parts = parts
        self.database = parts.ledger.database

    def collect(self) -> Iterator[Metric]:
        """Everything, one query or two for each part."""
        yield from self._runs()
        yield from self._usage()
        yield from self._budgets()

    def _runs(self) -> Iterator[Metric]:
        """Runs by source and state, the oldest wait, workers, pauses."""
        runs = GaugeMetricFamily(
            "leadbridge_runs", "Runs in the ledger.", labels=["source", "state"]
        )
        for row in reports.run_counts(self.database):
            runs.add_metric([row.source, row.state], row.runs)
        yield runs
        health = reports.health(self.database, stalled=self.parts.stalled)
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

    def _usage(self) -> Iterator[Metric]:
        """Answers and credits since counting began; what is counted is never purged."""
        answers = CounterMetricFamily(
            "leadbridge_answers",
            "Answers of 6sense, those used again not among them.",
            labels=["product", "result"],
        )
        credits = CounterMetricFamily(
            "leadbridge_credits_estimated",
            "Credits of 6sense, counted here: no API reports a balance.",
            labels=["pool", "product"],
        )
        for one in self.parts.ledger.usage.sums():
            answers.add_metric([one.product, "matched"], one.matched)
            answers.add_metric([one.product, "no-match"], one.asked - one.matched)
            if one.pool:
                credits.add_metric([one.pool, one.product], one.credits)
        yield answers
        yield credits

    def _budgets(self) -> Iterator[Metric]:
        """What each budget has left; empty labels where it is a whole pool's."""
        parts = self.parts
        spent = parts.ledger.usage.spent(datetime.now(UTC).date())
        pools = limits_of_pools(parts.settings)
        left = GaugeMetricFamily(
            "leadbridge_budget_left",
            "Credits left of each budget of this day or month (UTC), estimated.",
            labels=["pool", "mapping", "lookup", "per"],
        )
        for one in standings(pools, parts.mappings.values(), spent):
            labels = [one.pool, one.mapping, one.lookup, one.limit.per]
            left.add_metric(labels, one.left)
        yield left


def render(parts: Parts) -> bytes:
    """The metrics page. Raises DatabaseAway."""
    registry = CollectorRegistry()
    registry.register(LedgerCollector(parts))
    return generate_latest(registry)
