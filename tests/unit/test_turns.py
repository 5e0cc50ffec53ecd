"""Turns: so many at a time, and whoever came first goes first."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor

import pytest

from app.web.turns import Turns, TurnTooLate

SOON_S = 10.0


def line_of(turns: Turns) -> int:
    """How many wait."""
    return len(turns._line)


def until(is_so: Callable[[], bool]) -> None:
    pause = threading.Event()
    for _ in range(1000):
        if is_so():
            return
        pause.wait(0.01)
    raise AssertionError("it did not come about")


def queue_up(
    pool: ThreadPoolExecutor, turns: Turns, count: int, inside: Callable[[int], None]
) -> list[Future[None]]:
    """Threads that come one after the other."""

    def come(n: int) -> None:
        with turns.one():
            inside(n)

    found = []
    for n in range(count):
        before = line_of(turns)
        found.append(pool.submit(come, n))
        until(lambda before=before: line_of(turns) == before + 1)
    return found


def test_who_came_first_goes_first() -> None:
    turns, order = Turns(1, longest_wait_s=SOON_S), list[int]()
    with ThreadPoolExecutor(8) as pool:
        with turns.one():
            coming = queue_up(pool, turns, 8, order.append)
        for one in coming:
            one.result(SOON_S)
    assert order == list(range(8))


def test_no_more_are_inside_than_there_are_turns() -> None:
    turns, lock = Turns(3, longest_wait_s=SOON_S), threading.Lock()
    inside, most = [0], [0]
    together = threading.Barrier(3)

    def stay() -> None:
        with turns.one():
            with lock:
                inside[0] += 1
                most[0] = max(most[0], inside[0])
            # Three at a time, or nobody goes on.
            together.wait(SOON_S)
            with lock:
                inside[0] -= 1

    with ThreadPoolExecutor(12) as pool:
        for one in [pool.submit(stay) for _ in range(12)]:
            one.result(SOON_S)
    assert (most[0], inside[0]) == (3, 0)


def test_a_turn_that_is_left_early_is_the_next_one_s_and_is_given_once() -> None:
    turns, order = Turns(1, longest_wait_s=SOON_S), list[int]()
    with ThreadPoolExecutor(2) as pool, turns.one() as leave:
        coming = queue_up(pool, turns, 2, order.append)
        leave()
        leave()
        for one in coming:
            one.result(SOON_S)
    assert order == [0, 1]
    # Still one turn, not two.
    assert turns._free == 1


def test_who_gives_up_leaves_no_hole_in_the_line() -> None:
    turns = Turns(1, longest_wait_s=0.01)
    with turns.one():
        with pytest.raises(TurnTooLate, match="send it again"), turns.one():
            pass
        assert line_of(turns) == 0
    with turns.one():
        pass


def test_an_error_inside_ends_the_turn() -> None:
    turns = Turns(1, longest_wait_s=0.01)
    with pytest.raises(ZeroDivisionError), turns.one():
        raise ZeroDivisionError
    with turns.one():
        pass
