"""How HubSpot's events travel: in arrays, again when they fail, never too many."""

from __future__ import annotations

import json
import threading
import time
from typing import Any

import pytest
from hubspot.exceptions import InvalidSignatureTimestampError
from hubspot.utils.signature import Signature

from sandbox.hubspot.deliveries import THREADS, Deliveries, Delivery
from sandbox.server import Sandbox
from sandbox.state import World
from tests.sandbox.hubspot_calls import JANE, SECRET, Hooks, HubSpot
from tests.sandbox.receiver import Receiver, until


@pytest.fixture
def hooks(control: Any, receiver: Receiver) -> Hooks:
    control.config(hubspot={"retry_ms": 1})
    return Hooks(control, receiver)


def add(control: Any, count: int) -> list[int]:
    body = {"count": count, "first_id": 1001, "like": {"email": "p{n}@many.example"}}
    ids = control.send("POST", "/hubspot/contacts", body)["ids"]
    return [int(own) for own in ids]


def threads() -> list[threading.Thread]:
    return [one for one in threading.enumerate() if one.name == THREADS]


def signed(receiver: Receiver, version: str) -> list[bool]:
    """Whether each request that came was signed as the public client expects it."""
    found = []
    for method, path, headers, body in receiver.got:
        name = "X-HubSpot-Signature-v3" if version == "v3" else "X-HubSpot-Signature"
        found.append(
            Signature.is_valid(
                signature=headers[name],
                client_secret=SECRET,
                request_body=body.decode(),
                http_uri=receiver.url + path.removesuffix("/"),
                http_method=method,
                signature_version=version,
                timestamp=headers.get("X-HubSpot-Request-Timestamp"),
            )
        )
    return found


def test_events_travel_by_the_hundred(hooks: Hooks, control: Any) -> None:
    hooks.subscribe("contact.creation")
    ids = add(control, 250)
    arrays = hooks.arrays()
    assert sorted(map(len, arrays)) == [50, 100, 100]
    assert sorted(e["objectId"] for array in arrays for e in array) == ids


def test_one_array_mixes_types(hooks: Hooks, hubspot: HubSpot) -> None:
    hooks.subscribe("contact.creation", "contact.deletion", "contact.propertyChange")
    # In one call, so that they surely travel together.
    values = {"properties": {"email": "n@example.com"}}
    more = [{"id": JANE, "properties": {"city": "Oslo", "country": "Norway"}}]
    hubspot.control.config(hubspot={"creation_changes": True})
    assert hubspot.post("", values).ok
    assert hubspot.post("/batch/update", {"inputs": more}).ok
    types = [{one["subscriptionType"] for one in array} for array in hooks.arrays()]
    assert {"contact.creation", "contact.propertyChange"} in types


def test_both_signatures_are_what_the_public_client_makes(
    hooks: Hooks, control: Any
) -> None:
    hooks.subscribe("contact.creation")
    add(control, 3)
    control.send("POST", "/hubspot/contacts", {"contacts": [{"lastname": "Åse 東京"}]})
    hooks.rest()
    assert set(signed(hooks.receiver, "v1")) == {True}
    assert set(signed(hooks.receiver, "v3")) == {True}


@pytest.mark.parametrize("ago_s", [301, -3600])
def test_a_signature_may_be_too_old_or_of_the_future(
    hooks: Hooks, control: Any, ago_s: int
) -> None:
    control.config(hubspot={"signed_ago_s": ago_s})
    hooks.subscribe("contact.creation")
    before = time.time()
    add(control, 1)
    hooks.rest()
    ((_, _, headers, _),) = hooks.receiver.got
    signed_at = int(headers["X-HubSpot-Request-Timestamp"]) / 1000
    assert before - 0.001 <= signed_at + ago_s <= time.time()
    if ago_s > 0:
        with pytest.raises(InvalidSignatureTimestampError):
            signed(hooks.receiver, "v3")
    else:
        assert signed(hooks.receiver, "v3") == [True]


def test_a_wrong_secret_makes_wrong_signatures(hooks: Hooks, control: Any) -> None:
    control.config(hubspot={"client_secret": "another"})
    hooks.subscribe("contact.creation")
    add(control, 1)
    hooks.rest()
    assert signed(hooks.receiver, "v1") == signed(hooks.receiver, "v3") == [False]


@pytest.mark.parametrize("status", [302, 400, 401, 404, 429, 500, 503])
def test_whatever_is_no_2xx_is_sent_again(
    hooks: Hooks, control: Any, status: int
) -> None:
    hooks.subscribe("contact.creation")
    hooks.receiver.first.append((status, {}))
    add(control, 1)
    log = hooks.rest()
    assert [(one["attempt"], one["status"]) for one in log] == [(0, status), (1, 200)]


def test_nobody_follows_to_another_address(hooks: Hooks, control: Any) -> None:
    hooks.subscribe("contact.creation")
    hooks.receiver.first.append((307, {"Location": f"{hooks.receiver.url}/other"}))
    add(control, 1)
    assert [one["status"] for one in hooks.rest()] == [307, 200]
    assert {path for _, path, _, _ in hooks.receiver.got} == {"/"}


def test_an_attempt_says_its_number_and_is_signed_afresh(
    hooks: Hooks, control: Any
) -> None:
    hooks.subscribe("contact.creation")
    hooks.receiver.first.extend([(500, {})] * 3)
    add(control, 2)
    arrays = hooks.arrays()
    numbers = [{one["attemptNumber"] for one in array} for array in arrays]
    assert numbers == [{0}, {1}, {2}, {3}]
    # The same events, and nothing but the number has changed.
    for array in arrays:
        for one in array:
            del one["attemptNumber"]
    assert all(array == arrays[0] for array in arrays)
    # The body is another, so a signature that was used before would be a wrong one.
    assert signed(hooks.receiver, "v1") == [True] * 4
    assert signed(hooks.receiver, "v3") == [True] * 4
    signatures = {got[2]["X-HubSpot-Signature-v3"] for got in hooks.receiver.got}
    assert len(signatures) == 4


def test_it_gives_up_after_the_last_retry(hooks: Hooks, control: Any) -> None:
    control.config(hubspot={"retries": 3, "retry_ms": 0})
    hooks.receiver.answer = (503, b"")
    hooks.subscribe("contact.creation")
    add(control, 1)
    assert [one["attempt"] for one in hooks.rest()] == [0, 1, 2, 3]


def test_without_an_answer_in_time_it_is_sent_again(
    hooks: Hooks, control: Any
) -> None:
    control.config(hubspot={"timeout_s": 0.05})
    hooks.subscribe("contact.creation")
    hooks.receiver.gate.clear()
    add(control, 1)
    until(lambda: len(hooks.state()["deliveries"]) >= 2)
    control.config(hubspot={"timeout_s": 5})
    hooks.receiver.gate.set()
    statuses = [one["status"] for one in hooks.rest()]
    assert (statuses[:2], statuses[-1]) == ([0, 0], 200)


def test_nobody_at_the_address_is_a_failure_like_others(
    hooks: Hooks, control: Any
) -> None:
    control.config(hubspot={"retries": 1, "retry_ms": 0})
    for url in ("http://127.0.0.1:9", "nowhere", "http://"):
        body = {"url": url, "subscriptions": ["contact.creation"]}
        control.send("POST", "/hubspot/webhooks", body)
        add(control, 1)
        assert [one["status"] for one in hooks.rest()[-2:]] == [0, 0]


def test_so_many_are_in_flight_and_no_more(hooks: Hooks, control: Any) -> None:
    control.config(hubspot={"max_concurrent": 3})
    hooks.subscribe("contact.creation")
    hooks.receiver.gate.clear()
    add(control, 1000)
    until(lambda: hooks.receiver.open == 3)
    assert hooks.state()["outstanding"] == 10
    hooks.receiver.gate.set()
    assert len(hooks.events()) == 1000
    assert (hooks.receiver.most, hooks.state()["most_open"]) == (3, 3)


def test_fewer_places_hold_for_threads_that_are_there(
    hooks: Hooks, control: Any
) -> None:
    control.config(hubspot={"retry_ms": 60_000})
    hooks.subscribe("contact.creation")
    hooks.receiver.first.extend([(500, {})] * 4)
    add(control, 400)
    until(lambda: len(hooks.state()["deliveries"]) == 4)
    control.config(hubspot={"max_concurrent": 1})
    hooks.receiver.gate.clear()
    hooks.receiver.most = 0
    add(control, 300)
    until(lambda: hooks.receiver.open == 1)
    hooks.receiver.gate.set()
    until(lambda: len(hooks.state()["deliveries"]) == 7)
    assert hooks.receiver.most == 1


def test_duplicates_come_twice(hooks: Hooks, control: Any) -> None:
    control.config(hubspot={"duplicates": True})
    hooks.subscribe("contact.creation")
    add(control, 150)
    arrays = hooks.arrays()
    assert sorted(map(len, arrays)) == [50, 50, 100, 100]
    small = [array for array in arrays if len(array) == 50]
    assert small[0] == small[1]


def order(hooks: Hooks, control: Any, **options: Any) -> list[int]:
    control.reset(hubspot={"retry_ms": 1, **options})
    hooks.receiver.got.clear()
    hooks.subscribe("contact.creation")
    add(control, 60)
    return [one["objectId"] for one in hooks.events()]


def test_events_of_an_array_come_in_another_order_the_same_every_time(
    hooks: Hooks, control: Any
) -> None:
    plain = order(hooks, control)
    shuffled = order(hooks, control, reorder=True)
    assert plain == sorted(plain) != shuffled
    assert sorted(shuffled) == plain
    assert order(hooks, control, reorder=True) == shuffled


def test_waits_grow_and_are_not_all_the_same(monkeypatch: Any) -> None:
    waits: list[float] = []
    # No thread is to take them: nobody waits for an hour.
    monkeypatch.setattr(
        Deliveries, "_put", lambda self, made, wait_s: waits.append(wait_s)
    )
    world = World()
    world.configure({"hubspot": {"retry_ms": 1000, "retries": 9}})
    for attempt in range(10):
        made = Delivery(1, "http://x.example", ({},), attempt)
        world.hubspot_hooks.deliveries._settle(made, 500)
    assert len(waits) == 9
    shares = [wait_s / 2 ** min(n, 6) for n, wait_s in enumerate(waits)]
    assert all(0.75 <= share <= 1.25 for share in shares)
    assert len(set(shares)) == 9


def test_a_reset_leaves_nothing_behind(
    hooks: Hooks, control: Any, running: Sandbox
) -> None:
    former = running.world.hubspot_hooks.deliveries
    control.config(hubspot={"retry_ms": 60_000})
    hooks.receiver.answer = (500, b"")
    hooks.subscribe("contact.creation")
    add(control, 300)
    until(lambda: len(hooks.state()["deliveries"]) == 3)
    assert hooks.state()["outstanding"] == 3
    control.reset()
    until(lambda: not threads())
    assert hooks.state() == {
        "url": "", "subscriptions": [], "ids": [], "outstanding": 0,
        "most_open": 0, "deliveries": [],
    }  # fmt: skip
    assert (len(hooks.receiver.got), former.outstanding()) == (3, 0)


def test_a_late_answer_comes_to_nothing(
    hooks: Hooks, control: Any, running: Sandbox
) -> None:
    former = running.world.hubspot_hooks.deliveries
    hooks.subscribe("contact.creation")
    hooks.receiver.answer = (500, b"")
    hooks.receiver.gate.clear()
    add(control, 1)
    until(lambda: hooks.receiver.open == 1)
    resetting = threading.Thread(target=control.reset)
    resetting.start()
    # The new world is there while the old one waits for its calls.
    until(lambda: hooks.state()["url"] == "")
    hooks.receiver.gate.set()
    resetting.join()
    until(lambda: not threads())
    assert hooks.state()["deliveries"] == []
    assert (len(former.log), former.outstanding()) == (0, 0)
    assert len(hooks.receiver.got) == 1


def test_the_end_of_the_sandbox_is_the_end_of_its_webhooks(receiver: Receiver) -> None:
    receiver.answer = (500, b"")
    with Sandbox() as box:
        box.world.reset({"hubspot": {"retry_ms": 60_000}})
        with box.world.lock:
            hooks = box.world.hubspot_hooks
            hooks.define({"url": receiver.url})
            box.world.hubspot.create("contact", {"email": "n@example.com"})
        until(lambda: len(hooks.deliveries.log) == 1)
    until(lambda: not threads())
    body = json.loads(receiver.got[0][3])
    assert (len(receiver.got), len(body)) == (1, 1)
