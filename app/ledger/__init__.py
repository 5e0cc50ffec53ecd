"""The ledger: the only backlog, the only truth, and the only SQL of the service."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta

from app.ledger.batches import Batches
from app.ledger.cursors import Cursors
from app.ledger.database import Database
from app.ledger.deliveries import Deliveries
from app.ledger.enrichments import Enrichments
from app.ledger.follow_ups import FollowUps
from app.ledger.pauses import Pauses
from app.ledger.replies import Replies
from app.ledger.runs import Runs
from app.ledger.usage import Usage
from app.ledger.written import Written

#: Of one record through one mapping; the next one is the problem of a loop.
MOST_RUNS_A_DAY = 10


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
    replies: Replies
    follow_ups: FollowUps
    cursors: Cursors
    usage: Usage

    @classmethod
    def on(
        cls,
        database: Database,
        *,
        person_key: bytes,
        repeat_window: timedelta,
        most_runs: int = MOST_RUNS_A_DAY,
    ) -> Ledger:
        """The ledger kept in `database`; `person_key` keys its hashes."""
        written = Written(database, person_key)
        return cls(
            database=database,
            deliveries=Deliveries(
                database, repeat_window=repeat_window, most_runs=most_runs
            ),
            runs=Runs(database),
            enrichments=Enrichments(database),
            batches=Batches(database, written),
            written=written,
            pauses=Pauses(database),
            replies=Replies(database),
            follow_ups=FollowUps(database),
            cursors=Cursors(database),
            usage=Usage(database),
        )
