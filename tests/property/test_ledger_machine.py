"""The ledger as a state machine: whatever happens in whatever order, no lead is lost.

Owners claim, answer, send and die while events come in. After every step each run is
where the diagram allows it to be, in one hand at most; in the end everything drains,
and the last thing that was written for a lead is what its newest event said.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from app.ledger.batches import Batch
from app.ledger.database import Database, upgrade
from app.ledger.runs import Retry, Run, Settled
from tests.ledger_parts import FINAL, Desk, event
from tests.stack import new_database

LEADS, MAPPINGS, INPUTS = (1, 2, 3), ("marketo", "other"), ("a", "b", "c")
#: What a step may do to a run; to stay as it is is always allowed.
TRANSITIONS = {
    ("ready", "enriched"),
    ("enriched", "sending"),
    *(("sending", final) for final in ("written", "kept", "failed")),
    # A record that could not be taken now.
    ("sending", "enriched"),
    # A newer event takes over what waits; a repeat starts what failed again.
    ("enriched", "ready"),
    ("failed", "ready"),
    # What has to wait gives way to a newer run of its lead.
    ("ready", "skipped"),
    ("sending", "skipped"),
}
SEVERAL = st.integers(1, 4)
ANY = st.integers(0, 11)


@dataclass
class Hand:
    """What an owner believes to hold; the dead believe it still."""

    owner: int
    is_alive: bool = True
    asking: list[Run] = field(default_factory=list)
    batches: list[Batch] = field(default_factory=list)


class LedgerMachine(RuleBasedStateMachine):
    """Events, owners and time, in any order."""

    def __init__(self, desk: Desk) -> None:
        super().__init__()
        self.desk = desk
        self.desk.clear()
        self.hands: list[Hand] = []
        #: Inputs of the newest event, by lead and mapping.
        self.newest: dict[tuple[str, str], str] = {}
        #: (run id, inputs) as they were written, by lead and mapping.
        self.written: dict[tuple[str, str], list[tuple[int, str]]] = {}
        self.before: dict[int, Any] = {}

    @initialize()
    def begin(self) -> None:
        self.hire()

    def hand(self, number: int, *, can_be_dead: bool = False) -> Hand:
        fit = [hand for hand in self.hands if hand.is_alive or can_be_dead]
        return fit[number % len(fit)]

    def is_anyone_alive(self) -> bool:
        return any(hand.is_alive for hand in self.hands)

    # Events

    @rule(
        lead=st.sampled_from(LEADS),
        mappings=st.sampled_from([MAPPINGS[:1], MAPPINGS[1:], MAPPINGS]),
        inputs=st.sampled_from(INPUTS),
    )
    def accept(self, lead: int, mappings: tuple[str, ...], inputs: str) -> None:
        rows = [event(lead, inputs, mapping=name) for name in mappings]
        found = self.desk.accept(*rows)
        assert found.accepted + found.repeated == len(rows)
        self.newest |= {(str(lead), name): inputs for name in mappings}

    # Owners

    @precondition(lambda self: len(self.hands) < 4)
    @rule()
    def hire(self) -> None:
        self.hands.append(Hand(self.desk.hire()))

    @precondition(is_anyone_alive)
    @rule(number=ANY)
    def die(self, number: int) -> None:
        hand = self.hand(number)
        hand.is_alive = False
        self.desk.bury(hand.owner)

    @rule()
    def sweep(self) -> None:
        self.desk.sweep()

    @rule()
    def let_time_pass(self) -> None:
        for table in ("runs", "batches"):
            self.desk.query(f"update {table} set due_at = now()")  # noqa: S608

    # The enrich pump

    @precondition(is_anyone_alive)
    @rule(number=ANY, count=SEVERAL)
    def plan(self, number: int, count: int) -> None:
        self.desk.plan(self.hand(number).owner, count)

    @precondition(is_anyone_alive)
    @rule(number=ANY, count=SEVERAL)
    def claim(self, number: int, count: int) -> None:
        hand = self.hand(number)
        hand.asking += self.desk.claim(hand.owner, count)

    @precondition(lambda self: self.hands)
    @rule(number=ANY)
    def answer(self, number: int) -> None:
        hand = self.hand(number, can_be_dead=True)
        self.desk.answer(hand.owner, hand.asking)
        hand.asking = []

    @precondition(lambda self: self.hands)
    @rule(number=ANY, counts=st.booleans())
    def retry(self, number: int, *, counts: bool) -> None:
        hand = self.hand(number, can_be_dead=True)
        retries = [
            Retry(run.id, 60, "enrich", "test", "test", counts=counts)
            for run in hand.asking
        ]
        self.desk.ledger.runs.retry(retries, owner=hand.owner)
        hand.asking = []

    @precondition(lambda self: self.hands)
    @rule(number=ANY)
    def release(self, number: int) -> None:
        hand = self.hand(number, can_be_dead=True)
        ids = [run.id for run in hand.asking]
        self.desk.ledger.runs.release(ids, owner=hand.owner)
        hand.asking = []

    # The send pump

    @precondition(is_anyone_alive)
    @rule(number=ANY, count=SEVERAL)
    def form_batch(self, number: int, count: int) -> None:
        hand = self.hand(number)
        batch = self.desk.batch(hand.owner, count)
        hand.batches += [batch] if batch else []

    @precondition(is_anyone_alive)
    @rule(number=ANY)
    def take_on_batch(self, number: int) -> None:
        hand = self.hand(number)
        batch = self.desk.again(hand.owner)
        hand.batches += [batch] if batch else []

    def with_batch(self, number: int) -> tuple[Hand, Batch] | None:
        hand = self.hand(number, can_be_dead=True)
        return (hand, hand.batches.pop(0)) if hand.batches else None

    @precondition(lambda self: self.hands)
    @rule(number=ANY, ends=st.lists(st.sampled_from(["written", "failed", "retry"])))
    def settle(self, number: int, ends: list[str]) -> None:
        found = self.with_batch(number)
        if found is None:
            return
        hand, batch = found
        settled, retries = [], []
        for place, run in enumerate(batch.runs):
            end = ends[place] if place < len(ends) else "kept"
            if end == "retry":
                retries.append(Retry(run.id, 60, "send", "test", "test"))
            else:
                settled.append(Settled(run.id, end))
        is_held = self.desk.ledger.batches.settle(
            batch, settled, owner=hand.owner, retries=retries
        )
        ended = {one.run_id for one in settled if one.state != "failed"}
        if is_held:
            self.note_written([run for run in batch.runs if run.id in ended])

    def note_written(self, runs: list[Run]) -> None:
        for run in runs:
            done = self.written.setdefault((run.lead_id, run.mapping), [])
            assert not done or run.id > done[-1][0], "written after a newer run"
            done.append((run.id, run.lead["inputs"]))

    @precondition(lambda self: self.hands)
    @rule(number=ANY)
    def postpone(self, number: int) -> None:
        found = self.with_batch(number)
        if found is not None:
            hand, batch = found
            self.desk.ledger.batches.postpone(
                batch, owner=hand.owner, delay_s=60, cause="test", message="test"
            )

    @precondition(lambda self: self.hands)
    @rule(number=ANY)
    def split(self, number: int) -> None:
        hand = self.hand(number, can_be_dead=True)
        if hand.batches and len(hand.batches[0].runs) > 1:
            batch = hand.batches.pop(0)
            self.desk.ledger.batches.split(batch, owner=hand.owner, error="test")

    # What always holds

    @invariant()
    def every_run_is_where_it_may_be(self) -> None:
        runs = {run.id: run for run in self.desk.runs()}
        assert self.before.keys() <= runs.keys(), "a run was lost"
        for run_id, run in runs.items():
            old = self.before.get(run_id)
            step = (old.state if old else "ready", run.state)
            assert step[0] == step[1] or step in TRANSITIONS, step
            assert (run.state == "sending") == (
                run.batch_id is not None and run.finished_at is None
            )
            assert (run.finished_at is not None) == (run.state in FINAL)
            assert run.owner is None or run.state not in FINAL
        self.before = runs

    @invariant()
    def nothing_is_in_two_hands(self) -> None:
        alive = [hand for hand in self.hands if hand.is_alive]
        asking = [(run.id, hand.owner) for hand in alive for run in hand.asking]
        sending = [(one.id, hand.owner) for hand in alive for one in hand.batches]
        for held, table in ((asking, "runs"), (sending, "batches")):
            assert len({key for key, _ in held}) == len(held), table
            rows = self.desk.query(f"select id, owner from {table}")  # noqa: S608
            owners = {row.id: row.owner for row in rows}
            assert all(owners[key] == owner for key, owner in held), table

    @invariant()
    def a_record_is_sent_once_at_a_time_and_every_member_has_an_open_batch(
        self,
    ) -> None:
        sending = self.desk.query(
            "select r.record_id, b.settled_at from runs r"
            " left join batches b on b.id = r.batch_id where r.state = 'sending'"
        )
        assert len({row.record_id for row in sending}) == len(sending)
        assert all(row.settled_at is None for row in sending)

    # The end

    def teardown(self) -> None:
        for hand in self.hands:
            self.desk.bury(hand.owner)
        self.hands = [Hand(self.desk.hire())]
        self.desk.sweep()
        for _ in range(30):
            if all(state in FINAL for state in self.desk.states()):
                break
            for step in (
                self.let_time_pass,
                lambda: self.plan(0, 50),
                lambda: self.claim(0, 50),
                lambda: self.answer(0),
                lambda: self.form_batch(0, 50),
                lambda: self.take_on_batch(0),
                lambda: self.settle(0, ["written"] * 50),
            ):
                step()
                self.every_run_is_where_it_may_be()
        assert all(state in FINAL for state in self.desk.states()), "it does not drain"
        for key, inputs in self.newest.items():
            (last,) = self.desk.query(
                "select id, state, lead from runs where lead_id = :lead"
                " and mapping = :mapping order by id desc limit 1",
                lead=key[0],
                mapping=key[1],
            )
            assert last.lead["inputs"] == inputs
            if last.state != "failed":
                assert self.written[key][-1] == (last.id, inputs)


@pytest.fixture(scope="module")
def database(server_url: str) -> Iterator[Database]:
    with new_database(server_url, "ledger_machine") as url:
        upgrade(url)
        made = Database(url, connections=2)
        yield made
        made.close()


def test_no_lead_is_lost_held_twice_or_written_out_of_order(database: Database) -> None:
    run_state_machine_as_test(
        lambda: LedgerMachine(Desk(database)),
        settings=settings(
            max_examples=40,
            stateful_step_count=30,
            deadline=None,
            # To look into a failure add Phase.shrink: it takes minutes.
            phases=(Phase.explicit, Phase.reuse, Phase.generate),
            suppress_health_check=list(HealthCheck),
        ),
    )
