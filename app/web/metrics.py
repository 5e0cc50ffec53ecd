"""/metrics, rendered from the ledger: the same figures whichever process is asked."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from datetime import UTC, datetime, timedelta

from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import (
    CounterMetricFamily,
    GaugeMetricFamily,
    Metric,
)
from prometheus_client.exposition import CONTENT_TYPE_PLAIN_0_0_4 as CONTENT_TYPE
from prometheus_client.registry import Collector

from app.ledger import reports
from app.ledger.database import Database
from app.ledger.usage import Usage
from app.mapping.model import MappingFile
from app.pipeline.budgets import limits_of_pools
from app.pipeline.credits import standings
from app.settings import Settings

__all__ = ["CONTENT_TYPE", "render"]


class LedgerCollector(Collector):
    """Reads the ledger once per scrape; labels come from small closed sets."""

    def __init__(
        self,
        database: Database,
        settings: Settings,
        mappings: Collection[MappingFile],
    ) -> None:
        self.database = database
        self.mappings = mappings
        self.stalled = timedelta(seconds=settings.stalled_after_s)
        self.pools = limits_of_pools(settings)

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
        for one in Usage(self.database).sums():
            answers.add_metric([one.product, "matched"], one.matched)
            answers.add_metric([one.product, "no-match"], one.asked - one.matched)
            if one.pool:
                credits.add_metric([one.pool, one.product], one.credits)
        yield answers
        yield credits

    def _budgets(self) -> Iterator[Metric]:
        """What each budget has left; empty labels where it is a whole pool's."""
        spent = Usage(self.database).spent(datetime.now(UTC).date())
        left = GaugeMetricFamily(
            "leadbridge_budget_left",
            "Credits left of each budget of this day or month (UTC), estimated.",
            labels=["pool", "mapping", "lookup", "per"],
        )
        for one in standings(self.pools, self.mappings, spent):
            labels = [one.pool, one.mapping, one.lookup, one.limit.per]
            left.add_metric(labels, one.left)
        yield left


def render(
    database: Database, settings: Settings, mappings: Collection[MappingFile]
) -> bytes:
    """The metrics page. Raises DatabaseAway."""
    registry = CollectorRegistry()
    registry.register(LedgerCollector(database, settings, mappings))
    return generate_latest(registry)
