"""Lookups: what is asked, what is not, and what it may cost."""

from datetime import timedelta

from app.domain import LookupResult
from app.mapping.apply import is_bulk, outcome_values, question, record_key, skip_reason
from app.mapping.model import Budget
from tests.mapping_parts import NOW, facts_of, load, matched, without_answer

ONE = "lookups: {s: {api: people/full, send: {%s}%s}}"


def asked(send, lead=None, rest="", **answers):
    """The inputs of one lookup, or None."""
    mapping = load("f: {value: 1}", ONE % (send, rest))
    return question(mapping, mapping.lookups[0], facts_of(lead, **answers))


def test_blank_inputs_are_not_sent_and_nothing_is_invented():
    send = "email: lead.email, country: lead.country, company: lead.company"
    lead = {"country": "", "company": " Tubes "}
    assert asked(send, lead) == {"email": "jo@tubes.example", "company": "Tubes"}


def test_without_a_required_input_nothing_is_asked():
    assert asked("email: lead.mail, company: lead.email") is None


def test_an_input_may_be_an_entry():
    send = (
        "email: {first_of: [lead.work, lead.email]}, "
        "company: {from: lead.c, translate: {t: Tubes}}, "
        'website: {text: "https://{lead.site}"}, '
        "title: {from: lead.n, as: integer}, industry: {value: Mining}"
    )
    lead = {"c": "T", "site": "tubes.example", "n": "not a number"}
    assert asked(send, lead) == {
        "email": "jo@tubes.example",
        "company": "Tubes",
        "website": "https://tubes.example",
        "industry": "Mining",
    }


def test_inputs_are_text():
    assert asked("email: lead.email, role: lead.flag", {"flag": True})["role"] == "true"


def test_when_decides_and_unknown_does_not_ask():
    when = ", when: {lead.email: {domain_in: [tubes.example]}}"
    assert asked("email: lead.email", rest=when)
    assert asked("email: lead.email", {"email": "a@b.example"}, when) is None


TWO = """
lookups:
  mail: {api: people/full, send: {email: lead.email}}
  again:
    api: people/score
    when: {mail.result: {in: [not-asked, no-match]}}
    send: {email: lead.email, company: mail.company.name}
  more:
    api: people/score
    when: {mail.company.name: {is_empty: true}}
    send: {email: lead.email}
"""


def test_a_lookup_reads_those_above_it():
    mapping = load("f: {value: 1}", TWO)
    _, again, more = mapping.lookups
    none = facts_of(mail=without_answer(LookupResult.NO_MATCH))
    assert question(mapping, again, none) == {"email": "jo@tubes.example"}
    assert question(mapping, more, none)
    found = facts_of(mail=matched({"company": {"name": "Tubes"}}))
    assert question(mapping, again, found) is None
    assert question(mapping, more, found) is None
    spent = facts_of(mail=without_answer(LookupResult.SPENT))
    assert question(mapping, more, spent) is None


def test_a_lookup_keeps_what_it_may_cost():
    rest = (
        ", reuse: {for: 0 days}, on_error: skip, "
        "budget: {per_day: 2000, per_month: 20000, when_spent: people/score}"
    )
    mapping = load("f: {value: 1}", ONE % ("email: lead.email", rest))
    lookup = mapping.lookups[0]
    assert lookup.api == "lead-scoring-and-firmographics"
    assert lookup.reuse == timedelta(0)
    assert lookup.budget == Budget(2000, 20000)
    assert lookup.when_spent == "lead-scoring"
    assert lookup.on_error == "skip"
    assert lookup.required == (("email",),)
    plain = load("f: {value: 1}").lookups[0]
    assert (plain.reuse, plain.budget) == (timedelta(days=1), None)
    assert (plain.when_spent, plain.on_error) == ("wait", "fail")


def test_the_record_to_write_and_a_run_without_one():
    mapping = load("f: {value: 1}")
    assert record_key(mapping, facts_of({"id": 318581})) == "318581"
    assert record_key(mapping, facts_of({"id": 318581.0})) == "318581"
    assert record_key(mapping, facts_of({"id": ""})) is None
    assert skip_reason(mapping, facts_of({"id": None})) == (
        "lead.id is empty, so there is no record to write"
    )


def test_bulk_runs_wait_behind_all_others():
    more = "priority: {bulk: {lead.source: {is: List import}}}"
    mapping = load("f: {value: 1}", more)
    assert is_bulk(mapping, facts_of({"source": "list import"}))
    assert not is_bulk(mapping, facts_of())
    assert not is_bulk(load("f: {value: 1}"), facts_of())


def test_outcome_is_written_for_every_final_state_but_skipped():
    mapping = load("f: {value: 1}", "outcome: {result: r, at: t}")
    assert outcome_values(mapping, "failed", NOW) == {
        "r": "failed",
        "t": "2026-11-23T10:00:00Z",
    }
    assert outcome_values(mapping, "skipped", NOW) == {}
    assert outcome_values(load("f: {value: 1}"), "matched", NOW) == {}
    more = "outcome: {result: r, skipped: true}"
    mapping = load("f: {value: 1}", more)
    assert outcome_values(mapping, "skipped", NOW) == {"r": "skipped"}


def test_a_question_never_fails_the_run():
    send = "email: lead.email, title: {from: lead.n, as: integer}"
    mapping = load("f: {value: 1}", f"{ONE % (send, '')}\ndefaults: {{on_error: fail}}")
    lead = facts_of({"n": "not a number"})
    assert question(mapping, mapping.lookups[0], lead) == {"email": "jo@tubes.example"}
