"""6sense's rate window and its credits."""

from __future__ import annotations

from typing import Any

DAY = 86_400
OTHER = "b2" * 20


def _token(control: Any, number: int = 0) -> dict[str, Any]:
    return list(control.state()["sixsense"]["tokens"].values())[number]


def test_the_101st_call_within_a_minute_is_429(control: Any, sixsense: Any) -> None:
    statuses = [sixsense.score(f"x{n}@acme.example").status_code for n in range(101)]
    assert statuses == [200] * 100 + [429]
    refused = sixsense.score("y@acme.example")
    assert refused.json()["message"].startswith("You have sent too many requests")
    assert "Retry-After" not in refused.headers
    state = control.state()["sixsense"]
    assert state["refused"] == {"429": 2}
    # Refused requests take no place, and other tokens have their own window.
    assert _token(control)["in_window"] == 100
    assert sixsense.score("y@acme.example", token=OTHER).status_code == 200


def test_the_window_slides(control: Any, sixsense: Any) -> None:
    control.config(sixsense={"rate_calls": 2})
    assert sixsense.score("a@acme.example").status_code == 200
    control.config(clock={"advance_s": 40})
    assert sixsense.score("a@acme.example").status_code == 200
    assert sixsense.score("a@acme.example").status_code == 429
    control.config(clock={"advance_s": 21})
    assert sixsense.score("a@acme.example").status_code == 200
    assert sixsense.score("a@acme.example").status_code == 429


def test_retry_after_tells_when_a_place_is_free(control: Any, sixsense: Any) -> None:
    control.config(sixsense={"rate_calls": 1, "retry_after": True})
    sixsense.score("a@acme.example")
    wait = int(sixsense.score("a@acme.example").headers["Retry-After"])
    assert 55 < wait <= 60
    control.config(sixsense={"retry_after": 7})
    assert sixsense.score("a@acme.example").headers["Retry-After"] == "7"


def test_the_window_can_be_switched_off(control: Any, sixsense: Any) -> None:
    control.config(sixsense={"rate_calls": 0})
    assert all(sixsense.score("a@acme.example").ok for _ in range(110))


def test_a_record_costs_one_credit_in_thirty_days(control: Any, sixsense: Any) -> None:
    control.config(sixsense={"credits": 10})
    for email in ("a@acme.example", " A@acme.example", "b@acme.example"):
        assert sixsense.full(email).status_code == 200
    assert _token(control)["credits_used"] == 2
    control.config(clock={"advance_s": 29 * DAY})
    sixsense.full("a@acme.example")
    assert _token(control)["credits_used"] == 2
    # The window is fixed: it began with the first answer, not the last.
    control.config(clock={"advance_s": 2 * DAY})
    sixsense.full("a@acme.example")
    assert _token(control)["credits_used"] == 3
    assert _token(control)["credits_left"] == 7


def test_blank_answers_errors_and_scores_cost_nothing(
    control: Any, sixsense: Any
) -> None:
    sixsense.full("a@gmail.com")
    sixsense.full("")
    sixsense.score("a@acme.example")
    assert _token(control)["credits_used"] == 0


def test_without_credits_only_paid_records_are_answered(
    control: Any, sixsense: Any
) -> None:
    control.config(sixsense={"tokens": {"t": {"credits": 1, "name": "marketing"}}})
    assert sixsense.full("a@acme.example", token="t").status_code == 200
    spent = sixsense.full("b@acme.example", token="t")
    assert spent.status_code == 402
    assert spent.json()["message"].startswith("Your allocated Quota is exhausted")
    assert sixsense.full("a@acme.example", token="t").status_code == 200
    assert sixsense.score("b@acme.example", token="t").status_code == 200
    assert control.state()["sixsense"]["tokens"]["marketing"]["credits_left"] == 0
    control.config(sixsense={"when_spent": "refuse"})
    assert sixsense.full("a@acme.example", token="t").status_code == 402


def test_the_journal_says_which_call_was_charged(control: Any, sixsense: Any) -> None:
    sixsense.full("a@acme.example")
    sixsense.full("a@acme.example")
    calls = control.state(calls=2)["last_calls"]
    assert [call["credits"] for call in calls] == [1, 0]
    assert calls[0]["request"] == {"email": "a@acme.example"}
    assert "a1a1a1" not in str(control.state())
