"""Write rules: whose value it is, and what is never written over."""

from datetime import timedelta

import pytest

from app.mapping.apply import decide
from tests.mapping_parts import (
    NOW,
    Ours,
    decided,
    facts_of,
    kept,
    load,
    matched,
    sentence,
)


def rule(write, value, current=None, written=None):
    """The reason that a rule gives, or `written`."""
    decisions = decided(
        f"f: {{from: lead.v, write: {write}, as: integer}}",
        lead={"v": value},
        current={"f": current},
        written={"f": written} if written is not None else {},
    )
    return kept(decisions).get("f", "written")


@pytest.mark.parametrize(
    ("write", "value", "current", "written", "wanted"),
    [
        ("always", 5, 7, None, "written"),
        ("always", 5, 5, None, "unchanged"),
        ("always", 5, "5.0", None, "unchanged"),
        ("if-empty", 5, None, None, "written"),
        ("if-empty", 5, " ", None, "written"),
        ("if-empty", 5, 0, None, "not-empty"),
        ("if-empty", 5, 5, None, "unchanged"),
        ("keep-fresh", 5, None, None, "written"),
        ("keep-fresh", 5, 7, None, "edited-by-someone"),
        ("keep-fresh", 5, 7, 7, "written"),
        ("keep-fresh", 5, "7", 7, "written"),
        ("keep-fresh", 5, 7, 8, "edited-by-someone"),
        ("keep-fresh", 5, 5, 8, "unchanged"),
        ("if-higher", 5, None, None, "written"),
        ("if-higher", 5, 4, None, "written"),
        ("if-higher", 5, "4", None, "written"),
        ("if-higher", 5, 6, None, "not-higher"),
        ("if-higher", 5, "many", None, "not-higher"),
        ("{if-higher: 30 days}", 5, 6, None, "not-higher"),
        ("{if-higher: 30 days}", 5, 6, Ours(6, NOW - timedelta(days=10)), "not-higher"),
        ("{if-higher: 30 days}", 5, 6, Ours(6, NOW - timedelta(days=31)), "written"),
    ],
)
def test_rule(write, value, current, written, wanted):
    assert rule(write, value, current, written) == wanted


def test_keep_fresh_is_the_rule_that_is_not_said():
    fields = "f: {from: lead.v}"
    assert kept(decided(fields, lead={"v": 5}, current={"f": 6})) == {
        "f": "edited-by-someone"
    }


def test_a_word_that_counts_as_empty_may_be_written_over():
    fields = "f: {from: lead.v, no_value: [Unknown], write: if-empty}"
    assert decided(fields, lead={"v": 5}, current={"f": "unknown"}).writes == {"f": 5}


def test_dates_are_compared_as_dates():
    fields = "f: {from: lead.v, as: date, write: if-higher}"
    later = decided(fields, lead={"v": "2026-11-02"}, current={"f": "2026-11-01"})
    assert later.writes == {"f": "2026-11-02"}
    earlier = decided(fields, lead={"v": "2026-11-02"}, current={"f": 1793664000000})
    assert kept(earlier) == {"f": "not-higher"}


@pytest.mark.parametrize(
    ("write", "current", "written", "words"),
    [
        ("keep-fresh", 7, None, "We never wrote this value, so it is somebody's own."),
        ("keep-fresh", 7, Ours(900, NOW),
         "Somebody changed this after us (we wrote 900 on 23 November 2026), so it is"),
        ("if-higher", 80, None, "5 is below the 80 it has."),
        ("if-higher", "many", None, "5 cannot be compared with the 'many' it has."),
        ("{if-higher: 30 days}", 80, Ours(80, NOW),
         "5 is below the 80 it has. (lower values are held until 23 December 2026)"),
    ],
)  # fmt: skip
def test_sentences(write, current, written, words):
    decisions = decided(
        f"f: {{from: lead.v, as: integer, write: {write}}}",
        lead={"v": 5},
        current={"f": current},
        written={"f": written} if written is not None else {},
    )
    assert words in sentence(decisions, "f")


STAMP = "g: {from: run.time, as: datetime, write: with-others}"
PAIR = "a: {from: lead.a, write: always}\nb: {value: USD, write: {with: a}}"


def test_with_others_is_written_when_another_field_is():
    fields = f"{STAMP}\nf: {{value: 5}}"
    decisions = decided(fields)
    assert decisions.writes == {"g": "2026-11-23T10:00:00Z", "f": 5}
    assert list(decisions.writes) == ["g", "f"]
    same = decided(fields, current={"f": 5, "g": "x"})
    assert kept(same) == {"g": "not-alone", "f": "unchanged"}


def test_two_fields_of_with_others_do_not_lead_each_other():
    fields = f"{STAMP}\nh: {{value: 1, write: with-others}}\nf: {{value: 5}}"
    decisions = decided(fields, current={"f": 5})
    assert kept(decisions) == {"g": "not-alone", "h": "not-alone", "f": "unchanged"}


def test_with_follows_the_field_it_names():
    assert decided(PAIR, lead={"a": 1}).writes == {"a": 1, "b": "USD"}
    decisions = decided(PAIR, current={"b": "EUR"})
    assert kept(decisions) == {"a": "no-value", "b": "not-alone"}
    assert "Written only together with a, which did not change." in (
        sentence(decisions, "b")
    )
    same = decided(PAIR, lead={"a": 1}, current={"b": "USD"})
    assert kept(same) == {"b": "unchanged"}


def test_with_takes_a_list_of_which_one_is_enough():
    fields = (
        "a: {from: lead.a}\nb: {from: lead.b}\nc: {value: x, write: {with: [a, b]}}"
    )
    assert decided(fields, lead={"b": 1}).writes == {"b": 1, "c": "x"}


def test_a_previous_value_is_that_before_the_run():
    fields = "s: {from: lead.s, write: always}\np: {from: current.s, write: {with: s}}"
    decisions = decided(fields, lead={"s": "Decision"}, current={"s": "Awareness"})
    assert decisions.writes == {"s": "Decision", "p": "Awareness"}


def test_a_record_that_was_not_read_gets_only_what_is_always_written():
    mapping = load("a: {value: 1, write: always}\nb: {value: 1}\nc: {from: current.x}")
    decisions = decide(
        mapping,
        facts_of(sixsense=matched()),
        current=None,
        last_written={},
        now=NOW,
    )
    assert decisions.writes == {"a": 1}
    assert kept(decisions) == {"b": "not-applicable", "c": "no-lookup"}
    assert sentence(decisions, "b") == (
        "The record was not read, so only `always` is written."
    )
    assert sentence(decisions, "c") == "The record was not read, so nothing is known."


def test_equality_is_the_connectors_judgement_where_it_is_given():
    mapping = load("f: {value: Acme, write: always}")
    asked = []

    def folded(field, sent, read):
        asked.append((field, sent, read))
        return sent.casefold() == read.casefold()

    decisions = decide(
        mapping,
        facts_of(sixsense=matched()),
        current={"f": "ACME"},
        last_written={},
        now=NOW,
        same=folded,
    )
    assert kept(decisions) == {"f": "unchanged"}
    assert asked == [(None, "Acme", "ACME")]
