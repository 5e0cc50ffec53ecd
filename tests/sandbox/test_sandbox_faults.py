"""Scripted faults: each kind, whom it hits, how often, and bad scripts."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
import requests

LEAD = "lead/318581.json"
JANE = "jane.doe@acme.example"


def _code(answer: dict[str, Any]) -> str:
    return "" if answer["success"] else answer["errors"][0]["code"]


@pytest.mark.parametrize("status", [400, 401, 402, 403, 404, 422, 429, 500, 503])
def test_a_status_comes_in_the_form_of_6sense(
    control: Any, sixsense: Any, status: int
) -> None:
    control.fault(system="sixsense", kind="status", status=status)
    answer = sixsense.full(JANE)
    assert answer.status_code == status
    assert answer.json()["status"] == "error"
    assert sixsense.full(JANE).status_code == 200
    # Nothing was done, and no real limit is to blame.
    state = control.state()["sixsense"]
    assert state["refused"] == {}
    assert next(iter(state["tokens"].values()))["in_window"] == 2


def test_a_status_may_bring_its_own_body_and_retry_after(
    control: Any, sixsense: Any
) -> None:
    control.fault(
        system="sixsense", kind="status", status=429, retry_after=3, body={"a": 1}
    )
    answer = sixsense.full(JANE)
    assert (answer.headers["Retry-After"], answer.json()) == ("3", {"a": 1})
    control.fault(
        system="sixsense", kind="status", status=401, body="unauthorized: ref 12"
    )
    assert sixsense.full(JANE).headers["Content-Type"].startswith("text/plain")
    control.fault(system="sixsense", kind="status", status=202)
    assert (sixsense.full(JANE).status_code, sixsense.full(JANE).status_code) == (
        202,
        200,
    )


def test_a_gateway_error_of_marketo_is_a_page_of_html(
    control: Any, marketo: Any
) -> None:
    control.fault(system="marketo", kind="status", status=502)
    answer = marketo.call("GET", f"/rest/v1/{LEAD}")
    assert answer.status_code == 502
    assert "<h1>502 Bad Gateway</h1>" in answer.text


@pytest.mark.parametrize(
    ("code", "words"),
    [
        ("606", "Max rate limit '100' exceeded with in '20' secs"),
        ("607", "Daily quota '50000' reached"),
        ("611", "System error"),
        ("615", "Concurrent access limit '10' reached"),
        ("1016", "Error"),
    ],
)
def test_a_code_refuses_the_call_and_nothing_is_written(
    control: Any, marketo: Any, code: str, words: str
) -> None:
    control.fault(system="marketo", operation="sync_leads", kind="code", code=code)
    assert marketo.get(LEAD)["success"]
    answer = marketo.sync({"email": "n@acme.example"})
    assert answer["errors"] == [{"code": code, "message": words}]
    assert marketo.get("leads.json", filterType="email", filterValues="n@acme.example")[
        "result"
    ] == []  # fmt: skip
    assert marketo.sync({"email": "n@acme.example"})["success"]


def test_a_code_may_have_its_own_words(control: Any, marketo: Any) -> None:
    control.fault(system="marketo", kind="code", code="1029", message="Too many jobs")
    assert marketo.get(LEAD)["errors"][0]["message"] == "Too many jobs"


def test_a_record_fault_hits_its_record_only(control: Any, marketo: Any) -> None:
    control.fault(
        system="marketo", kind="record", code="1003", field="sixsenseStage",
        match={"id": 318582}, times="forever",
    )  # fmt: skip
    for _ in range(2):
        first, second = marketo.update(
            {"id": 318581, "sixsenseStage": "x"}, {"id": 318582, "sixsenseStage": "y"}
        )
        assert first["status"] == "updated"
        words = "Invalid value for field 'sixsenseStage' and value 'y'"
        assert second["reasons"] == [{"code": "1003", "message": words}]
    assert marketo.lead(318582, "sixsenseStage")["sixsenseStage"] is None
    call = control.state(calls=3)["last_calls"][0]
    assert call["faults"] == ["fault-1"]


def test_half_a_batch_can_be_refused(control: Any, marketo: Any) -> None:
    control.fault(
        system="marketo", kind="record", code="1006", field="sixsenseIntent",
        match={"every": 2}, times="forever",
    )  # fmt: skip
    results = marketo.sync(*({"email": f"n{n}@half.example"} for n in range(10)))
    statuses = [result["status"] for result in results["result"]]
    assert statuses == ["created", "skipped"] * 5
    reason = results["result"][1]["reasons"][0]
    assert reason == {"code": "1006", "message": "Field 'sixsenseIntent' not found"}


def test_the_work_is_done_before_a_timeout(control: Any, marketo: Any) -> None:
    control.fault(system="marketo", kind="timeout_after_work", hold_s=30)
    marketo.token()
    with pytest.raises(requests.Timeout):
        marketo.call(
            "POST", "/rest/v1/leads.json", timeout=0.2,
            json={"input": [{"email": "n@late.example"}]},
        )  # fmt: skip
    control.send("POST", "/faults/release")
    found = marketo.get(
        "leads.json", filterType="email", filterValues="n@late.example"
    )["result"]
    assert len(found) == 1


@pytest.mark.parametrize(
    "fault",
    [{"kind": "status", "status": 502}, {"kind": "html"},
     {"kind": "code", "code": "604"}],
)  # fmt: skip
def test_a_refusal_may_come_after_the_work(
    control: Any, marketo: Any, fault: dict[str, Any]
) -> None:
    control.fault(system="marketo", after_work=True, **fault)
    record = {"email": "n@late.example"}
    answer = marketo.call("POST", "/rest/v1/leads.json", json={"input": [record]})
    assert "created" not in answer.text
    (result,) = marketo.sync(record)["result"]
    assert result["status"] == "updated"


def test_the_connection_ends_after_the_work_when_it_is_not_held(
    control: Any, sixsense: Any
) -> None:
    control.fault(system="sixsense", kind="timeout_after_work", hold_s=0.01)
    with pytest.raises(requests.ConnectionError):
        sixsense.full(JANE)
    state = control.state(calls=1)
    assert (
        next(iter(state["sixsense"]["tokens"].values()))["credits_used"],
        state["last_calls"][0]["status"],
    ) == (1, 0)


def test_a_dropped_connection_did_no_work(control: Any, sixsense: Any) -> None:
    control.fault(system="sixsense", kind="drop_connection")
    with pytest.raises(requests.ConnectionError):
        sixsense.full(JANE)
    token = next(iter(control.state()["sixsense"]["tokens"].values()))
    assert token["credits_used"] == 0
    assert sixsense.full(JANE).ok


def test_a_maintenance_page_is_html_with_200(control: Any, sixsense: Any) -> None:
    control.fault(system="sixsense", kind="html")
    answer = sixsense.full(JANE)
    assert (answer.status_code, answer.headers["Content-Type"][:9]) == (
        200,
        "text/html",
    )
    control.fault(system="sixsense", kind="html", status=503)
    assert sixsense.full(JANE).status_code == 503


def test_broken_json_is_half_of_the_answer(control: Any, sixsense: Any) -> None:
    control.fault(system="sixsense", kind="broken_json")
    answer = sixsense.full(JANE)
    assert answer.status_code == 200
    with pytest.raises(ValueError, match=r"Expecting|Unterminated"):
        answer.json()


def test_an_expired_token_stays_expired(control: Any, marketo: Any) -> None:
    control.fault(system="marketo", kind="expired_token")
    old = marketo.token()
    assert [_code(marketo.get(LEAD)) for _ in range(2)] == ["602", "602"]
    assert marketo.identity().json()["access_token"] != old


def test_an_expired_token_of_6sense_is_401(control: Any, sixsense: Any) -> None:
    control.fault(system="sixsense", kind="expired_token")
    assert [sixsense.full(JANE).status_code for _ in range(2)] == [401, 200]


def test_identity_fails_only_when_named(control: Any, marketo: Any) -> None:
    control.fault(system="marketo", kind="status", status=500)
    control.fault(system="marketo", kind="status", status=503, operation="token")
    assert marketo.identity().status_code == 503
    assert marketo.identity().status_code == 200
    assert marketo.call("GET", f"/rest/v1/{LEAD}").status_code == 500


def test_latency_delays_and_answers(control: Any, sixsense: Any) -> None:
    control.fault(system="sixsense", kind="latency", ms=[1, 5])
    assert sixsense.full(JANE).json()["company"]["name"] == "Acme"
    assert control.state(calls=1)["last_calls"][0]["faults"] == ["fault-1"]


def test_faults_can_meet_in_one_call(control: Any, sixsense: Any) -> None:
    control.fault(system="sixsense", kind="latency", ms=1)
    control.fault(system="sixsense", kind="status", status=500)
    assert sixsense.full(JANE).status_code == 500
    assert sixsense.full(JANE).status_code == 200


def test_faults_of_one_script_strike_one_after_the_other(
    control: Any, sixsense: Any
) -> None:
    for status in (500, 429, 503):
        control.fault(system="sixsense", kind="status", status=status)
    statuses = [sixsense.full(JANE).status_code for _ in range(4)]
    assert statuses == [500, 429, 503, 200]


def test_released_calls_go_on_and_later_ones_are_held(
    control: Any, sixsense: Any
) -> None:
    control.fault(system="sixsense", kind="hold", times="forever")
    with ThreadPoolExecutor(3) as pool:
        for held in (3, 1):
            calls = [pool.submit(sixsense.score, JANE) for _ in range(held)]
            while control.state()["faults"][0]["holding"] < held:
                pass
            assert control.send("POST", "/faults/release") == {"released": held}
            assert [call.result().status_code for call in calls] == [200] * held


def test_a_call_that_waited_through_a_reset_does_nothing_to_what_is_now(
    control: Any, marketo: Any
) -> None:
    control.fault(system="marketo", kind="hold", operation="sync_leads")
    marketo.token()
    with ThreadPoolExecutor(1) as pool:
        late = pool.submit(marketo.update, {"id": 318581, "city": "Bergen"})
        while not control.state()["faults"][0]["holding"]:
            pass
        control.reset()
        with pytest.raises(requests.ConnectionError):
            late.result()
    lead = control.state(ids="318581")["leads"]["318581"]
    assert lead.get("city") != "Bergen"


def test_an_email_path_and_method_narrow_a_fault(control: Any, sixsense: Any) -> None:
    control.fault(
        system="sixsense", kind="status", status=500, times="forever",
        match={"email": JANE.upper()}, path="/v2/people/full", method="POST",
    )  # fmt: skip
    assert sixsense.full("other@acme.example").ok
    assert sixsense.score(JANE).ok
    assert [sixsense.full(JANE).status_code for _ in range(2)] == [500, 500]


def test_times_and_after_count(control: Any, sixsense: Any) -> None:
    control.fault(system="sixsense", kind="status", status=500, times=2, after=1)
    statuses = [sixsense.score(JANE).status_code for _ in range(5)]
    assert statuses == [200, 500, 500, 200, 200]
    (fault,) = control.send("GET", "/faults")["faults"]
    assert (fault["used"], fault["left"]) == (2, 0)


def test_a_share_of_calls_is_the_same_share_every_time(
    control: Any, sixsense: Any
) -> None:
    runs = []
    for _ in range(2):
        control.reset(sixsense={"rate_calls": 0})
        control.fault(
            system="sixsense", kind="status", status=500, times="forever",
            match={"percent": 30, "seed": 7},
        )  # fmt: skip
        runs.append([sixsense.score(JANE).status_code for _ in range(60)])
    assert runs[0] == runs[1]
    assert 8 <= runs[0].count(500) <= 28


def test_calls_refused_by_a_real_limit_use_no_fault_up(
    control: Any, sixsense: Any
) -> None:
    control.fault(system="sixsense", kind="status", status=500)
    assert sixsense.full(JANE, token="bad").status_code == 401
    assert sixsense.full(JANE).status_code == 500


def test_cleared_faults_are_gone(control: Any, sixsense: Any) -> None:
    control.fault(system="sixsense", kind="status", status=500, times="forever")
    control.send("DELETE", "/faults")
    assert sixsense.full(JANE).ok


@pytest.mark.parametrize(
    ("fault", "problem"),
    [
        ({"system": "sixsens", "kind": "html"},
         "faults[0]: system must be one of sixsense, marketo, hubspot, not 'sixsens'"),
        ({"system": "marketo", "kind": "latencyy", "ms": 1},
         "faults[0]: 'latencyy' is no kind of fault; did you mean 'latency'?"),
        ({"system": "marketo", "kind": "latency"}, "faults[0]: ms is missing"),
        ({"system": "marketo", "kind": "code", "code": 606},
         "faults[0]: code must be a code in quotes, such as \"606\", not 606"),
        ({"system": "sixsense", "kind": "code", "code": "606"},
         "faults[0]: kind 'code' exists for marketo only"),
        ({"system": "marketo", "kind": "html", "operation": "sync_lead"},
         "faults[0]: 'sync_lead' is no operation of marketo; "
         "did you mean 'sync_leads'?"),
        ({"system": "marketo", "kind": "html", "times": 0},
         'faults[0]: times must be a whole number above 0, or "forever"'),
        ({"system": "marketo", "kind": "html", "match": {"mail": "x"}},
         "faults[0]: 'mail' is no key of match; did you mean 'email'?"),
        ({"system": "marketo", "kind": "html", "match": {"percent": 0}},
         "faults[0]: percent must be a number above 0, up to 100, not 0"),
        ({"system": "marketo", "kind": "hold", "hold_s": 601},
         "faults[0]: hold_s must be seconds above 0, up to 600, not 601"),
        ({"system": "marketo", "kind": "html", "colour": 1},
         "faults[0]: 'colour' is no key of kind 'html'; known: status, after_work"),
        ("html", "faults[0]: must be an object"),
    ],
)  # fmt: skip
def test_a_bad_script_is_refused_in_words(
    control: Any, fault: Any, problem: str
) -> None:
    answer = control.send("POST", "/faults", [fault], expect=400)
    assert problem in answer["problems"]
    assert control.send("GET", "/faults")["faults"] == []


def test_all_problems_of_a_script_are_named_at_once(control: Any) -> None:
    script = [{"system": "x", "kind": "y"}, {"system": "marketo", "kind": "status"}]
    answer = control.send("POST", "/faults", script, expect=400)
    assert len(answer["problems"]) == 3
    assert control.send("POST", "/faults", {}, expect=400)["problems"] == [
        "faults must be a list with at least one fault"
    ]
