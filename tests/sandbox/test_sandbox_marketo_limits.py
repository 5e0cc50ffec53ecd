"""Marketo's counters: the rate, calls in flight, the day."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

LEAD = "lead/318581.json"


def _code(answer: dict[str, Any]) -> str:
    return "" if answer["success"] else answer["errors"][0]["code"]


def test_the_101st_call_in_20_seconds_is_606(control: Any, marketo: Any) -> None:
    codes = [_code(marketo.get(LEAD)) for _ in range(101)]
    assert codes == [""] * 100 + ["606"]
    answer = marketo.get(LEAD)
    words = "Max rate limit '100' exceeded with in '20' secs"
    assert answer["errors"] == [{"code": "606", "message": words}]
    assert control.state()["marketo"]["refused"] == {"606": 2}
    control.config(clock={"advance_s": 20.1})
    assert _code(marketo.get(LEAD)) == ""


def test_refused_calls_count_unless_switched(control: Any, marketo: Any) -> None:
    control.config(marketo={"rate_calls": 2})
    for _ in range(4):
        marketo.get(LEAD)
    assert control.state()["marketo"]["in_window"] == 4
    control.config(marketo={"refused_calls_count": False})
    marketo.get(LEAD)
    assert control.state()["marketo"]["in_window"] == 4


@pytest.mark.parametrize("code", ["604", "608", "611"])
def test_uncounted_codes_take_no_place(control: Any, marketo: Any, code: str) -> None:
    control.fault(system="marketo", kind="code", code=code)
    assert _code(marketo.get(LEAD)) == code
    state = control.state()["marketo"]
    assert (state["in_window"], sum(state["calls_by_day"].values())) == (0, 0)
    assert _code(marketo.call("PUT", f"/rest/v1/{LEAD}").json()) == "605"
    assert _code(marketo.call("GET", f"/rest/v1/{LEAD}", token="x").json()) == "601"
    assert control.state()["marketo"]["in_window"] == 0
    control.fault(system="marketo", kind="code", code="713")
    assert _code(marketo.get(LEAD)) == "713"
    assert control.state()["marketo"]["in_window"] == 1


def test_the_eleventh_call_in_flight_is_615(control: Any, marketo: Any) -> None:
    token = marketo.token()
    control.fault(system="marketo", kind="hold", times=10)
    with ThreadPoolExecutor(10) as pool:
        held = [
            pool.submit(marketo.call, "GET", f"/rest/v1/{LEAD}", token=token)
            for _ in range(10)
        ]
        waiting = threading.Event()
        while control.state()["marketo"]["in_flight"] < 10:
            waiting.wait(0.005)
        answer = marketo.get(LEAD)
        words = "Concurrent access limit '10' reached"
        assert answer["errors"] == [{"code": "615", "message": words}]
        control.send("POST", "/faults/release")
        assert [_code(call.result().json()) for call in held] == [""] * 10
    assert _code(marketo.get(LEAD)) == ""
    assert control.state()["marketo"]["most_in_flight"] == 11


def test_the_day_ends_at_midnight_in_chicago(control: Any, marketo: Any) -> None:
    control.config(marketo={"daily_quota": 2})
    assert [_code(marketo.get(LEAD)) for _ in range(3)] == ["", "", "607"]
    answer = marketo.get(LEAD)
    assert answer["errors"][0]["message"] == "Daily quota '2' reached"
    control.config(clock={"advance_s": 86_400})
    fresh = marketo.identity().json()["access_token"]
    answer = marketo.call("GET", f"/rest/v1/{LEAD}", token=fresh).json()
    assert answer["success"]
