"""Shared secrets and access tokens."""

from __future__ import annotations

import threading

import pytest

from app.connectors.auth import AccessToken, Issued, SharedSecret
from app.errors import SignatureInvalid, Unreachable


class Clock:
    def __init__(self) -> None:
        self.now = 1000.0
        self.slept: list[float] = []

    def __call__(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.now += seconds


class Identity:
    """Gives the same token until it ends, as Marketo does."""

    def __init__(self, clock: Clock, life: float = 3600.0) -> None:
        self.clock, self.life = clock, life
        self.asked = self.number = 0
        self.ends = 0.0

    def __call__(self) -> Issued:
        self.asked += 1
        if self.clock.now > self.ends:
            self.number += 1
            self.ends = self.clock.now + self.life
        return Issued(f"token-{self.number}", self.ends - self.clock.now)


@pytest.fixture
def clock() -> Clock:
    return Clock()


def held(identity: Identity, clock: Clock) -> AccessToken:
    return AccessToken(identity, now=clock, sleep=clock.sleep)


def test_a_token_is_asked_for_once(clock: Clock) -> None:
    identity = Identity(clock)
    token = held(identity, clock)
    assert [token.current() for _ in range(5)] == ["token-1"] * 5
    assert identity.asked == 1


def test_the_last_minute_is_used_up_without_asking_every_time(clock: Clock) -> None:
    identity = Identity(clock)
    token = held(identity, clock)
    token.current()
    clock.now += 3550
    assert [token.current() for _ in range(9)] == ["token-1"] * 9
    assert identity.asked == 2
    clock.now += 51
    assert token.current() == "token-2"


def test_a_new_token_replaces_the_old_one_early_if_there_is_one(clock: Clock) -> None:
    tokens = iter([Issued("a", 3600.0), Issued("b", 3600.0)])
    token = AccessToken(lambda: next(tokens), now=clock, sleep=clock.sleep)
    assert token.current() == "a"
    clock.now += 3539
    assert token.current() == "a"
    clock.now += 1
    assert token.current() == "b"


def test_a_token_that_ends_at_once_is_asked_for_again_after_a_wait(
    clock: Clock,
) -> None:
    tokens = iter([Issued("a", 0.0), Issued("b", 3600.0)])
    token = AccessToken(lambda: next(tokens), now=clock, sleep=clock.sleep)
    assert token.current() == "b"
    assert clock.slept == [1.0]


def test_a_refused_token_is_replaced_once_for_all_threads(clock: Clock) -> None:
    numbers = iter(range(100))
    token = AccessToken(
        lambda: Issued(f"t{next(numbers)}", 3600.0), now=clock, sleep=clock.sleep
    )
    assert token.current() == "t0"
    start = threading.Barrier(8)
    found = []

    def replace() -> None:
        start.wait()
        found.append(token.replace("t0"))

    threads = [threading.Thread(target=replace) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert found == ["t1"] * 8
    assert token.current() == "t1"


def test_a_failure_is_not_kept(clock: Clock) -> None:
    outcomes = iter([None, Issued("a", 60.0)])

    def fetch() -> Issued:
        found = next(outcomes)
        if found is None:
            raise Unreachable("no answer")
        return found

    token = AccessToken(fetch, now=clock, sleep=clock.sleep)
    with pytest.raises(Unreachable):
        token.current()
    assert token.current() == "a"


def test_no_secret_is_shown(clock: Clock) -> None:
    token = held(Identity(clock), clock)
    token.current()
    secret = SharedSecret("hidden-1,hidden-2")
    shown = f"{token!r}{token._held!r}{Issued('token-1', 1.0)!r}{secret!r}"
    assert "token-1" not in shown
    assert "hidden" not in shown


@pytest.mark.parametrize("secrets", ["", " ", ",", " , "])
def test_blank_secrets_match_nothing(secrets: str) -> None:
    for given in ("", " ", ",", None):
        with pytest.raises(SignatureInvalid):
            SharedSecret(secrets).verify(given)
