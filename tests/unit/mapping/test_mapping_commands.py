"""`leadbridge check`, `test` and `preview`: what they print, and their exits."""

import json

import pytest

from app.mapping.load import load_mappings
from tests.mapping_parts import PRODUCT_INFOS, mapping_text

GOOD = mapping_text(
    "score: {from: lead.s}\nname: {from: sixsense.company.name}",
    "tests: [{name: a lead without a name, lead: {id: 1, email: a@t.example, s: 5}, "
    "sixsense: no-match, expect: {writes: {score: 5}}}]",
).replace("source: acme", "source: marketo")


@pytest.fixture
def mappings(tmp_path, monkeypatch):
    """A folder with one good mapping, named in the environment."""
    monkeypatch.setenv("MAPPINGS_DIR", str(tmp_path))
    (tmp_path / "good.yaml").write_text(GOOD)
    return tmp_path


def test_check_says_that_all_is_well(mappings, run):
    said = "1 mapping file, no errors.\n"
    assert run("check") == (0, f"{said}1 test, all passed.\n", "")
    assert run("check", "--no-tests") == (0, said, "")
    assert run("check", mappings / "good.yaml")[0] == 0
    assert json.loads(run("check", mappings, "--json")[1]) == []


def test_check_prints_findings_with_their_place_and_counts_them(mappings, run):
    bad = GOOD.replace("company.name", "company.nme")
    (mappings / "good.yaml").write_text(bad)
    code, out, _ = run("check")
    assert code == 1
    assert "good.yaml:9:16: error M201: sixsense.company.nme is not in" in out
    assert "  at fields → name → from. Did you mean sixsense.company.name?" in out
    assert out.endswith(
        "1 finding in 1 file. Nothing was loaded; the running mapping is unchanged.\n"
    )
    (finding,) = json.loads(run("check", "--json")[1])
    assert finding["code"] == "M201"
    assert (finding["line"], finding["column"]) == (9, 16)
    assert finding["at"] == ["fields", "name", "from"]
    assert not finding["is_warning"]


def test_check_tells_warnings_and_still_exits_well(mappings, run):
    warned = GOOD.replace("lead.s}", "lead.emial}").replace("{score: 5}", "{}")
    (mappings / "good.yaml").write_text(warned)
    code, out, _ = run("check")
    assert code == 0
    assert "warning W210: no test has lead.emial" in out
    assert "1 finding in 1 file.\n1 mapping file, no errors.\n" in out


def test_check_runs_the_tests_which_loading_for_the_service_does_not(mappings, run):
    (mappings / "good.yaml").write_text(GOOD.replace("{score: 5}", "{score: 6}"))
    code, out, _ = run("check")
    assert code == 1
    assert "error M601: test 'a lead without a name': score: expected 6, got 5" in out
    assert out.endswith("1 test, 1 failed.\n")
    assert [one["code"] for one in json.loads(run("check", "--json")[1])] == ["M601"]
    assert run("check", "--no-tests") == (0, "1 mapping file, no errors.\n", "")
    assert len(load_mappings(mappings, PRODUCT_INFOS)) == 1


def test_check_of_a_path_that_is_not_there_is_a_question_of_usage(mappings, run):
    code, _, err = run("check", mappings / "gone.yaml")
    assert code == 2
    assert "does not exist" in err


def test_check_of_a_folder_that_is_not_there_says_how_to_name_it(
    mappings, run, monkeypatch
):
    monkeypatch.setenv("MAPPINGS_DIR", str(mappings / "gone"))
    code, out, _ = run("check")
    assert code == 1
    assert "MAPPINGS_DIR" in out


def test_test_runs_the_tests_of_the_files(mappings, run):
    assert run("test") == (0, "1 test, all passed.\n", "")
    assert run("test", "--name", "another") == (0, "No tests.\n", "")


def test_test_tells_what_is_not_as_expected(mappings, run):
    (mappings / "good.yaml").write_text(GOOD.replace("{score: 5}", "{score: 6}"))
    code, out, _ = run("test")
    assert code == 1
    assert "error M601: test 'a lead without a name': score: expected 6, got 5" in out
    assert out.endswith("1 test, 1 failed.\n")
    found = json.loads(run("test", "--json")[1])
    assert found["tests"] == 1
    assert len(found["findings"]) == 1


def test_test_of_a_file_that_does_not_load_tells_why(mappings, run):
    (mappings / "good.yaml").write_text(GOOD.replace("lead.s", "led.s"))
    code, out, _ = run("test")
    assert code == 1
    assert "'led' is not a lookup of this file" in out
    assert "Nothing was loaded" in out


LEAD = {"id": 1, "email": "jo@tubes.example", "s": 5}


@pytest.fixture
def files(tmp_path):
    """Writes JSON files beside the mappings."""

    def write(**values):
        paths = []
        for name, value in values.items():
            path = tmp_path / f"{name}.json"
            path.write_text(value if isinstance(value, str) else json.dumps(value))
            paths.append(path)
        return paths

    return write


def test_preview_shows_every_field_with_its_reason(mappings, run, files):
    lead, answer, now = files(
        lead=LEAD, answer={"company": {"name": "Tubes"}}, now={"score": 7}
    )
    code, out, _ = run(
        "preview", "good", "--lead", lead, "--answer", answer, "--current", now
    )
    assert code == 0
    lines = [" ".join(line.split()) for line in out.splitlines()]
    assert lines == [
        'sixsense: {"email": "jo@tubes.example"}',
        "result: matched",
        "field from value now in CRM decision reason",
        "score lead.s 5 7 keep edited-by-someone: We never wrote this value, so it is "
        "somebody's own.",
        "name sixsense.company.name Tubes – write",
    ]


def test_preview_as_json(mappings, run, files):
    lead, answer = files(lead=LEAD, answer={"company": {"name": "Tubes"}})
    argv = ("preview", mappings / "good.yaml", "--lead", lead)
    _, out, _ = run(*argv, "--answer", f"sixsense={answer}", "--json")
    shown = json.loads(out)
    assert shown["asked"] == {"sixsense": {"email": "jo@tubes.example"}}
    assert {each["field"]: each["value"] for each in shown["fields"]} == {
        "score": 5,
        "name": "Tubes",
    }
    without = json.loads(run(*argv, "--json")[1])
    assert without["fields"][1]["reason"] == "no-lookup"


def test_preview_says_why_a_lead_is_skipped(mappings, run, files):
    (lead,) = files(lead={"email": "x"})
    code, out, _ = run("preview", "good", "--lead", lead)
    assert code == 0
    assert out == "skipped: lead.id is empty, so there is no record to write\n"


@pytest.mark.parametrize(
    ("argv", "words"),
    [
        (["nope", "--lead", "LEAD"], "no mapping 'nope'; there are: good"),
        (["good", "--lead", "BROKEN"], "is not readable JSON"),
        (["good", "--lead", "LIST"], "has to be a JSON object"),
        (["good", "--lead", "LEAD", "--answer", "gone.json"], "there is no file gone"),
        (["good", "--lead", "LEAD", "--answer", "LIST"], "is not an object"),
    ],
)
def test_preview_of_what_cannot_be_read_is_a_question_of_usage(
    mappings, run, files, argv, words
):
    lead, broken, listed = files(lead=LEAD, broken="{", listed=[])
    paths = {"LEAD": lead, "BROKEN": broken, "LIST": listed}
    code, _, err = run("preview", *(paths.get(one, one) for one in argv))
    assert code == 2
    assert words in " ".join(err.replace("│", " ").split())
