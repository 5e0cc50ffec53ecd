"""Paths: either spelling, picks from lists, and what an API does not have."""

import pytest

from app.domain import LookupResult
from tests.mapping_parts import (
    SCORES,
    decided,
    kept,
    load,
    matched,
    sentence,
    without_answer,
)

ANSWER = {
    "company": {"name": "Tubes", "employeeCount": "1192", "countryISOCode": "US"},
    "scores": [
        {"product": "Zeta", "company_intent_score": 9, "contact_grade": "B"},
        {"product": "platform", "company_intent_score": 81, "contact_grade": "B",
         "company_buying_stage": "Target", "company_profile_fit": "Weak"},
        {"product": "Alpha", "company_intent_score": "", "contact_grade": "A",
         "company_buying_stage": "Purchase", "company_profile_fit": "Moderate"},
    ],
    "segments": {"ids": [1, 2], "names": ["ICP", "Webinar"]},
}  # fmt: skip


def value(path, answer=ANSWER, more="", **options):
    """What a path gives, written as it is."""
    decisions = decided(
        f"f: {{from: {path!r}, write: always{more}}}", answer, **options
    )
    return decisions.writes.get("f", kept(decisions).get("f"))


@pytest.mark.parametrize(
    ("path", "wanted"),
    [
        ("sixsense.company.employee_count", 1192),
        ("sixsense.company.employeeCount", 1192),
        ("sixsense.company.countryISOCode", "US"),
        ("sixsense.scores[product=Platform].company_intent_score", 81),
        ("sixsense.scores[ product = PLATFORM ].intent_score", 81),
        ("sixsense.scores[product=Other].company_intent_score", "no-value"),
        ("sixsense.scores[highest=company_intent_score].product", "platform"),
        ("sixsense.scores[highest=contact_grade].product", "Alpha"),
        ("sixsense.scores[highest=company_buying_stage].product", "Alpha"),
        ("sixsense.scores[highest=company_profile_fit].product", "Alpha"),
        ("sixsense.segments.names[1]", "Webinar"),
        ("sixsense.segments.names[7]", "no-value"),
        ("sixsense.result", "matched"),
        ("sixsense.api", "lead-scoring-and-firmographics"),
        ("sixsense.at", "2026-11-23T10:00:00Z"),
        ("sixsense.reused", False),
        ("run.time", "2026-11-23T10:00:00Z"),
        ("run.event", "created"),
        ("run.source", "acme"),
        ("run.result", "matched"),
        ("lead.a.b", "deep"),
        ("lead.a.b.c", "no-value"),
        ("lead.list[0].n", 1),
        ("lead.list[n=2].m", "two"),
        ("lead.list[highest=n].m", "two"),
        ("lead.Account Name", "Acme"),
        ("current.old", "before"),
    ],
)
def test_reads(path, wanted):
    lead = {"a": {"b": "deep"}, "list": [{"n": 1}, {"n": 2, "m": "two"}],
            "Account Name": "Acme"}  # fmt: skip
    assert value(path, lead=lead, current={"old": "before"}) == wanted


def test_ties_are_decided_by_the_products_name():
    answer = {"scores": [{"product": p, "contact_grade": "B"} for p in ("C", "A", "B")]}
    assert value("sixsense.scores[highest=contact_grade].product", answer) == "A"


def test_a_path_through_a_list_gives_the_list():
    assert (
        value("sixsense.scores.product", more=", join: ', '") == "Zeta, platform, Alpha"
    )


def test_a_list_of_the_lead_needs_join_too():
    assert value("lead.tags", lead={"tags": ["a", "b"]}) == "bad-value"
    assert value("lead.tags", more=", join: '/'", lead={"tags": ["a", "b"]}) == "a/b"
    assert value("lead.a", lead={"a": {"b": 1}}) == "bad-value"


def test_what_the_api_that_answered_does_not_have_is_unknown():
    more = (
        "lookups: {sixsense: {api: lead-scoring-and-firmographics, "
        "send: {email: lead.email}, budget: {per_day: 1, when_spent: lead-scoring}}}"
    )
    answer = matched({"scores": [{"product": "P", "company_intent_score": 7}]}, SCORES)
    fields = (
        "a: {from: sixsense.company.name}\n"
        'b: {from: "sixsense.scores[product=P].company_intent_score"}\n'
        'c: {from: sixsense.segments.names, join: ";", write: always, clear: true}'
    )
    decisions = decided(fields, answer, more=more)
    assert decisions.writes == {"b": 7}
    assert kept(decisions) == {"a": "no-lookup", "c": "no-lookup"}
    assert "only lead-scoring was asked" in sentence(decisions, "a")
    none = without_answer(LookupResult.NO_MATCH, SCORES)
    assert kept(decided(fields, none, more=more)) == {
        "a": "no-lookup", "b": "no-value", "c": "no-lookup",
    }  # fmt: skip


def test_segment_names_are_unknown_while_names_are_switched_off():
    fields = (
        'a: {from: sixsense.segments.names, join: ";", write: always, clear: true}\n'
        'b: {from: sixsense.segments.ids, join: ";", write: always}'
    )
    decisions = decided(fields, {**ANSWER, "segments": {"ids": [1, 2]}})
    assert kept(decisions) == {"a": "no-lookup"}
    assert decisions.writes == {"b": "1;2"}
    switched_off = decided(fields, {**ANSWER, "segments": {}}, current={"a": "x"})
    assert switched_off.writes == {"a": None}


def test_the_fields_that_a_mapping_reads_are_known():
    mapping = load(
        "a: {from: lead.x.y, when: {current.z: {is_empty: true}}}\n"
        'b: {text: "{lead.q} {current.a}"}',
        "skip_when: {lead.s: {is: 1}}\npriority: {bulk: {lead.p: {is: 1}}}",
    )
    assert mapping.lead_fields == {"id", "email", "x", "q", "s", "p"}
    assert mapping.current_fields == ("a", "b", "z")
    assert mapping.fields == ("a", "b")
