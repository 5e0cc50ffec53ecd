"""Tests inside mapping files: the worked examples, and the words of a failure."""

from pathlib import Path

import pytest

from app.mapping.load import check_folder
from app.mapping.trial_run import run_trial
from tests.mapping_parts import PRODUCT_INFOS, canonical, load, mapping_text, report_of

HERE = Path(__file__).parent
FOLDERS = (HERE / "examples", HERE.parents[2] / "mappings")
REPORTS = [check_folder(folder, PRODUCT_INFOS) for folder in FOLDERS]
TRIALS = [
    pytest.param(mapping, trial, id=f"{mapping.name}: {trial.name}")
    for report in REPORTS
    for mapping in report.mappings
    for trial in mapping.trials
]


def test_the_worked_examples_load():
    for report in REPORTS:
        assert not report.errors, "\n".join(map(str, report.errors))
        # A budget is told not to be counted yet; there is nothing else to tell.
        assert {finding.code for finding in report.warnings} <= {"W199"}
    assert len(REPORTS[0].mappings) == 4
    assert len(TRIALS) >= 15


@pytest.mark.parametrize(("mapping", "trial"), TRIALS)
def test_worked_example(mapping, trial):
    found = run_trial(mapping, trial, canonical)
    assert not found, "\n".join(map(str, found))


def failures(test, fields="score: {from: lead.s, write: always}", files=None, more=""):
    """What a test in a file complains about."""
    mapping = load(fields, f"{more}\ntests:\n  - {{{test}}}", files)
    return [
        finding
        for trial in mapping.trials
        for finding in run_trial(mapping, trial, canonical)
    ]


GIVEN = "name: a test, lead: {id: 1, email: jo@t.example, s: 88}, sixsense: no-match, "


def message(test, **options):
    (finding,) = failures(test, **options)
    assert finding.code == "M601"
    assert finding.message.startswith("test 'a test'")
    return finding.message


@pytest.mark.parametrize(
    ("expect", "words"),
    [
        ("writes: {score: '88'}", "score: expected '88', got 88"),
        ("writes: {}", "score: writes 88, the test does not expect a write"),
        ("writes: {score: 88, x: 1}", "x: expected 1, there is no such field"),
        ("kept: {score: unchanged}", "score: expected unchanged, but it is written"),
        ("kept: {x: unchanged}", "x: expected unchanged, but there is no such field"),
        ("skipped: true", "expected the run to be skipped, but it is not"),
        ("failed: stage", "expected the run to be failed, but it is not"),
        ("outcome: matched", "outcome: expected matched, got no-match"),
        ("asked: {sixsense: {email: x}}",
         "sixsense is asked {email: jo@t.example}, expected {email: x}"),
        ("asked: {sixsense: not-asked}",
         "sixsense is asked {email: jo@t.example}, expected not at all"),
    ],
)  # fmt: skip
def test_failure(expect, words):
    assert words in message(f"{GIVEN}expect: {{{expect}}}")


def test_what_is_as_expected_passes():
    asked = "asked: {sixsense: {email: jo@t.example}}"
    expect = f"writes: {{score: 88}}, outcome: no-match, {asked}"
    assert not failures(f"{GIVEN}expect: {{{expect}}}")


def test_a_kept_field_tells_its_reason_and_its_sentence():
    test = f"{GIVEN}current: {{score: 88}}, expect: {{kept: {{score: not-empty}}}}"
    assert message(test).endswith(
        "score: expected not-empty, got unchanged (The record already says so.)"
    )
    test = f"{GIVEN}current: {{score: 88}}, expect: {{writes: {{score: 88}}}}"
    assert "score: expected 88, kept: unchanged" in message(test)


def test_a_question_without_an_answer_fails_with_the_fix():
    test = "name: a test, lead: {id: 1, email: jo@t.example}, expect: {writes: {}}"
    (finding,) = failures(test)
    assert "sixsense would be asked, but the test does not say what it answers" in (
        finding.message
    )
    assert finding.fix == "Add `sixsense: no-match` or an answer."


def test_a_run_that_is_skipped_or_failed_unexpectedly_says_why():
    skip = "skip_when: {lead.s: {is: 88}}"
    test = f"{GIVEN}expect: {{writes: {{score: 88}}}}"
    assert "the run is skipped: lead.s is 88" in message(test, more=skip)
    test = f"{GIVEN}expect: {{skipped: lead.x}}"
    assert "skipped: expected 'lead.x', got 'lead.s is 88'" in message(test, more=skip)
    refused = GIVEN.replace("no-match", "failed")
    assert "the run is failed: sixsense: 6sense refused the question" in (
        message(f"{refused}expect: {{writes: {{}}}}")
    )
    assert not failures(f"{refused}expect: {{failed: refused the question}}")


def test_the_next_event_finds_what_we_wrote():
    test = (
        f"{GIVEN}expect: {{writes: {{score: 88}}}}, next: ["
        "{expect: {writes: {}, kept: {score: unchanged}}}, "
        "{lead: {s: 90}, expect: {writes: {score: 90}}}, "
        "{current: {score: 7}, lead: {s: 91}, "
        "expect: {kept: {score: edited-by-someone}}}]"
    )
    assert not failures(test, "score: {from: lead.s}")
    wrong = test.replace("score: 90}", "score: 91}")
    assert "test 'a test', next 2: score: expected 91, got 90" in (
        message(wrong, fields="score: {from: lead.s}")
    )


def test_a_recorded_answer_is_judged_like_a_live_one():
    known = '{"company": {"name": "Tubes"}, "scores": []}'
    blank = '{"company": {"name": ""}, "scores": []}'
    files = {"answers/known.json": known, "answers/blank.json": blank}
    test = (
        "name: a test, lead: {id: 1, email: jo@t.example}, sixsense: answers/%s.json, "
    )
    options = {"fields": "n: {from: sixsense.company.name}", "files": files}
    expect = "expect: {outcome: matched, writes: {n: Tubes}}"
    assert not failures(test % "known" + expect, **options)
    expect = "expect: {outcome: no-match, writes: {}}"
    assert not failures(test % "blank" + expect, **options)
    (finding,) = report_of(
        mapping_text(options["fields"], f"tests: [{{{test % 'bad'}expect: {{}}}}]"),
        {"answers/bad.json": "{"},
    ).errors
    assert finding.message == "answers/bad.json is not readable JSON"


def test_an_answer_of_the_wrong_shape_is_told():
    test = (
        "name: a test, lead: {id: 1, email: jo@t.example}, "
        "sixsense: {company: Tubes}, expect: {writes: {}}"
    )
    assert "company" in message(test)


def test_who_changed_it_and_when_can_be_said():
    test = (
        "name: a test, now: 2026-03-01T00:00:00Z, lead: {id: 1, email: a@t.example}, "
        "sixsense: no-match, run: {changed_by: Zoe, event: updated}, "
        "expect: {writes: {a: Zoe, b: updated, c: '2026-03-01T00:00:00Z'}}"
    )
    fields = "a: {from: run.changed_by}\nb: {from: run.event}\nc: {from: run.time}"
    assert not failures(test, fields)


def test_two_tests_of_one_name_are_told():
    more = "tests: [%s, %s]" % (
        ("{name: a, lead: {id: ''}, expect: {skipped: true}}",) * 2
    )
    found = report_of(mapping_text("f: {value: 1}", more)).errors
    assert {finding.message for finding in found} == {"two tests are named 'a'"}
