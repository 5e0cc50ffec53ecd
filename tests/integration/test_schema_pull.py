"""`schema pull` and `check --live` against the sandbox, over real HTTP."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from app.mapping.nodes import plain
from app.mapping.tree import parse
from sandbox.marketo.fields import Field
from sandbox.server import Sandbox
from tests.stack import ROOT, Stack, new_database

Run = Callable[..., tuple[int, str, str]]


@pytest.fixture
def box() -> Iterator[Sandbox]:
    with Sandbox() as box:
        yield box


@pytest.fixture
def folder(tmp_path: Path, box: Sandbox, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty folder of mapping files; of settings only what calls need."""
    for name in ("WEBHOOK_SECRET", "WEBHOOK_AUTH"):
        monkeypatch.delenv(f"MARKETO_{name}", raising=False)
    monkeypatch.setenv("MAPPINGS_DIR", str(tmp_path))
    monkeypatch.setenv("MARKETO_URL", box.url)
    monkeypatch.setenv("MARKETO_CLIENT_ID", "sandbox-client")
    monkeypatch.setenv("MARKETO_CLIENT_SECRET", "sandbox-secret")
    return tmp_path


@pytest.fixture
def fields(box: Sandbox) -> dict[str, Field]:
    """The sandbox's fields, to be changed by tests."""
    return box.world.marketo.fields


MAPPING = """\
mapping: 1
source: marketo
object: lead
match: {by: id, from: lead.id}
fields:
"""


def write(folder: Path, *entries: str) -> None:
    text = MAPPING + "".join(f"  {one}\n" for one in entries)
    (folder / "one.yaml").write_text(text)


def add(fields: dict[str, Field], name: str, kind: str, **more: Any) -> None:
    fields[name] = Field(990, name, name, kind, custom=True, **more)


# Pulling


def test_the_first_pull_writes_a_line_for_each_field(folder: Path, run: Run) -> None:
    code, out, _ = run("schema", "pull", "marketo")
    assert code == 0
    assert out.endswith(
        "schemas/marketo.lead.json: 84 fields of lead, pulled for the first time.\n"
    )
    text = (folder / "schemas" / "marketo.lead.json").read_text()
    assert '"sixsenseRevenue": {"type": "currency", "label": "6sense Revenue"' in text
    assert '"company": {"type": "string", "label": "Company Name", ' in text
    assert '"soap_name": "Company"}' in text
    assert len([line for line in text.splitlines() if '"type"' in line]) == 84


def test_another_pull_without_a_change_leaves_the_file_as_it_is(
    folder: Path, run: Run
) -> None:
    run("schema", "pull", "marketo")
    path = folder / "schemas" / "marketo.lead.json"
    before = path.read_text().replace('"2', '"1')
    path.write_text(before)
    code, out, _ = run("schema", "pull", "marketo")
    assert (code, path.read_text()) == (0, before)
    assert "84 fields of lead, unchanged since 1" in out


def test_a_pull_tells_what_is_new_gone_retyped_and_shorter(
    folder: Path, run: Run, fields: dict[str, Field]
) -> None:
    run("schema", "pull", "marketo")
    add(fields, "sixsenseFit", "string", length=255)
    del fields["sixsenseNote"]
    fields["sixsenseStage"] = replace(fields["sixsenseStage"], length=40)
    fields["sixsenseIntent"] = replace(fields["sixsenseIntent"], type="string")
    fields["sixsenseGrade"] = replace(fields["sixsenseGrade"], read_only=True)
    code, out, _ = run("schema", "pull", "marketo")
    assert code == 0
    assert out.partition(": ")[2].splitlines() == [
        "84 fields of lead, 1 new, 1 gone, 3 changed.",
        "  + sixsenseFit: string, 255 characters",
        "  ~ sixsenseGrade: is read-only now",
        "  ~ sixsenseIntent: was integer and is string now",
        "  - sixsenseNote: text, 30000 bytes",
        "  ~ sixsenseStage: takes 40 characters now, not 255",
    ]
    fields["sixsenseStage"] = replace(fields["sixsenseStage"], length=400)
    shown = json.loads(run("schema", "pull", "marketo", "--json")[1])
    assert (shown["fields"], shown["is_first"], shown["new"]) == (84, False, [])
    (changed,) = shown["changed"]
    assert changed["words"] == "takes 400 characters now, not 40"
    assert (changed["was"]["length"], changed["now"]["length"]) == (40, 400)


def test_editors_get_a_schema_that_finds_a_misspelt_field(
    folder: Path, run: Run
) -> None:
    run("schema", "pull", "marketo")
    made = json.loads((folder / "schemas" / "mapping.schema.json").read_text())
    validator = jsonschema.Draft7Validator(made)

    def problems(name: str) -> list[str]:
        tree, _ = parse(f"{MAPPING}  {name}: {{value: 1, write: always}}\n", "m.yaml")
        errors = validator.iter_errors(plain(tree))
        return ["/".join(map(str, one.absolute_path)) for one in errors]

    assert problems("sixsenseIntent") == []
    assert problems("sixsenseIntnt") == ["fields/sixsenseIntnt"]
    assert problems("updatedAt") == ["fields/updatedAt"]
    tree, _ = parse((ROOT / "mappings" / "marketo.yaml").read_text(), "m.yaml")
    assert list(validator.iter_errors(plain(tree))) == []


def test_a_snapshot_that_cannot_be_read_is_replaced_and_told_of(
    folder: Path, run: Run
) -> None:
    path = folder / "schemas" / "marketo.lead.json"
    path.parent.mkdir()
    path.write_text("<<<<<<< mine")
    code, out, err = run("schema", "pull", "marketo")
    assert code == 0
    assert "marketo.lead.json is replaced: this is not readable JSON" in err
    assert "pulled for the first time" in out


def test_the_shipped_mapping_passes_against_what_was_pulled(
    folder: Path, run: Run
) -> None:
    for path in (ROOT / "mappings").rglob("*.*"):
        made = folder / path.relative_to(ROOT / "mappings")
        made.parent.mkdir(exist_ok=True)
        made.write_text(path.read_text())
    run("schema", "pull", "marketo")
    code, out, _ = run("check")
    assert (code, "warning" in out) == (0, False), out
    assert re.fullmatch(r"\d mapping files?, no errors\.\n\d+ tests, .*\n", out), out
    assert run("test")[0] == 0


@pytest.mark.parametrize(
    ("argv", "environ", "code", "words"),
    [
        (["markto"], {}, 2, "no connector for 'markto'. Did you mean marketo?"),
        (["marketo", "--object", "../x"], {}, 2, "'../x' cannot be the name"),
        (["marketo", "--object", "deal"], {}, 1, "no object deal that is written"),
        (["marketo-eu"], {}, 1, "MARKETO_EU_URL is not set: REST endpoint"),
        (
            ["marketo"],
            {"MARKETO_CLIENT_SECRET": "wrong"},
            1,
            "client id or client secret is wrong. - Look at MARKETO_CLIENT_ID and "
            "MARKETO_CLIENT_SECRET, and at what their user may do.",
        ),
        (
            ["marketo"],
            {"MARKETO_URL": "http://127.0.0.1:1"},
            1,
            "marketo could not be reached, or the connection broke. - Look at "
            "MARKETO_URL, and whether this machine may call it.",
        ),
        (["marketo"], {"MAPPINGS_DIR": "/dev/null"}, 1, "cannot be written: Not a"),
    ],
)
def test_what_keeps_a_pull_from_working_is_said_clearly(
    folder: Path,
    run: Run,
    monkeypatch: pytest.MonkeyPatch,
    argv: list[str],
    environ: dict[str, str],
    code: int,
    words: str,
) -> None:
    for name, value in environ.items():
        monkeypatch.setenv(name, value)
    ended, out, err = run("schema", "pull", *argv)
    assert (ended, out) == (code, "")
    assert words in " ".join(err.split())
    assert not (folder / "schemas").exists()


def test_a_role_without_the_right_is_named(
    folder: Path, run: Run, box: Sandbox
) -> None:
    box.world.configure({"marketo": {"denied": ["describe", "describe2"]}})
    code, _, err = run("schema", "pull", "marketo")
    assert code == 1
    assert "The schema of marketo could not be read: " in err
    assert "603" in err
    assert "at what their user may do" in err


# Drift


FIT = "sixsenseFit: {value: Weak}"


@pytest.fixture
def pulled(folder: Path, run: Run, fields: dict[str, Field]) -> Path:
    """A mapping that writes two fields and reads one, and the snapshot of before."""
    add(fields, "sixsenseFit", "string", length=255)
    write(folder, FIT, "sixsenseHot: {value: true, write: always}",
          "sixsenseStage: {from: current.sixsenseResult}")  # fmt: skip
    run("schema", "pull", "marketo")
    return folder


def test_no_drift_is_no_finding_and_new_or_unused_fields_are_no_drift(
    pulled: Path, run: Run, fields: dict[str, Field]
) -> None:
    add(fields, "sixsenseNew", "string")
    del fields["sixsenseNote"]
    fields["sixsenseFit"] = replace(fields["sixsenseFit"], length=300)
    before = (pulled / "schemas" / "marketo.lead.json").read_text()
    assert run("check", "--live")[:2] == (0, "1 mapping file, no errors.\n")
    assert run("check", "--live", "marketo")[0] == 0
    assert (pulled / "schemas" / "marketo.lead.json").read_text() == before


def test_a_field_that_is_gone_or_read_only_is_an_error(
    pulled: Path, run: Run, fields: dict[str, Field]
) -> None:
    del fields["sixsenseFit"], fields["sixsenseResult"]
    fields["sixsenseHot"] = replace(fields["sixsenseHot"], read_only=True)
    code, out, _ = run("check", "--live")
    assert code == 1
    said = [
        line.partition("error ")[2] for line in out.splitlines() if "error " in line
    ]
    assert said == [
        "M301: marketo has no field sixsenseResult on lead",
        "M308: marketo: sixsenseFit of lead is gone; one.yaml writes it",
        "M308: marketo: sixsenseHot of lead is read-only now; one.yaml writes it",
        "M308: marketo: sixsenseResult of lead is gone; one.yaml reads it",
    ]
    assert "schemas/marketo.lead.json: error M308" in out
    assert "Mend the mapping, then `leadbridge schema pull marketo`." in out
    # Against the snapshot all is well: nobody pulled yet.
    assert run("check")[0] == 0


def test_a_change_that_breaks_a_constant_is_an_error_and_another_a_warning(
    pulled: Path, run: Run, fields: dict[str, Field]
) -> None:
    fields["sixsenseFit"] = replace(fields["sixsenseFit"], length=3)
    fields["sixsenseStage"] = replace(fields["sixsenseStage"], length=40)
    code, out, _ = run("check", "--live")
    assert code == 1
    assert "error M303: sixsenseFit allows 3 characters; 'Weak' has 4" in out
    assert (
        "error M308: marketo: sixsenseFit of lead takes 3 characters now, not 255; "
        "one.yaml writes it" in out
    )
    assert (
        "warning W230: marketo: sixsenseStage of lead takes 40 characters now, not "
        "255; one.yaml writes it" in out
    )
    fields["sixsenseFit"] = replace(fields["sixsenseFit"], length=255)
    code, out, _ = run("check", "--live", "--json")
    assert code == 1
    assert [one["code"] for one in json.loads(out)] == ["W230"]


def test_a_mapping_that_was_never_pulled_for_is_checked_as_well(
    folder: Path, run: Run
) -> None:
    write(folder, "sixsenseHott: {value: true, write: always}")
    assert run("check")[0] == 0
    code, out, _ = run("check", "--live")
    assert code == 1
    assert "M301: marketo has no field sixsenseHott on lead" in out
    assert "Did you mean sixsenseHot?" in out


def test_check_live_asks_nobody_while_something_else_is_wrong(
    pulled: Path, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    code, _, err = run("check", "--live", "marketo-eu")
    assert code == 2
    assert "no mapping file names the source 'marketo-eu'" in err
    monkeypatch.delenv("MARKETO_URL")
    code, _, err = run("check", "--live")
    assert code == 1
    assert "MARKETO_URL is not set" in err
    write(pulled, "sixsenseFitt: {value: Weak}")
    code, out, err = run("check", "--live")
    assert (code, err) == (1, "")
    assert "Did you mean sixsenseFit?" in out


# A first mapping file


def test_a_first_mapping_is_made_from_what_was_pulled(folder: Path, run: Run) -> None:
    run("schema", "pull", "marketo")
    code, out, _ = run("mapping", "init", "marketo")
    assert code == 0
    assert out.endswith("marketo.yaml: look through it, then `leadbridge check` and "
                        "`leadbridge test`.\n")  # fmt: skip
    said = "1 mapping file, no errors.\n2 tests, all passed.\n"
    assert run("check")[:2] == (0, said)
    assert run("test")[:2] == (0, "2 tests, all passed.\n")
    text = (folder / "marketo.yaml").read_text()
    assert "match: {by: id, from: lead.id}" in text
    assert "firstname: lead.firstName" in text
    # Another file for the same object takes what is left, and both load together.
    assert run("mapping", "init", "marketo", "--name", "two")[0] == 0
    assert "marketo.yaml writes it already" in (folder / "two.yaml").read_text()
    assert run("check")[1].startswith("2 mapping files, no errors.\n")


@pytest.mark.parametrize(
    ("argv", "code", "words"),
    [
        (["markto"], 2, "no connector for 'markto'. Did you mean marketo?"),
        (["marketo", "--name", "../x"], 2, "'../x' cannot be the name of a mapping"),
        (["marketo", "--name", "one"], 1, "one.yaml is there already, and is not over"),
        (["marketo"], 1, "not pulled yet. - First `leadbridge schema pull marketo`."),
        (
            ["marketo", "--object", "deal"],
            1,
            "The fields of deal in marketo were not pulled yet. - First `leadbridge "
            "schema pull marketo --object deal`.",
        ),
    ],
)
def test_what_keeps_a_first_mapping_from_being_made_is_said(
    folder: Path, run: Run, argv: list[str], code: int, words: str
) -> None:
    write(folder, "sixsenseHot: {value: true, write: always}")
    before = (folder / "one.yaml").read_text()
    ended, out, err = run("mapping", "init", *argv)
    assert (ended, out) == (code, "")
    assert words in " ".join(err.split())
    assert [path.name for path in folder.glob("*.yaml")] == ["one.yaml"]
    assert (folder / "one.yaml").read_text() == before


def test_a_first_mapping_waits_until_the_others_load(folder: Path, run: Run) -> None:
    run("schema", "pull", "marketo")
    write(folder, "sixsenseHott: {value: true, write: always}")
    code, _, err = run("mapping", "init", "marketo")
    assert code == 1
    assert "The files that are there do not load." in err
    assert "Did you mean sixsenseHot?" in err


# In production


def test_a_currency_that_marketo_rounded_is_still_ours(
    folder: Path, run: Run, server_url: str, tmp_path_factory: pytest.TempPathFactory
) -> None:
    write(folder, "sixsenseRevenue: {from: lead.revenue}")
    run("schema", "pull", "marketo")
    with new_database(server_url, "schemas") as url:
        stack = Stack(tmp_path_factory.mktemp("stack"), url, mappings=folder)
        try:
            stack.start()
            (lead_id,) = stack.seed(1)
            kept: list[Any] = []
            for count, revenue in enumerate(("12345678", "12345677", "22345678"), 1):
                stack.post_lead(lead_id, revenue=revenue)
                stack.await_final(count)
                kept.append(stack.leads([lead_id])[lead_id]["sixsenseRevenue"])
            # A digit that Marketo does not keep is no change; a new value is ours.
            assert stack.counts() == {"written": 2, "kept": 1}
            assert kept == [12345700, 12345700, 22345700]
        finally:
            stack.close()
