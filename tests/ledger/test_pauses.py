"""Pauses: how long they last, what lengthens them, and what five in a row do."""

from __future__ import annotations

from datetime import timedelta

import pytest

from app.ledger.pauses import STREAK, Scope
from tests.ledger_parts import Desk, at_once

TOKEN = Scope("token", "6sense:x")


def rest_s(desk: Desk) -> float:
    (row,) = desk.query(
        "select extract(epoch from until - now())::float as s from pauses"
        " where lifted_at is null"
    )
    return float(row.s)


def run_out(desk: Desk) -> None:
    desk.query("update pauses set until = now() - interval '1 second'")


def test_a_pause_is_in_force_until_it_is_lifted_and_probed_when_its_time_is_up(
    desk: Desk,
) -> None:
    pauses = desk.ledger.pauses
    pauses.begin(TOKEN, "no", cause="CredentialsRefused 401")
    found = pauses.active()[TOKEN]
    assert (found.cause, found.may_probe) == ("CredentialsRefused 401", False)
    run_out(desk)
    assert pauses.active()[TOKEN].may_probe
    assert pauses.lift([TOKEN]) == 1
    assert pauses.active() == {}
    assert pauses.lift([TOKEN]) == 0


def test_each_probe_that_fails_doubles_the_wait_up_to_two_hours(desk: Desk) -> None:
    waits = []
    for _ in range(6):
        desk.ledger.pauses.begin(TOKEN, "no", cause="x")
        waits.append(round(rest_s(desk) / 60))
        run_out(desk)
    assert waits == [15, 30, 60, 120, 120, 120]


def test_calls_that_were_under_way_do_not_lengthen_a_pause(desk: Desk) -> None:
    at_once(8, lambda _: desk.ledger.pauses.begin(TOKEN, "no", cause="x"))
    assert round(rest_s(desk) / 60) == 15
    assert desk.query("select probes from pauses")[0].probes == 0


def test_of_waits_that_were_told_the_longest_is_kept_to(desk: Desk) -> None:
    for wait_s, longest_s in ((7.0, 7.0), (20.0, 20.0), (5.0, 20.0)):
        desk.ledger.pauses.begin(TOKEN, "no", cause="RateLimited 606", for_s=wait_s)
        assert rest_s(desk) == pytest.approx(longest_s, abs=2)


def test_the_fifth_refusal_in_a_row_with_one_cause_pauses(desk: Desk) -> None:
    pauses = desk.ledger.pauses
    for _ in range(STREAK - 1):
        assert not pauses.refused(TOKEN, "odd", cause="AnswerUnexpected 200")
    assert pauses.refused(TOKEN, "odd", cause="AnswerUnexpected 200")
    assert "5 times in a row" in pauses.active()[TOKEN].reason


def test_another_cause_or_a_success_begins_the_row_anew(desk: Desk) -> None:
    pauses = desk.ledger.pauses
    for cause in ["a"] * 4 + ["b"] * 4:
        assert not pauses.refused(TOKEN, "odd", cause=cause)
    pauses.taken(TOKEN)
    for _ in range(4):
        assert not pauses.refused(TOKEN, "odd", cause="b")
    assert pauses.active() == {}


def test_refusals_at_the_same_instant_are_all_counted(desk: Desk) -> None:
    paused = at_once(5, lambda _: desk.ledger.pauses.refused(TOKEN, "odd", cause="a"))
    assert sorted(paused) == [False] * 4 + [True]


def test_scopes_of_one_name_are_paused_apart(desk: Desk) -> None:
    pool, product = Scope("pool", "x"), Scope("product", "x")
    desk.ledger.pauses.begin(pool, "no", cause="a")
    desk.ledger.pauses.begin(product, "no", cause="b")
    desk.ledger.pauses.lift([pool])
    assert list(desk.ledger.pauses.active()) == [product]


def test_pauses_that_ended_stay_to_be_read(desk: Desk) -> None:
    for _ in range(2):
        desk.ledger.pauses.begin(TOKEN, "no", cause="a")
        desk.ledger.pauses.lift([TOKEN])
    rows = desk.query("select lifted_at - since as lasted from pauses")
    assert len(rows) == 2
    assert all(row.lasted >= timedelta(0) for row in rows)
