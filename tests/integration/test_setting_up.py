"""`setup --create-fields` and `send`, against the shared installation."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.integration.conftest import UNLIMITED, all_mappings
from tests.stack import SECRET, Stack, email_of, values_of

Run = Callable[..., tuple[int, str, str]]

MAPPING = """\
mapping: 1
source: marketo
object: lead
match: {by: id, from: lead.id}
outcome: {result: sxResult, at: sxCheckedAt}
lookups: {sixsense: {api: lead-scoring, send: {email: lead.email}}}
fields:
  sixsenseIntent: {from: lead.a, as: integer}
  sxIntent: {from: "sixsense.scores[product=Platform].company_intent_score"}
  sxHot: {from: lead.a, as: boolean, write: always}
  sxStage: {from: lead.b}
"""
LONG = "  sxSegments: {from: lead.c, max: 2000, cut: words}\n"


@pytest.fixture(autouse=True)
def installed(box: Stack, monkeypatch: pytest.MonkeyPatch) -> None:
    """Commands in this process are about that installation."""
    for name, value in box.environ.items():
        if name not in ("PATH", "HOME"):
            monkeypatch.setenv(name, value)


@pytest.fixture
def folder(tmp_path: Path, installed: None, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Mapping files that write fields which the account does not have yet."""
    monkeypatch.setenv("MAPPINGS_DIR", str(tmp_path))
    (tmp_path / "one.yaml").write_text(MAPPING)
    return tmp_path


def created(box: Stack) -> int:
    """Calls that made fields."""
    return int(box.state()["marketo"]["operations"].get("create_fields", 0))


def counted(box: Stack) -> int:
    """Calls of the account that the ledger has counted."""
    (row,) = box.query("select sum(calls) as n from source_calls")
    return int(row.n or 0)


def test_fields_are_planned_made_and_known_from_then_on(
    box: Stack, folder: Path, run: Run
) -> None:
    argv, before = ("setup", "marketo", "--create-fields"), counted(box)
    code, said, _ = run(*argv)
    assert code == 1
    lines = [" ".join(line.split()) for line in said.splitlines()]
    assert lines[0] == "marketo lacks 5 fields of lead:"
    assert "sxIntent Sx Intent integer one" in lines
    assert "sxHot Sx Hot boolean one" in lines
    assert "sxCheckedAt Sx Checked At datetime one" in lines
    assert lines[-1].startswith("Nothing was made: --go does it.")
    assert created(box) == 0
    code, said, _ = run(*argv, "--go")
    assert (code, created(box)) == (0, 1)
    assert "5 fields made. Now: leadbridge schema pull marketo" in said
    assert run(*argv) == (0, "marketo has every field of lead that is written.\n", "")
    # Among the service's own calls: the schema thrice, by two each, and the making.
    assert counted(box) - before == 7
    assert run("schema", "pull", "marketo")[0] == 0
    assert run("check", "--no-tests")[0] == 0


def test_what_cannot_be_made_is_told_and_the_rest_is_made(
    box: Stack, folder: Path, run: Run
) -> None:
    (folder / "one.yaml").write_text(MAPPING + LONG)
    code, said, _ = run("setup", "marketo", "--create-fields", "--go", "--json")
    assert code == 1
    rows = {one["name"]: one for one in json.loads(said)["fields"]}
    assert rows["sxIntent"]["is_made"]
    assert not rows["sxSegments"]["is_made"]
    assert "Text Area" in rows["sxSegments"]["note"]


def test_a_refusal_of_all_is_traced_to_the_field_to_blame(
    box: Stack, folder: Path, run: Run
) -> None:
    # The whole call, then the half with the one to blame, down to it alone.
    refused = {"system": "marketo", "kind": "code", "code": "1003"}
    where = {"operation": "create_fields"}
    box.faults({**refused, **where, "times": 4})
    code, said, _ = run("setup", "marketo", "--create-fields", "--go", "--json")
    rows = {one["name"]: one for one in json.loads(said)["fields"]}
    assert code == 1
    assert [name for name, one in rows.items() if not one["is_made"]] == [
        "sxIntent",
        "sxHot",
    ]
    assert "1003" in rows["sxIntent"]["error"]


def test_a_user_that_may_not_make_fields_is_told_which_permission_it_needs(
    box: Stack, folder: Path, run: Run
) -> None:
    denied = {**UNLIMITED["marketo"], "denied": ["create_fields"]}
    box.sandbox("reset", {"seed_demo": False, "marketo": denied})
    code, _, complaint = run("setup", "marketo", "--create-fields", "--go")
    assert code == 1
    assert "Read-Write Schema Custom Field" in complaint


def test_a_test_event_in_each_encoding_becomes_a_run(box: Stack, run: Run) -> None:
    (lead_id,) = box.seed(1)
    values = [f"id={lead_id}", f"email={email_of(lead_id)}", 'company=J & "JJ" Sons']
    argv = ("send", "marketo", "marketo", *values, "--url", box.web_url)
    code, said, told = run(*argv, "--encoding", "all", "--go")
    assert code == 0, said
    assert SECRET not in said + told
    rows = box.query("select id, state, lead from runs order by id")
    assert [row.state for row in rows] == ["written", "kept", "kept"]
    for row in rows:
        assert f"Run {row.id} of marketo: {row.state}" in said
        assert row.lead["company"] == 'J & "JJ" Sons'
        assert row.lead["email"] == email_of(lead_id)
    assert said.count("HTTP 200 Accepted") == 3
    box.assert_right([lead_id])


def test_a_test_event_that_is_refused_says_so(
    box: Stack, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    argv = ("send", "marketo", "marketo", "id=none", "--url", box.web_url, "--go")
    code, said, _ = run(*argv)
    assert code == 1
    assert "HTTP 400 Refused" in said
    assert "It became no run" in said
    monkeypatch.setenv("MARKETO_WEBHOOK_SECRET", "another-secret")
    code, said, _ = run(*argv)
    assert (code, "HTTP 401" in said) == (1, True)


def test_an_answer_with_values_is_shown(box: Stack, run: Run) -> None:
    (lead_id,) = box.seed(1)
    values = [f"id={lead_id}", f"email={email_of(lead_id)}"]
    argv = ("send", "marketo-three", "three-reply", *values, "--url", box.web_url)
    code, said, _ = run(*argv, "--go")
    assert code == 0
    assert "HTTP 200 Matched" in said
    assert '"sixsenseIntent"' in said
    assert f"Run {box.run_of(lead_id).id} of three-reply: replied" in said


def test_a_webhook_set_up_as_told_fills_the_fields_by_its_answer(
    box: Stack, run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MAPPINGS_DIR", str(all_mappings(tmp_path / "mappings")))
    monkeypatch.setenv("PUBLIC_URL", box.web_url)
    assert run("schema", "pull", "marketo-three")[0] == 0
    code, said, _ = run("setup", "marketo-three", "three-reply", "--json")
    assert code == 0
    parts = [p for s in json.loads(said)["sections"] for p in s["parts"]]
    tables = {p["title"]: dict(p["rows"]) for p in parts if p["kind"] == "table"}
    (block,) = (part["text"] for part in parts if part["kind"] == "block")
    form = next(rows for title, rows in tables.items() if "New Webhook" in title)
    headers = next(rows for title, rows in tables.items() if "Custom Header" in title)
    (lead_id,) = box.seed(1)
    webhook = {
        "url": form["URL"],
        "verb": form["Request Type"],
        "encoding": form["Request Token Encoding"],
        "response_type": form["Response type"],
        "template": block,
        "headers": {**headers, "X-Leadbridge-Secret": SECRET},
        "mappings": tables["Response Mappings"],
    }
    sent = box.sandbox("marketo/call-webhook", {"webhook": webhook, "ids": [lead_id]})
    assert sent["sent"][0]["reason"] == "Matched", sent
    expected = values_of(email_of(lead_id))
    names = ("sixsenseIntent", "sixsenseEmployees", "sixsenseResult")
    lead = box.leads([lead_id])[lead_id]
    assert {n: lead[n] for n in names} == {n: expected[n] for n in names}
    assert box.state()["marketo"]["operations"].get("sync_leads", 0) == 0
