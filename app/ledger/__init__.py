"""The ledger: the only backlog, the only truth, and the only SQL of the service."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta

from app.ledger.batches import Batches
from app.ledger.database import Database
from app.ledger.deliveries import Deliveries
from app.ledger.enrichments import Enrichments
from app.ledger.pauses import Pauses
from app.ledger.runs import Runs
from app.ledger.written import Written


@dataclass(frozen=True)
class Ledger:
    """Every noun of the ledger, on one database."""

    database: Database
    deliveries: Deliveries
    runs: Runs
    enrichments: Enrichments
    batches: Batches
    written: Written
    pauses: Pauses

    @classmethod
    def on(
        cls, database: Database, *, person_key: bytes, repeat_window: timedelta
    ) -> Ledger:
        """The ledger kept in `database`; `person_key` keys its hashes."""
        written = Written(database, person_key)
        return cls(
            database=database,
            deliveries=Deliveries(database, repeat_window=repeat_window),
            runs=Runs(database),
            enrichments=Enrichments(database),
            batches=Batches(database, written),
            written=written,
            pauses=Pauses(database),
        )
