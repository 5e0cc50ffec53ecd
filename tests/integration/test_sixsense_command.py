"""`leadbridge sixsense`: asked by hand, against the sandbox over HTTP."""

from __future__ import annotations

import csv
import io
import json
import os
import pty
import subprocess
import sys
from collections.abc import Iterator
from typing import Any

import pytest

from app.cli import main
from sandbox import contacts, people
from sandbox.server import Sandbox
from tests.stack import ROOT, Stack

TOKEN = "c3" * 20


@pytest.fixture(scope="module")
def running() -> Iterator[Sandbox]:
    with Sandbox() as found:
        yield found


@pytest.fixture
def world(running: Sandbox, monkeypatch: pytest.MonkeyPatch, tmp_path: Any) -> Any:
    """A fresh sandbox, and an environment without a database that asks it."""
    running.world.reset({})
    for name in list(os.environ):
        if name.startswith(("SIXSENSE_", "DATABASE_")):
            monkeypatch.delenv(name)
    monkeypatch.setenv("SIXSENSE_URL", running.url)
    monkeypatch.setenv("SIXSENSE_TOKEN", TOKEN)
    monkeypatch.setenv("DATA_DIR", str(tmp_path))
    return running.world


@pytest.fixture
def asked(world: Any, capsys: pytest.CaptureFixture[str]) -> Any:
    """Runs a command in this process; its output, its words, and its exit code."""

    def run(*arguments: str) -> tuple[str, str, int]:
        code = main(["sixsense", *arguments])
        said = capsys.readouterr()
        assert TOKEN not in said.out + said.err
        return said.out, said.err, code

    return run


def paths(text: str) -> dict[str, str]:
    return {row["path"]: row["value"] for row in csv.DictReader(io.StringIO(text))}


def test_scores_are_free_and_shown_by_their_paths(asked: Any, world: Any) -> None:
    out, err, code = asked("lead-scoring", "jane.doe@acme.example")
    assert code == 0
    assert err.startswith("lead-scoring v2: matched, 0 credits (estimated)")
    (line,) = (one for one in out.splitlines() if "Platform].company_intent" in one)
    assert line.split()[-1] == "81"
    out, _, _ = asked("lead-scoring", "jane.doe@acme.example", "--json")
    found = json.loads(out)
    assert (found["result"], found["credits_estimated"]) == ("matched", 0)
    assert [one["product"] for one in found["data"]["scores"]] == [
        "Platform",
        "Data Cloud",
    ]


@pytest.mark.parametrize(
    ("arguments", "path", "value"),
    [
        (["lead-scoring-and-firmographics", "jo@acme.example", "--title", "CFO"],
         "company.title_level", "C-level"),
        (["company-firmographics", "jo@globex.example"], "company.phone",
         "'+49 89 5550100"),
        (["company-firmographics", "https://globex.example/about"], "company.name",
         "Globex"),
        (["company-firmographics", "jo@gmail.com", "--domain", "acme.example"],
         "company.name", "Acme"),
        (["company-firmographics-v2", "jo@acme.example"], "company.name", "Acme"),
        (["people-enrichment", "jane.doe@acme.example"], "person.full_name",
         "Jane Doe"),
        (["people-enrichment",
          "https://www.linkedin.example/in/jane.doe-at-acme.example"],
         "person.email", "jane.doe@acme.example"),
        (["company-identification", "192.0.2.7"], "company.company_match", "Match"),
    ],
)  # fmt: skip
def test_a_product_that_costs_says_so_first(
    asked: Any, world: Any, arguments: list[str], path: str, value: str
) -> None:
    out, err, code = asked(*arguments, "--csv")
    assert (out, code) == ("", 2)
    assert "1 credit" in err
    assert "(estimated" in err
    assert "Say --yes" in err
    assert not world.journal.total
    out, err, code = asked(*arguments, "--csv", "--yes")
    assert code == 0
    assert "matched, 1 credit (estimated)" in err
    assert ("former version" in err) == arguments[0].endswith("-v2")
    assert paths(out)[path] == value


def test_the_id_of_a_search_buys_the_person(asked: Any) -> None:
    out, err, code = asked("people-search", "globex.example", "--json")
    assert (code, err) == (0, "130 of 130 people.\n")
    found = json.loads(out)["people"]
    staff = contacts.people_of("globex.example")
    assert [one["people_id"] for one in found] == [one["id"] for one in staff]
    assert {one["full_name"] for one in found} == {
        contacts.masked(f"{one['first']} {one['last']}") for one in staff
    }
    out, _, _ = asked("people-enrichment", found[0]["people_id"], "--csv", "--yes")
    assert paths(out)["person.last_name"] == staff[0]["last"]


def test_a_search_takes_filters_and_an_end(asked: Any, world: Any) -> None:
    title = "vice president, marketing"
    out, _, _ = asked("people-search", "globex.example", "--csv", "--title", title,
                      "--title", "product manager")  # fmt: skip
    rows = list(csv.DictReader(io.StringIO(out)))
    fitting = [
        one["id"]
        for one in contacts.people_of("globex.example")
        if one["title"] in (title, "product manager")
    ]
    assert [row["people_id"] for row in rows] == fitting
    out, err, _ = asked("people-search", "globex.example", "--most", "3")
    assert err == "3 of 130 people.\n"
    assert len(out.splitlines()) == 4
    calls = [call.operation for call in world.journal.last]
    assert calls == ["people_search_v1"] * 2
    out, err, code = asked("people-search", "nomatch.example")
    assert (out, err, code) == ("", "0 of 0 people.\n", 0)


def test_words_of_a_search_are_listed(asked: Any) -> None:
    out, err, _ = asked("people-search-dictionary", "acme.example", "--json")
    found = json.loads(out)
    assert found["industries"] == ["Software and Technology"]
    assert found["titles"] == sorted(
        {p["title"] for p in contacts.people_of("acme.example")}
    )
    assert "1 industries" in err
    out, _, _ = asked("people-search-dictionary", "acme.example", "--csv")
    rows = list(csv.DictReader(io.StringIO(out)))
    assert [row["titles"] for row in rows if row["titles"]] == found["titles"]


def test_whom_6sense_does_not_know_is_no_error(asked: Any, world: Any) -> None:
    out, err, code = asked("people-enrichment", "nobody@acme.example", "--yes")
    assert (out, code) == ("", 0)
    assert "no-match, 0 credits (estimated)" in err
    out, err, code = asked("company-identification", "198.18.0.1", "--yes", "--csv")
    assert "no-match, 0 credits" in err
    assert paths(out)["company.company_match"] == "Non-actionable Match"


@pytest.mark.parametrize(
    ("options", "arguments", "words"),
    [
        ({"tokens": {TOKEN: {"apis": ["lead-scoring"]}}},
         ["people-search", "acme.example"],
         ["6sense answered 403", "- Look at SIXSENSE_TOKEN, and"]),
        ({"credits": 0}, ["company-firmographics", "acme.example", "--yes"],
         ["6sense answered 402", "- Credits (enrichment) are topped up"]),
        ({"rate_calls": 1, "retry_after": 7}, ["people-search", "globex.example"],
         ["6sense answered 429", "- Try again in 7 s"]),
        ({}, ["company-identification", "2001:db8::1", "--yes"],
         ["was not asked: ip is not an IPv4 address", "--help tells"]),
        ({}, ["people-search", "acme.example", *["--title", "a"] * 11],
         ["titles is not a list of at most 10 texts"]),
        ({}, ["lead-scoring", "jane"], ["email is not an e-mail address"]),
    ],
)  # fmt: skip
def test_an_error_is_told_in_words(
    asked: Any, world: Any, options: Any, arguments: list[str], words: list[str]
) -> None:
    world.configure({"sixsense": options})
    out, err, code = asked(*arguments)
    assert (out, code) == ("", 1)
    for said in words:
        assert said in err


def test_without_a_token_nobody_is_asked(
    asked: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("SIXSENSE_TOKEN")
    _, err, code = asked("lead-scoring", "jane.doe@acme.example")
    assert code == 1
    assert "SIXSENSE_TOKEN is not set" in err


def test_one_form_at_a_time(asked: Any) -> None:
    _, err, code = asked("lead-scoring", "a@acme.example", "--json", "--csv")
    assert (code, "Say one of" in err) == (2, True)


def test_a_terminal_has_a_bar_and_is_asked(world: Any) -> None:
    def on_terminal(*arguments: str, said: bytes = b"") -> tuple[str, int]:
        main_end, end = pty.openpty()
        process = subprocess.Popen(
            [sys.executable, "-m", "app", "sixsense", *arguments],
            cwd=ROOT, stdin=end, stderr=end, stdout=subprocess.DEVNULL,
        )  # fmt: skip
        os.close(end)
        os.write(main_end, said)
        shown = b""
        while True:
            try:
                piece = os.read(main_end, 4096)
            except OSError:
                break
            if not piece:
                break
            shown += piece
        code = process.wait(60)
        os.close(main_end)
        return shown.decode("utf-8", "replace"), code

    shown, code = on_terminal("people-search", "globex.example")
    assert code == 0
    assert "pages" in shown
    assert "100%" in shown
    shown, code = on_terminal("company-firmographics", "acme.example", said=b"n\n")
    assert code == 0
    assert "may cost 1 credit (estimated" in shown
    assert "Nothing was asked." in shown
    assert [call.operation for call in world.journal.last] == ["people_search_v1"] * 3


def test_a_command_waits_in_turn_with_the_service(box: Stack) -> None:
    said = box.command(
        "sixsense", "lead-scoring", "jo@tubes.example", "--json",
        SIXSENSE_RATE_LIMIT="7", DATA_DIR="/nowhere",
    )  # fmt: skip
    found = json.loads(said[said.index("{\n") :])
    expected = people.scores_for("jo@tubes.example")
    assert [one["product"] for one in found["data"]["scores"]] == [
        one["product"] for one in expected
    ]
    used = box.query(
        "select count(*) filter (where at > 'epoch') as used, count(*) as slots "
        "from rate_slots where limit_name like '6sense:%'"
    )
    assert [(row.used, row.slots) for row in used] == [(1, 6)]
