"""What people and monitors see: health, metrics, `leadbridge runs`."""

from __future__ import annotations

import json

import requests

from tests.stack import TOKEN, Stack, email_of, until, values_of


def get(box: Stack, path: str, **headers: str) -> requests.Response:
    return requests.get(box.web_url + path, headers=headers, timeout=10)


def test_healthz_says_that_the_process_lives(box: Stack) -> None:
    answer = get(box, "/healthz")
    assert answer.status_code == 200
    assert answer.json()["status"] == "ok"


def test_readyz_tells_workers_waits_and_pauses(box: Stack) -> None:
    ready = get(box, "/readyz").json()
    assert (ready["status"], ready["waiting"], ready["pauses"]) == ("ready", 0, 0)
    assert ready["workers"] == 1
    box.pause("source", "marketo")
    box.post_lead(1)
    answer = get(box, "/readyz")
    ready = answer.json()
    assert ready["waiting"] == 1
    assert ready["oldest_waiting_s"] >= 0
    # Names of sources are for who has the token.
    assert ready["pauses"] == 1
    assert "marketo" not in answer.text
    told = get(box, "/readyz", Authorization="Bearer a-token-for-metrics").json()
    assert [one["scope"] for one in told["pauses"]] == ["marketo"]


def test_readyz_says_what_is_missing(box: Stack) -> None:
    box.query("update alembic_version set version_num = '9' || version_num")
    try:
        answer = get(box, "/readyz")
        assert answer.status_code == 503
        assert "revision" in answer.json()["problem"]
    finally:
        box.query("update alembic_version set version_num = substr(version_num, 2)")
    assert get(box, "/readyz").status_code == 200


def test_metrics_are_for_who_has_the_token(box: Stack) -> None:
    (lead_id,) = box.seed(1)
    box.post_lead(lead_id)
    assert box.await_final(1) == {"written": 1}
    for given in ("", "Bearer ", "Bearer wrong", "a-token-for-metrics"):
        assert get(box, "/metrics", Authorization=given).status_code == 401
    answer = get(box, "/metrics", Authorization="Bearer a-token-for-metrics")
    assert answer.status_code == 200
    assert answer.headers["Content-Type"].startswith("text/plain")
    lines = answer.text.splitlines()
    assert 'leadbridge_runs{source="marketo",state="written"} 1.0' in lines
    assert "leadbridge_workers 1.0" in lines
    assert "leadbridge_pauses 0.0" in lines
    assert email_of(lead_id) not in answer.text


def test_runs_lists_the_newest_first_and_filters(box: Stack) -> None:
    assert "No runs yet" in box.command("runs")
    first, second = box.seed(2)
    box.post_lead(first)
    box.post_lead(second, unsubscribed=True)
    box.await_final(2)
    said = box.command("runs")
    assert said.index(str(second)) < said.index(str(first))
    assert "lead.unsubscribed" in said
    assert str(first) not in box.command("runs", "--state", "skipped")
    assert "No run fits." in box.command("runs", "--source", "hubspot")
    rows = [json.loads(line) for line in box.command("runs", "--json").splitlines()]
    assert [row["lead_id"] for row in rows] == [str(second), str(first)]
    assert [row["state"] for row in rows] == ["skipped", "written"]
    (row,) = box.command("runs", "--json", "--lead", str(first)).splitlines()
    assert json.loads(row)["result"] == "matched"


def test_runs_show_tells_a_leads_whole_story(box: Stack) -> None:
    (lead_id,) = box.seed(1, sixsenseEmployees=40)
    box.faults({"system": "sixsense", "kind": "status", "status": 500})
    box.post_lead(lead_id)
    until(lambda: box.query("select 1 from attempts") != [], "the first try")
    box.let_waits_end()
    assert box.await_final(1) == {"written": 1}
    run, new = box.run_of(lead_id), values_of(email_of(lead_id))
    said = box.command("runs", "show", str(run.id))
    for part in (
        "RemoteFault 500",
        "→ matched, 1 credit (estimated)",
        "sent in a batch of 1",
        "edited-by-someone",
        str(new["sixsenseIntent"]),
        "written",
    ):
        assert part in said, part
    story = json.loads(box.command("runs", "show", str(run.id), "--json"))
    assert story["run"]["state"] == "written"
    assert [one["result"] for one in story["lookups"]] == ["matched"]
    assert [one["cause"] for one in story["attempts"]] == ["RemoteFault 500"]
    kept = [one for one in story["run"]["decisions"] if not one["write"]]
    assert "edited-by-someone" in [one["reason"] for one in kept]
    assert story["updates"][0]["values"]["sixsenseIntent"] == {
        "value": new["sixsenseIntent"],
        "before": None,
    }
    assert "There is no run 0" in box.command("runs", "show", "0", exit_code=1)


def test_no_process_ever_prints_a_secret_a_token_or_an_address(box: Stack) -> None:
    # All the places where one could slip out, on top of what the other tests did.
    first, second, third = box.seed(3, comments="a-very-private-comment")
    box.post(b'{"id": 1, "email": "half@private.exa')
    box.post(b"id=1&note=A & B&email=form@private.example")
    box.post(
        {"id": "x", "email": "odd@private.example"}, path=f"/webhooks/marketo/{TOKEN}"
    )
    box.post_lead(first, **{"X-Leadbridge-Secret": "a-wrong-secret-of-somebody"})
    value = f"of p{second}@c{second}.example"
    echo = f"Email {email_of(first)} is blocked for token {TOKEN}"
    box.faults(
        {
            "system": "sixsense",
            "kind": "status",
            "status": 400,
            "body": {"status": "error", "message": echo},
            "match": {"email": email_of(first)},
        },
        {
            "system": "marketo",
            "operation": "sync_leads",
            "kind": "record",
            "code": "1003",
            "field": "sixsenseDomain",
            "message": f"Invalid value for field 'sixsenseDomain' and value '{value}'",
            "match": {"id": second},
        },
        {"system": "marketo", "operation": "sync_leads", "kind": "html"},
    )
    for lead_id in (first, second, third):
        box.post_lead(lead_id)
    until(lambda: box.query("select 1 from attempts") != [], "the page")
    box.let_waits_end()
    box.await_final(3)
    # Neither does the ledger keep one where people read why.
    why = [tuple(row) for row in box.query("select reason, error from runs")]
    why += [tuple(row) for row in box.query("select cause, message from attempts")]
    assert "is blocked for token" in str(why)
    for private in (TOKEN, "@"):
        assert private not in str(why)
    box.command("runs", "show", str(box.run_of(first).id))
    said = "\n".join(process.say() for process in box.processes)
    assert "webhook unreadable" in said
    assert "batch failed" in said
    for secret in (
        box.environ["MARKETO_WEBHOOK_SECRET"].split(",")[0],
        box.environ["MARKETO_WEBHOOK_SECRET"].split(",")[1],
        box.environ["MARKETO_CLIENT_SECRET"],
        box.environ["METRICS_TOKEN"],
        TOKEN,
        "a-wrong-secret-of-somebody",
        "a-very-private-comment",
        ":sj",
        "@",
        "Traceback",
    ):
        assert secret not in said, next(
            line for line in said.splitlines() if secret in line
        )


def test_check_live_tells_what_the_last_events_did_not_bring(box: Stack) -> None:
    (first, second) = box.seed(2)
    box.post_lead(first, country="Norway", company="", website=None, title="CTO")
    box.await_final(1)
    names = {"firstName": "Zoe", "lastName": "Ada"}
    box.post_lead(second, **names)
    box.await_final(2)
    said = json.loads(box.command("check", "--live", "marketo", "--json"))
    told = [one["message"] for one in said if one["code"] == "W211"]
    assert told == [
        "the last 2 events had no lead.unsubscribed, which skip_when reads"
    ]
    away = {"DATABASE_URL": "postgresql+psycopg://nobody@127.0.0.1:1/none"}
    said = box.command("check", "--live", "marketo", **away)
    assert "The last events were not looked at: the database does not answer" in said
    assert "W211" not in said
