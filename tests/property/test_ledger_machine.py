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

LEADS, MAPPINGS, INPUTS = (1, 2), ("marketo", "other"), ("a", "b", "c")
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
        for _ in range(2):
            self.hire()
        for lead in LEADS:
            self.accept(lead, MAPPINGS, "a")

    def hand(self, number: int, having: str = "is_alive") -> Hand:
        """One of the living, or of those who believe to have something."""
        fit = [hand for hand in self.hands if getattr(hand, having)]
        return fit[number % len(fit)]

    def is_there_a(self, *states: str) -> bool:
        """Whether somebody lives, and there is something for them to take."""
        alive = any(hand.is_alive for hand in self.hands)
        return alive and any(
            run.state in states and run.owner is None for run in self.before.values()
        )

    def can_ask(self) -> bool:
        return self.is_there_a("ready")

    def can_take(self) -> bool:
        return self.is_there_a("enriched", "sending")

    def has_an_heir(self) -> bool:
        return sum(hand.is_alive for hand in self.hands) > 1

    def is_anyone_asking(self) -> bool:
        return any(hand.asking for hand in self.hands)

    def has_anyone_a_batch(self) -> bool:
        return any(hand.batches for hand in self.hands)

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

    @precondition(lambda self: not self.has_an_heir())
    @rule()
    def hire(self) -> None:
        self.hands.append(Hand(self.desk.hire()))

    @precondition(has_an_heir)
    @rule(number=ANY, is_seen=st.booleans())
    def die(self, number: int, *, is_seen: bool) -> None:
        hand = self.hand(number)
        hand.is_alive = False
        self.desk.bury(hand.owner)
        if is_seen:
            self.desk.sweep()

    @precondition(lambda self: any(not hand.is_alive for hand in self.hands))
    @rule()
    def sweep(self) -> None:
        self.desk.sweep()

    # The enrich pump

    @precondition(can_ask)
    @rule(number=ANY, count=st.sampled_from([1, 50]))
    def ask(self, number: int, count: int) -> None:
        hand = self.hand(number)
        self.desk.plan(hand.owner)
        hand.asking += self.desk.claim(hand.owner, count)

    @precondition(is_anyone_asking)
    @rule(number=ANY)
    def answer(self, number: int) -> None:
        hand = self.hand(number, "asking")
        self.desk.answer(hand.owner, hand.asking)
        hand.asking = []

    @precondition(is_anyone_asking)
    @rule(number=ANY, is_retry=st.booleans())
    def give_back(self, number: int, *, is_retry: bool) -> None:
        hand, runs = self.hand(number, "asking"), self.desk.ledger.runs
        ids = [run.id for run in hand.asking]
        if is_retry:
            retries = [Retry(one, 0, "enrich", "test", "test") for one in ids]
            runs.retry(retries, owner=hand.owner)
        else:
            runs.release(ids, owner=hand.owner)
        hand.asking = []

    # The send pump

    @precondition(can_take)
    @rule(number=ANY, count=st.sampled_from([1, 50]))
    def take_batch(self, number: int, count: int) -> None:
        hand = self.hand(number)
        batch = self.desk.again(hand.owner) or self.desk.batch(hand.owner, count)
        hand.batches += [batch] if batch else []

    @precondition(has_anyone_a_batch)
    @rule(number=ANY, ends=st.lists(st.sampled_from(["written", "failed", "retry"])))
    def settle(self, number: int, ends: list[str]) -> None:
        hand = self.hand(number, "batches")
        batch = hand.batches.pop(0)
        settled, retries = [], []
        for place, run in enumerate(batch.runs):
            end = ends[place] if place < len(ends) else "kept"
            if end == "retry":
                retries.append(Retry(run.id, 0, "send", "test", "test"))
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

    @precondition(has_anyone_a_batch)
    @rule(number=ANY, is_split=st.booleans())
    def put_off(self, number: int, *, is_split: bool) -> None:
        hand, batches = self.hand(number, "batches"), self.desk.ledger.batches
        batch = hand.batches.pop(0)
        if is_split and len(batch.runs) > 1:
            batches.split(batch, owner=hand.owner, error="test")
        else:
            batches.postpone(
                batch, owner=hand.owner, delay_s=0, cause="test", message="test"
            )

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
                lambda: self.ask(0, 50),
                lambda: self.is_anyone_asking() and self.answer(0),
                lambda: self.take_batch(0, 50),
                lambda: self.has_anyone_a_batch() and self.settle(0, ["written"] * 9),
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
            max_examples=80,
            stateful_step_count=40,
            deadline=None,
            # To look into a failure add Phase.shrink: it takes minutes.
            phases=(Phase.explicit, Phase.reuse, Phase.generate),
            suppress_health_check=list(HealthCheck),
        ),
    )
