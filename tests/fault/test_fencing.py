"""Two owners of one batch: whoever lost it changes nothing, and no run is stranded.

A worker that was declared dead by mistake can come back between any two statements
of its rescue. Processes cannot be stopped there, so the ledger is called directly.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

import pytest
import sqlalchemy as sa

from app.domain import RunState
from app.ledger import Ledger
from app.ledger.batches import Batch, Waiting
from app.ledger.runs import Settled
from tests.stack import Stack

LEASE = timedelta(minutes=1)
STALLED = timedelta(seconds=10)
#: Engine workers that no row of the engine speaks of: dead, to every rescue.
FIRST, SECOND = 101, 102
RUN = (
    "insert into runs (source, mapping, lead_id, object, match_by, record_id, event,"
    " repeat_key, lead, state, token) values ('marketo', 'marketo', :id, 'lead', 'id',"
    " :id, 'created', :id, '{}', 'enriched', 'default')"
)
STRANDED = sa.text("""
    select id from runs r where state = 'sending' and not exists (
        select 1 from batches b where b.id = r.batch_id and b.settled_at is null)
""")
OPEN_BATCHES = sa.text("select id from batches where settled_at is null")


@pytest.fixture
def ledger(stack: Callable[..., Stack]) -> Ledger:
    """A ledger with two runs that can be sent."""
    box = stack()
    for lead_id in ("1001", "1002"):
        box.query(RUN, id=lead_id)
    return Ledger.on(
        box.database, person_key=b"a-key", repeat_window=timedelta(minutes=10)
    )


def claim(ledger: Ledger, owner: int) -> Batch:
    """The two runs in one new batch."""
    waiting = Waiting("lead", "id", 2, 0.0, 0.0)
    batch = ledger.batches.claim(
        "marketo", waiting, owner=owner, count=300, lease=LEASE
    )
    assert batch is not None
    return batch


def settle(ledger: Ledger, batch: Batch, owner: int) -> bool:
    """What the send pump does when every record was taken."""
    settled = [Settled(run.id, RunState.WRITTEN) for run in batch.runs]
    return ledger.batches.settle(batch, settled, owner=owner)


def stranded(ledger: Ledger) -> int:
    """Runs that are being sent, but in no open batch: nobody would ever come back."""
    rows = ledger.database.rows(STRANDED)
    return len(rows)


def test_a_sender_that_comes_back_in_the_middle_of_its_rescue_strands_no_run(
    ledger: Ledger,
) -> None:
    batch = claim(ledger, FIRST)
    ledger.runs.free_abandoned(stalled=STALLED)
    settle(ledger, batch, FIRST)
    ledger.batches.free_abandoned(stalled=STALLED)
    assert stranded(ledger) == 0


def test_a_sender_that_lost_its_batch_settles_nothing_and_sends_nothing(
    ledger: Ledger,
) -> None:
    batch = claim(ledger, FIRST)
    ledger.runs.free_abandoned(stalled=STALLED)
    assert ledger.batches.free_abandoned(stalled=STALLED) == 1
    again = ledger.batches.claim_open("marketo", owner=SECOND, lease=LEASE)
    assert again is not None
    assert {run.id for run in again.runs} == {run.id for run in batch.runs}
    assert not settle(ledger, batch, FIRST)
    assert not ledger.batches.note_sent(batch, {}, owner=FIRST, lease=LEASE)
    assert settle(ledger, again, SECOND)
    assert stranded(ledger) == 0


def test_a_batch_that_is_split_by_one_who_lost_it_keeps_its_members(
    ledger: Ledger,
) -> None:
    batch = claim(ledger, FIRST)
    ledger.runs.free_abandoned(stalled=STALLED)
    ledger.batches.free_abandoned(stalled=STALLED)
    again = ledger.batches.claim_open("marketo", owner=SECOND, lease=LEASE)
    assert again is not None
    ledger.batches.split(batch, owner=FIRST, error="refused")
    assert settle(ledger, again, SECOND)
    open_batches = ledger.database.rows(OPEN_BATCHES)
    assert not open_batches, "halves without members"
