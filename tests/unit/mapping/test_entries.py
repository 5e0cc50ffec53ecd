"""A field: every verb, and the reasons with their sentences."""

import pytest

from app.domain import CrmField, LookupResult
from app.mapping.apply import decide
from tests.mapping_parts import (
    NOW,
    decided,
    facts_of,
    kept,
    load,
    matched,
    sentence,
    without_answer,
)

COMPANY = {"company": {"name": "Tubes", "industry": "Banking", "employeeCount": "1192"}}
SEGMENTS = {
    "segments": {"ids": [1, 2, 3], "names": ["ICP EMEA", "Webinar", "ICP EMEA"]}
}


def field(entry, answer=COMPANY, **options):
    """The value that one entry writes, or the reason it keeps."""
    decisions = decided(f"f: {{{entry}}}", answer, **options)
    if decisions.failed:
        return decisions.failed
    return decisions.writes["f"] if "f" in decisions.writes else kept(decisions)["f"]


@pytest.mark.parametrize(
    ("entry", "wanted"),
    [
        ("from: sixsense.company.name", "Tubes"),
        ("from: sixsense.company.city", "no-value"),
        ("from: lead.zero", 0),
        ("from: lead.no, write: always", False),
        ("first_of: [sixsense.company.city, sixsense.company.name]", "Tubes"),
        ("first_of: [lead.blank, lead.zero]", 0),
        ("first_of: [lead.blank, sixsense.company.city]", "no-value"),
        ("all_of: [sixsense.company.city, sixsense.company.name], join: ', '", "Tubes"),
        ("all_of: [lead.blank, sixsense.company.city], join: ', '", "no-value"),
        ("value: 5", 5),
        ("value: x, when: {lead.zero: {is: 0}}", "x"),
        ("value: x, when: {lead.zero: {is: 1}}", "not-applicable"),
        ("value: x, otherwise: y, when: {lead.zero: {is: 1}}", "y"),
        ("from: sixsense.company.city, otherwise: Nowhere", "Nowhere"),
        ("from: lead.bad, as: integer, otherwise: 5", "bad-value"),
        ("from: lead.bad, as: integer", "bad-value"),
        ("from: lead.bad, as: integer, on_error: fail",
         "f: 'abc' is not a whole number."),
        ("from: sixsense.company.industry, translate: {banking: Money}", "Money"),
        ("from: sixsense.company.industry, translate: {Mining: M}", "no-translation"),
        ("from: sixsense.company.industry, translate: {M: M, else: keep}", "Banking"),
        ("from: sixsense.company.industry, translate: {M: M, else: {use: 0}}", 0),
        ("from: sixsense.company.industry, translate: {M: M, else: fail}",
         "f: no translation for 'Banking'"),
        ("from: sixsense.company.industry, translate: {M: M}, otherwise: y",
         "no-translation"),
        ("from: sixsense.company.employee_count, translate: {..9: S, 10..: L}", "L"),
        ("from: lead.zero, translate: {..0: none, 0.5..: some}", "none"),
        ("from: lead.bad, translate: {..0: none}", "no-translation"),
        ("from: sixsense.company.name, text: 'https://{}'", "https://Tubes"),
        ("from: sixsense.company.name, text: '{{{}}} {lead.zero}'", "{Tubes} 0"),
        ("text: '{sixsense.company.name}/{lead.zero}'", "Tubes/0"),
        ("text: '{sixsense.company.name}/{lead.blank}'", "no-value"),
        ("text: '{sixsense.company.name}/{lead.blank}', otherwise: y", "y"),
        ("from: lead.long, max: 9", "too-long"),
        ("from: lead.long, max: 9, cut: words", "one two"),
        ("from: lead.long, max: 7, cut: words", "one two"),
        ("from: lead.long, max: 9, cut: characters", "one two t"),
        ("from: lead.long, max: 2, cut: words", "too-long"),
        ("from: lead.tags, join: ';', max: 5, cut: items", "a;bb"),
        ("from: lead.word", "N/A"),
        ("from: lead.word, no_value: [n/a]", "no-value"),
        ("from: lead.word, no_value: [n/a], otherwise: y", "y"),
        ("from: lead.tags, join: ';', no_value: [bb]", "a;ccc"),
        ("first_of: [lead.word, lead.zero], no_value: [N/A]", 0),
        ("from: lead.tags, as: text, translate: {a: A, else: skip}, join: ';'", "A"),
        ("from: lead.tags, translate: {x: A}, join: ';'", "no-translation"),
        ("from: lead.tags, as: integer, join: ';'", "bad-value"),
    ],
)  # fmt: skip
def test_field(entry, wanted):
    lead = {"zero": 0, "no": False, "blank": " ", "bad": "abc", "word": "N/A",
            "long": "one two three", "tags": ["a", "", "bb", "ccc", "a"]}  # fmt: skip
    assert field(entry, lead=lead) == wanted


def test_first_of_stops_at_a_bad_value():
    entry = "first_of: [sixsense.company.employee_count, lead.n], as: integer"
    answer = {"company": {"name": "T", "employeeCount": "about 50"}}
    decisions = decided(f"f: {{{entry}}}", answer, lead={"n": 7})
    assert kept(decisions) == {"f": "bad-value"}
    assert sentence(decisions, "f") == "'about 50' from 6sense cannot be read."


CASES = (
    "cases: [{when: {lead.c: {is: DE}}, value: EU}, "
    "{when: {sixsense.company.name: {is_empty: false}}, value: Known}]"
)


def test_cases_take_the_first_that_holds():
    assert field(CASES, lead={"c": "de"}) == "EU"
    assert field(CASES) == "Known"
    assert field(CASES, {}) == "not-applicable"
    assert field(f"{CASES}, otherwise: None of them", {}) == "None of them"


def test_cases_stop_at_the_first_unknown_one():
    spent = without_answer(LookupResult.SPENT)
    assert field(f"{CASES}, otherwise: x", spent) == "no-lookup"
    assert field(CASES, spent, lead={"c": "DE"}) == "EU"


@pytest.mark.parametrize("result", [LookupResult.SPENT, LookupResult.FAILED])
def test_without_an_answer_nothing_is_concluded(result):
    answer = without_answer(result)
    assert field("from: sixsense.company.name, otherwise: x", answer) == "no-lookup"
    first = "first_of: [sixsense.company.name, lead.n], otherwise: x"
    assert field(first, answer, lead={"n": "N"}) == "N"
    assert field(first, answer) == "no-lookup"
    both = "all_of: [sixsense.company.name, lead.n], join: ', '"
    assert field(both, answer, lead={"n": "N"}) == "no-lookup"
    assert field("text: '{sixsense.company.name} {lead.n}'", answer) == "no-lookup"
    assert field("value: x, otherwise: y", answer) == "x"


def test_no_match_takes_otherwise_and_clears_nothing():
    answer = without_answer(LookupResult.NO_MATCH)
    assert field("from: sixsense.company.name, otherwise: x", answer) == "x"
    clear = "from: sixsense.company.name, write: always, clear: true"
    assert field(clear, answer, current={"f": "old"}) == "no-value"


def test_not_asked_is_empty_only_if_something_else_was_read():
    answer = without_answer(LookupResult.NOT_ASKED)
    assert field("from: sixsense.company.name, otherwise: x", answer) == "no-lookup"
    first = "first_of: [sixsense.company.name, lead.n], otherwise: x"
    assert field(first, answer) == "x"
    hot = (
        "value: x, otherwise: y, when: {sixsense.company.name: {is: a}}, write: always"
    )
    assert field(hot, answer) == "no-lookup"
    assert field("from: sixsense.result", answer) == "not-asked"


def test_clear_blanks_what_a_matched_answer_does_not_have():
    entry = "from: sixsense.company.city, write: always, clear: true"
    decisions = decided(f"f: {{{entry}}}", COMPANY, current={"f": "Oslo"})
    assert decisions.writes == {"f": None}
    assert field(entry, current={"f": ""}) == "unchanged"
    fresh = "from: sixsense.company.city, clear: true"
    assert field(fresh, current={"f": "Oslo"}) == "edited-by-someone"
    assert field(fresh, current={"f": "Oslo"}, written={"f": "Oslo"}) is None


def test_a_list_of_which_nothing_is_left_is_cleared():
    entry = 'from: sixsense.segments.names, join: ";", translate: {X: x}, write: always'
    assert field(entry, SEGMENTS, current={"f": "a"}) == "no-translation"
    assert field(f"{entry}, clear: true", SEGMENTS, current={"f": "a"}) is None


def test_join_drops_what_is_empty_or_there_already():
    entry = 'from: sixsense.segments.names, join: "; "'
    assert field(entry, SEGMENTS) == "ICP EMEA; Webinar"


NUMBER = {"f": CrmField("f", "integer")}


@pytest.mark.parametrize(
    ("crm", "lead", "wanted"),
    [
        (CrmField("f", "integer"), "12", 12),
        (CrmField("f", "integer"), 12.0, 12),
        (CrmField("f", "integer"), True, 1),
        (CrmField("f", "integer"), "12.5", "bad-value"),
        (CrmField("f", "float"), "12.5", 12.5),
        (CrmField("f", "string"), 12.0, "12"),
        (CrmField("f", "string"), True, "true"),
        (CrmField("f", "boolean"), "yes", True),
        (CrmField("f", "boolean"), "maybe", "bad-value"),
        (CrmField("f", "date"), "2026-11-02", "2026-11-02"),
        (CrmField("f", "date"), "soon", "bad-value"),
        (CrmField("f", "string", length=3), "four", "too-long"),
        (CrmField("f", "string", length=3), "fou", "fou"),
        (CrmField("f", "string", length=3, length_in_bytes=True), "döö", "too-long"),
        (CrmField("f", "picklist", values=("A", "B")), "A", "A"),
        (CrmField("f", "picklist", values=("A", "B")), "a", "not-allowed"),
        (CrmField("f", "multipicklist", values=("A", "B")), "B;A", "B;A"),
        (CrmField("f", "multipicklist", values=("A", "B")), "B;C", "not-allowed"),
        (CrmField("f", "string", read_only=True), "x", "read-only"),
    ],
)
def test_fit(crm, lead, wanted):
    got = field("from: lead.v, write: always", lead={"v": lead}, schema={"f": crm})
    assert got == wanted
    assert type(got) is type(wanted)


def test_the_schemas_length_cuts_where_the_mapping_says_how():
    short = {"f": CrmField("f", "string", length=8)}
    mapping = load("f: {from: lead.v, max: auto, cut: words}", schema=short)
    scope = facts_of({"v": "one two three"}).scope()
    assert mapping.entries[0].value(scope, short["f"]).value == "one two"
    entry = "from: lead.v, max: 100, cut: characters"
    assert field(entry, lead={"v": "one two three"}, schema=short) == "one two"
    in_bytes = {"f": CrmField("f", "string", length=4, length_in_bytes=True)}
    assert field(entry, lead={"v": "aööö"}, schema=in_bytes) == "aö"


def test_on_error_fails_the_run_for_what_does_not_fit_either():
    allowed = {"f": CrmField("f", "picklist", values=("A",))}
    decisions = decided(
        "g: {value: 1}\nf: {from: lead.v, on_error: fail}",
        lead={"v": "C"},
        schema=allowed,
    )
    assert decisions.failed == "f: The CRM's list for this field has no 'C'."
    assert decisions.fields == ()
    assert decisions.result == "failed"


def test_an_item_with_the_separator_is_bad_on_a_multi_select_field():
    schema = {"f": CrmField("f", "multipicklist")}
    lead = {"v": ["a;b", "c"]}
    assert field('from: lead.v, join: ";"', lead=lead, schema=schema) == "bad-value"
    assert field('from: lead.v, join: ";"', lead=lead) == "a;b;c"


def test_defaults_are_said_once_and_a_fields_own_key_wins():
    more = "defaults: {write: always, no_value: [Unknown], on_error: fail}"
    lead = {"u": "unknown", "n": "N/A", "bad": "x"}
    options = {"lead": lead, "more": more, "current": {"f": "typed"}}
    assert field("from: lead.u", **options) == "no-value"
    assert field("from: lead.n", **options) == "N/A"
    assert field("from: lead.u, no_value: [N/A]", **options) == "unknown"
    assert field("from: lead.n, write: if-empty", **options) == "not-empty"
    assert field("from: lead.bad, as: integer", **options).startswith("f: 'x' is not")
    assert (
        field("from: lead.bad, as: integer, on_error: skip", **options) == "bad-value"
    )


@pytest.mark.parametrize(
    ("entry", "words"),
    [
        ("from: sixsense.company.city", "6sense has nothing for this field."),
        ("from: lead.x, as: range-high", "'10,000+' has no upper end."),
        ("from: lead.x, max: 3", "7 characters, and the field takes 3."),
        ("from: lead.x, translate: {a: b}", "'10,000+' is not in the field's table."),
        ("from: lead.x, translate: sizes", "'10,000+' is not in the table \"sizes\"."),
        ("value: x, when: {lead.x: {is: y}}",
         "only when lead.x is y, which is not so for this lead."),
        ("value: same", "The record already says so."),
        ("value: x, write: if-empty", "The field has a value, and the mapping fills"),
        ("value: x, write: with-others", "Written only together with another field"),
    ],
)  # fmt: skip
def test_sentences(entry, words):
    decisions = decided(
        f"f: {{{entry}}}",
        COMPANY,
        lead={"x": "10,000+"},
        current={"f": "same"},
        more="translations: {sizes: {a: b}}",
    )
    assert words in sentence(decisions, "f")


def test_decisions_tell_the_value_the_current_one_and_the_path():
    decisions = decided(
        "f: {first_of: [sixsense.company.city, sixsense.company.name]}",
        COMPANY,
        current={"f": "Acme"},
    )
    (decision,) = decisions.fields
    assert (decision.value, decision.current) == ("Tubes", "Acme")
    assert decision.origin == "sixsense.company.name"
    assert decisions.result == "matched"


def test_what_was_asked_of_two_lookups_has_the_best_result():
    more = (
        "lookups:\n  a: {api: lead-scoring, send: {email: lead.email}}\n"
        "  b: {api: lead-scoring, send: {email: lead.email}}"
    )
    facts = facts_of(
        a=without_answer(LookupResult.FAILED), b=matched({}, "lead-scoring")
    )
    mapping = load("f: {from: run.result}", more)
    decisions = decide(mapping, facts, current={}, last_written={}, now=NOW)
    assert decisions.writes == {"f": "matched"}
    assert decisions.result == "matched"
