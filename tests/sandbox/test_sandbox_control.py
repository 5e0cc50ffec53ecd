"""Reset, options, seeds and what the state shows."""

from __future__ import annotations

from typing import Any

import pytest


def test_the_root_lists_all_endpoints(control: Any) -> None:
    endpoints = control.send("GET", "/")["endpoints"]
    assert "POST /_sandbox/reset" in endpoints
    assert control.send("GET", "/health") == {"status": "ok"}


def test_reset_forgets_everything(control: Any, marketo: Any, sixsense: Any) -> None:
    marketo.sync({"email": "n@acme.example"})
    sixsense.full("a@acme.example")
    control.config(sixsense={"names": "table"}, clock={"offset_s": 5000})
    control.fault(system="sixsense", kind="status", status=500)
    control.reset()
    state = control.state(ids="all")
    assert state["calls"] == 0
    assert state["faults"] == []
    assert state["sixsense"]["tokens"] == {}
    assert sorted(state["leads"]) == ["318581", "318582", "318583", "318584", "318585"]
    config = control.send("GET", "/config")
    assert config["sixsense"]["names"] == "sample"
    assert config["clock"]["offset_s"] == 0
    assert marketo.get("lead/318581.json")["errors"][0]["code"] == "601"


def test_reset_takes_options_and_seeds(control: Any) -> None:
    answer = control.reset(
        seed_demo=False,
        leads=[{"id": 7, "email": "a@acme.example", "company": "Acme",
                "createdAt": "2026-01-01T00:00:00Z", "sixsenseIntent": "5"}],
        marketo={"daily_quota": 10},
        sixsense={"credits": 3},
    )  # fmt: skip
    assert answer == {"status": "reset", "leads": 1}
    lead = control.state(ids="7")["leads"]["7"]
    assert lead["createdAt"] == "2026-01-01T00:00:00Z"
    assert lead["sixsenseIntent"] == 5
    assert control.state()["marketo"]["quota_left"] == 10


@pytest.mark.parametrize(
    ("config", "problem"),
    [
        ({"marketo": {"daily_quta": 1}},
         "'daily_quta' is no option of marketo; did you mean 'daily_quota'?"),
        ({"marketo": {"daily_quota": "1"}},
         "marketo.daily_quota must be a whole number, 0 or more, not '1'"),
        ({"sixsense": {"names": "samples"}},
         "sixsense.names must be 'sample' or 'table', not 'samples'"),
        ({"sixsense": {"latency_ms": [5, 1]}},
         "sixsense.latency_ms must be milliseconds, or [low, high], not [5, 1]"),
        ({"sixsense": {"tokens": {"t": {"apis": ["scores"]}}}},
         "sixsense.tokens must be tokens whose apis are 6sense's names; "
         "['scores'] are not, not {'t': {'apis': ['scores']}}"),
        ({"sixsense": 5}, "sixsense must be an object of options"),
        ({"clock": {"speed": 2}},
         "'speed' is no clock key; known: offset_s, advance_s"),
        ({"salesforce": {}},
         "'salesforce' is no part; known: sixsense, marketo, hubspot, clock"),
        ({"leads": [{"id": 318581}]},
         "leads[0]: id 318581 is taken, or no whole number"),
        ({"leads": [{"emial": "x"}]},
         "leads[0]: 'emial' is no field; did you mean 'email'?"),
        ({"leads": [{"email": "bad"}]},
         "leads[0]: Invalid value for field 'email' and value 'bad'"),
        ({"seed_demo": 1}, "seed_demo must be true or false"),
    ],
)  # fmt: skip
def test_a_bad_configuration_is_refused_and_changes_nothing(
    control: Any, config: Any, problem: str
) -> None:
    control.config(marketo={"daily_quota": 77}, sixsense={"credits": 5})
    answer = control.send("POST", "/reset", config, expect=400)
    assert answer["problems"] == [problem]
    config = control.send("GET", "/config")
    assert config["marketo"]["daily_quota"] == 77
    assert config["sixsense"]["credits"] == 5


def test_all_problems_are_named_at_once(control: Any) -> None:
    config = {"marketo": {"a": 1, "rate_calls": -1}, "sixsense": {"b": 1}, "c": {}}
    answer = control.send("POST", "/config", config, expect=400)
    assert len(answer["problems"]) == 4


def test_a_body_that_is_no_json_is_refused(control: Any) -> None:
    url = f"{control.url}/_sandbox/config"
    answer = control.session.post(url, data="{")
    assert answer.status_code == 400
    assert answer.json()["problems"][0].startswith("the body is not JSON")
    assert control.session.post(url).json()["problems"] == ["a JSON body is missing"]
    answer = control.session.get(f"{control.url}/_sandbox/nothing")
    assert answer.status_code == 404
    assert control.session.put(url).status_code == 405


def test_leads_are_made_in_bulk(control: Any) -> None:
    like = {"email": "p{n}@c{n}.example", "lastName": "P{n}", "leadScore": 3}
    made = control.send("POST", "/leads", {"count": 3, "like": like, "first_id": 2001})[
        "ids"
    ]
    assert made == [2001, 2002, 2003]
    leads = control.state(ids="2002,2003")["leads"]
    assert leads["2003"]["email"] == "p3@c3.example"
    assert leads["2002"]["mktoName"] == "P2"
    more = control.send("POST", "/leads", {"leads": [{"email": "x@acme.example"}]})
    assert more["ids"][0] >= 500_001


@pytest.mark.parametrize(
    "body",
    [[], {"count": 2}, {"count": -1, "like": {}}, {"cuont": 2, "like": {}},
     {"leads": {}}, {"count": 1, "like": {}, "first_id": "a"}],
)  # fmt: skip
def test_bad_bulk_leads_are_refused(control: Any, body: Any) -> None:
    assert control.send("POST", "/leads", body, expect=400)["problems"]


def test_the_journal_keeps_calls_without_secrets(
    control: Any, marketo: Any, sixsense: Any
) -> None:
    sixsense.full("a@acme.example", title="CFO")
    token = marketo.token()
    marketo.update({"id": 318581, "sixsenseIntent": 5})
    state = control.state(calls=3)
    asked, identity, synced = state["last_calls"]
    assert asked["operation"] == "lead_scoring_firmographics_v2"
    assert asked["request"] == {"email": "a@acme.example", "title": "CFO"}
    assert identity["operation"] == "token"
    assert "client_secret" not in identity["request"]
    assert synced["operation"] == "sync_leads"
    assert synced["request"]["input"] == [{"id": 318581, "sixsenseIntent": 5}]
    assert synced["subjects"] == ["318581"]
    text = str(state) + str(control.send("GET", "/config"))
    assert token not in text
    assert "sandbox-secret" not in text
    assert state["marketo"]["operations"] == {"token": 1, "sync_leads": 1}
    assert control.state(calls=0)["last_calls"] == []
    answer = control.session.get(f"{control.url}/_sandbox/state?calls=x")
    assert answer.status_code == 400
