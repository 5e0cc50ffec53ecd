"""`leadbridge doctor`: what it says of an installation, each kind of finding once."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from tests.integration.conftest import UNLIMITED
from tests.stack import TOKEN, Stack, until

#: One file with a field that Marketo lacks, one that it computes, and an old product.
MAPPING = """
mapping: 1
source: marketo
object: lead
match: {by: id, from: lead.id}
lookups:
  sixsense: {api: lead-scoring, send: {email: lead.email}}
  account: {api: company-firmographics, send: {email: lead.email}}
  person: {api: people-enrichment, send: {email: lead.email}}
fields:
  sixsenseNope: {from: account.company.name}
  createdAt: {from: person.person.full_name}
  sixsenseIntent: {from: "sixsense.scores[product=Platform].company_intent_score"}
"""


class Report:
    """What the doctor said, by check; several findings of a check are one text."""

    def __init__(self, said: str) -> None:
        self.rows = json.loads(said[said.index("[\n") :])

    def of(self, check: str) -> tuple[str, str]:
        rows = [one for one in self.rows if one["check"] == check]
        assert rows, f"no check {check} among {[one['check'] for one in self.rows]}"
        states = sorted({one["state"] for one in rows})
        return " ".join(states), " ".join(f"{one['what']} {one['fix']}" for one in rows)

    def others(self) -> set[str]:
        return {one["check"] for one in self.rows if one["state"] != "ok"}


def examine(
    box: Stack, *arguments: str, exit_code: int = 0, **environ: str
) -> Report:
    said = box.command("doctor", "--json", *arguments, exit_code=exit_code, **environ)
    assert TOKEN not in said
    assert box.environ["MARKETO_CLIENT_SECRET"] not in said
    return Report(said)


def alone(folder: Path) -> dict[str, str]:
    folder.mkdir()
    (folder / "marketo.yaml").write_text(MAPPING)
    return {"MAPPINGS_DIR": str(folder)}


def test_a_sound_installation_has_no_problem_and_costs_nothing(box: Stack) -> None:
    (lead_id,) = box.seed(1)
    assert box.post_lead(lead_id).ok
    assert box.await_final(1) == {"written": 1}
    before = box.state()["marketo"]
    said = examine(box, RECONCILE_EVERY_S="300")
    assert said.of("mapping files") == ("ok", "9 files of 6 sources load ")
    assert said.of("marketo webhooks")[0] == "ok"
    assert "84 fields" in said.of("marketo fields")[1]
    # Nothing came from the others; and this installation searches nobody.
    for name in ("two", "three", "four", "five"):
        assert said.of(f"marketo-{name} webhooks")[0] == "warning"
    waits = {c for c in said.others() if c.endswith((" webhooks", " last search"))}
    # One answer proves nothing, and of the other tokens there is none.
    assert said.others() == {*waits, "6sense products", "hubspot source"}
    # Nothing is set for it: it is off, and no problem.
    assert said.of("hubspot source")[0] == "untested"
    assert "HUBSPOT_ACCESS_TOKEN" in said.of("hubspot source")[1]
    state, names = said.of("6sense products")
    assert (state, names.count("is kept yet")) == ("ok untested", 2)
    matched = "lead-scoring-and-firmographics: 1 of 1 answers in 30 days (100 %) "
    assert said.of("6sense matches") == ("ok", matched)
    # Each token on each API that is asked under it.
    assert said.of("6sense default")[1].count(" works, ") == 5
    assert said.of("6sense marketo-five")[1].count(" works, ") == 1
    world = box.state()
    tokens = world["sixsense"]["tokens"].values()
    assert sum(one["credits_used"] for one in tokens) == 1
    assert sum(one["identification_credits_used"] for one in tokens) == 0
    for count in ("leads", "activities"):
        assert world["marketo"][count] == before[count]
    calls = {row.source: row.calls for row in box.query("select * from source_calls")}
    assert calls["marketo-five"] >= 4


def test_what_a_system_forbids_is_named_with_its_fix(
    box: Stack, tmp_path: Path
) -> None:
    for operation in ("paging_token", "sync_leads"):
        box.fault("marketo", "code", code="603", operation=operation)
    may = {"apis": ["lead-scoring", "people-enrichment"], "credits": 0}
    box.sandbox(
        "config", {"sixsense": {"accept_any_token": False, "tokens": {TOKEN: may}}}
    )
    said = examine(
        box, exit_code=1,
        SIXSENSE_TOKEN_MARKETO_FIVE="",
        SIXSENSE_TOKEN_PEOPLE_SEARCH="9" * 39,
        **alone(tmp_path / "mappings"),
    )  # fmt: skip
    state, words = said.of("marketo fields")
    assert state == "problem"
    assert "sixsenseNope" in words
    assert "createdAt" in words
    state, words = said.of("marketo search")
    assert state == "problem"
    assert "Read-Only Activity" in words
    state, words = said.of("marketo writing")
    assert (state, "Read-Write Person" in words) == ("problem", True)
    state, words = said.of("6sense default")
    assert state == "ok problem"
    assert "lead-scoring works" in words
    assert "company-firmographics: 6sense answered 403" in words
    assert "people-enrichment: 6sense answered 402" in words
    assert "Credits (enrichment) are topped up" in words
    state, words = said.of("6sense people-search")
    assert state == "problem warning"
    assert "not of 40 letters and digits" in words
    assert "The token is wrong" in words
    assert "SIXSENSE_TOKEN_PEOPLE_SEARCH" in words


def test_settings_that_are_missing_leave_the_rest_to_be_looked_at(box: Stack) -> None:
    said = examine(
        box, "--source", "marketo", "--source", "marketo-two", exit_code=1,
        MARKETO_TWO_CLIENT_SECRET="", MARKETO_CLIENT_ID="nobody", LOG_LEVEL="ERROR",
    )  # fmt: skip
    state, words = said.of("settings")
    assert (state, "MARKETO_TWO_CLIENT_SECRET" in words) == ("problem", True)
    assert said.of("marketo-two source")[0] == "untested"
    state, words = said.of("marketo fields")
    assert state == "problem"
    assert "MARKETO_CLIENT_ID and MARKETO_CLIENT_SECRET" in words
    assert not {one["check"] for one in said.rows if "marketo-three" in one["check"]}
    assert said.of("6sense default")[0] == "ok"


def test_the_ledger_is_read_without_a_call(box: Stack) -> None:
    box.pause("source", "marketo")
    assert box.post(b"no JSON at all").status_code == 400
    box.post_lead(1)
    until(lambda: box.counts() == {"enriched": 1}, "a run that waits for its source")
    calls = box.state()["calls"]
    said = examine(
        box, "--no-calls", exit_code=1, MARKETO_QUOTA="0", TELL_WAITING_AFTER_S="0.001"
    )
    assert box.state()["calls"] == calls
    assert said.of("marketo calls")[0] == "problem"
    assert said.of("pauses")[0] == "problem"
    assert "leadbridge resume source marketo" in said.of("pauses")[1]
    assert said.of("waiting")[0] == "warning"
    assert "marketo: 1 could not be read" in said.of("webhook bodies")[1]
    key = "the-key-of-another-installation"
    said = examine(box, "--no-calls", exit_code=1, PERSON_KEY=key)
    assert said.of("PERSON_KEY")[0] == "ok problem"
    assert "no mapping file names the source" in box.command(
        "doctor", "--source", "marketo-tow", "--no-calls", exit_code=2
    )


def test_without_a_database_the_others_are_looked_at(
    box: Stack, tmp_path: Path
) -> None:
    away = "postgresql://nobody@127.0.0.1:1/nothing"
    said = examine(box, "--source", "marketo", exit_code=1, DATABASE_URL=away)
    assert said.of("database")[0] == "problem"
    assert said.of("marketo fields")[0] == "ok"
    assert said.of("6sense default")[0] == "ok"
    nowhere = {"DATABASE_URL": "", "DATA_DIR": str(tmp_path / "data")}
    said = examine(box, "--no-calls", **nowhere)
    assert said.of("database")[0] == "untested"
    assert not (tmp_path / "data").exists()


def test_a_product_that_was_renamed_is_noticed(box: Stack) -> None:
    options: dict[str, Any] = {**UNLIMITED}
    options["sixsense"] = {**options["sixsense"], "products": ["Platform 2026", "Data"]}
    box.clear(**options)
    ids = box.seed(5)
    assert len(box.post_leads(ids)) == 5
    box.await_final(5)
    box.query("delete from installation where name like 'turn:product%'")

    def told() -> list[dict[str, Any]]:
        return [
            one
            for one in box.logged("product in no answer any more")
            if one["answers_have"] == ["Data", "Platform 2026"]
        ]

    until(lambda: bool(told()), "an error about the product")
    (line,) = told()
    assert (line["level"], line["product"]) == ("error", "Platform")
    assert line["mappings"] == ["marketo", "three-reply", "two-scores"]
    # An hour later: told once a day all the same.
    box.query("delete from installation where name = 'turn:products'")
    turn = "select count(*) as n from installation where name = 'turn:products'"
    until(lambda: box.query(turn)[0].n == 1, "the next comparison")
    assert len(told()) == 1
    said = examine(box, "--no-calls", "--source", "marketo")
    state, words = said.of("6sense products")
    assert "warning" in state
    assert "'Platform' is in none of the last 5 answers" in words
    assert "Did you mean Platform 2026?" in words
