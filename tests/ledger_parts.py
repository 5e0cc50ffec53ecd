"""The ledger as its tests drive it: events in, owners that live and die, steps."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from threading import Barrier
from typing import Any, TypeVar

import sqlalchemy as sa

from app.ledger import Ledger
from app.ledger.batches import Batch, Waiting
from app.ledger.database import Database
from app.ledger.deliveries import Accepted
from app.ledger.enrichments import Answer
from app.ledger.runs import Question, Run, Settled
from app.ledger.tables import metadata

KEY = b"a-key-for-the-hashes-of-tests"
TOKEN = "default"
SOURCE = "marketo"
API = "lead-scoring-and-firmographics"
LEASE = timedelta(minutes=1)
STALLED = timedelta(seconds=10)
FINAL = ("written", "replied", "kept", "skipped", "failed")

Result = TypeVar("Result")


def event(lead_id: int | str, inputs: str = "a", **more: Any) -> dict[str, Any]:
    """A row of `accept_delivery`: this lead, with these inputs."""
    return {
        "mapping": "marketo",
        "mapping_version": "1",
        "event_object": "lead",
        "lead_id": str(lead_id),
        "object": "lead",
        "match_by": "id",
        "record_id": str(lead_id),
        "event": "created",
        "event_at": None,
        "changed_by": None,
        "repeat_key": f"{more.get('mapping', 'marketo')} {lead_id} {inputs}",
        "lead": {"id": lead_id, "inputs": inputs},
        "person_key": None,
        "state": "ready",
        "is_bulk": False,
        "token": TOKEN,
        **more,
    }


def at_once(count: int, work: Callable[[int], Result]) -> list[Result]:
    """What `work(n)` gives in as many threads, started at the same instant."""
    barrier = Barrier(count)

    def one(number: int) -> Result:
        barrier.wait(30)
        return work(number)

    with ThreadPoolExecutor(count) as pool:
        return list(pool.map(one, range(count)))


class Desk:
    """One ledger and the hands that work on it."""

    def __init__(self, database: Database) -> None:
        self.database = database
        self.ledger = Ledger.on(
            database, person_key=KEY, repeat_window=timedelta(minutes=10)
        )

    def clear(self) -> None:
        """Empty every table, the engine's too; the schema stays."""
        names = [t.name for t in metadata.sorted_tables if t.name != "installation"]
        with self.database.transaction() as connection:
            # Cheaper than truncate, which makes new files.
            for name in ("procrastinate_jobs", "procrastinate_workers", *names):
                connection.execute(sa.text(f"delete from {name}"))  # noqa: S608

    def query(self, sql: str, **values: Any) -> Sequence[sa.Row[Any]]:
        """Rows of the ledger."""
        return self.database.rows(sa.text(sql), **values)

    # Owners

    def hire(self) -> int:
        """An owner whose heart beats."""
        rows = self.query(
            "insert into procrastinate_workers default values returning id"
        )
        return int(rows[0].id)

    def bury(self, owner: int) -> None:
        """This owner's heart has not beaten for an hour."""
        self.query(
            "update procrastinate_workers"
            " set last_heartbeat = now() - interval '1 hour' where id = :owner",
            owner=owner,
        )

    def sweep(self) -> int:
        """Free what dead owners held; how many runs and batches."""
        runs = self.ledger.runs.free_abandoned(stalled=STALLED)
        return runs + self.ledger.batches.free_abandoned(stalled=STALLED)

    # Steps

    def accept(
        self, *events: Mapping[str, Any], source: str = SOURCE, **more: Any
    ) -> Accepted:
        """One delivery of these events."""
        return self.ledger.deliveries.accept(
            source, headers={}, body=b"{}", status=200, events=events, **more
        )

    def plan(self, owner: int, count: int = 50) -> list[Run]:
        """Plan the runs that nobody has planned: one question for each lead."""
        runs = self.ledger.runs.claim_unplanned(
            TOKEN, owner=owner, count=count, lease=LEASE
        )
        self.ledger.runs.plan([question(run) for run in runs], owner=owner)
        return runs

    def claim(self, owner: int, count: int = 50) -> list[Run]:
        """Claim planned runs, to ask for them."""
        return self.ledger.runs.claim_questions(
            TOKEN, owner=owner, count=count, lease=LEASE
        )

    def answer(self, owner: int, runs: Sequence[Run]) -> set[str]:
        """Store a match for each of these runs."""
        return self.ledger.enrichments.record(
            [answer(run) for run in runs], owner=owner
        )

    def enrich(self, *events: Mapping[str, Any]) -> None:
        """Accept these events and bring their runs to `enriched`."""
        self.accept(*events)
        owner = self.hire()
        self.plan(owner)
        self.answer(owner, self.claim(owner))

    def batch(
        self, owner: int, count: int = 300, match_by: str = "id", source: str = SOURCE
    ) -> Batch | None:
        """Form a batch of what is enriched."""
        waiting = Waiting("lead", match_by, count, 0.0, 0.0)
        return self.ledger.batches.claim(
            source, waiting, owner=owner, count=count, lease=LEASE
        )

    def again(self, owner: int, source: str = SOURCE) -> Batch | None:
        """Take on a batch whose outcome is unknown."""
        return self.ledger.batches.claim_open(source, owner=owner, lease=LEASE)

    def settle(self, owner: int, batch: Batch, state: str = "written") -> bool:
        """End every run of a batch."""
        ends = [Settled(run.id, state) for run in batch.runs]
        return self.ledger.batches.settle(batch, ends, owner=owner)

    # What is there

    def runs(self) -> Sequence[sa.Row[Any]]:
        """All runs, the oldest first."""
        return self.query("select * from runs order by id")

    def states(self) -> list[str]:
        """Their states."""
        return [run.state for run in self.runs()]


def question(run: Run, key: str | None = None) -> Question:
    """What a run asks; leads differ, so do their questions."""
    inputs = {"email": f"p{run.lead_id}@c.example"}
    return Question(
        run.id,
        lookup="sixsense",
        api=API,
        token=TOKEN,
        key=key or f"{run.lead_id} {run.lead['inputs']}",
        inputs=inputs,
        is_last=True,
    )


def answer(run: Run) -> Answer:
    """A match, with a credit."""
    lookup = {
        "run_id": run.id,
        "position": run.asked,
        "name": "sixsense",
        "api": API,
        "result": "matched",
        "credits": 1,
    }
    return Answer(
        run=Settled(run.id, "enriched", asked=run.asked + 1),
        lookup=lookup,
        product=API,
        lookup_key=run.lookup_key or "",
        token=TOKEN,
        status=200,
        result="matched",
        text="{}",
        credits=1,
        message=None,
        ms=1.0,
        person_key=None,
    )
