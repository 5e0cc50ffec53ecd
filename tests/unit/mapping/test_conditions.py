"""Conditions: three values, no capitals, and nothing true of an empty value."""

from datetime import UTC, datetime

import pytest

from app.domain import LookupResult
from app.mapping.apply import skip_reason
from app.mapping.comparisons import domain_of
from tests.mapping_parts import decided, facts_of, kept, load, matched, without_answer

FILES = {"shared/free.txt": "# free mailboxes\ngmail.com\n\noutlook.com # and below\n"}


def holds(condition, lead):
    """Whether a lead is skipped by a condition."""
    mapping = load("f: {value: 1}", f"skip_when: {condition}", FILES)
    return skip_reason(mapping, facts_of(lead)) is not None


@pytest.mark.parametrize(
    ("condition", "value"),
    [
        ("{lead.x: {is: acme}}", " ACME "),
        ("{lead.x: {is: true}}", "TRUE"),
        ("{lead.x: {is: true}}", 1),
        ("{lead.x: {is: false}}", "no"),
        ("{lead.x: {is: 41}}", "41"),
        ("{lead.x: {is: 41}}", 41.0),
        ("{lead.x: {is: '41'}}", 41),
        ("{lead.x: {in: [DE, AT]}}", "at"),
        ("{lead.x: {in: [DE, AT]}}", ["FR", "AT"]),
        ("{lead.x: {not_in: [DE, AT]}}", "FR"),
        ("{lead.x: {not_in: [DE, AT]}}", None),
        ("{lead.x: {not_in: [DE, AT]}}", ["FR", "ES"]),
        ("{lead.x: {contains: cme}}", "ACME"),
        ("{lead.x: {contains: acme}}", ["Acme", "B"]),
        ("{lead.x: {starts_with: ac}}", "Acme"),
        ("{lead.x: {starts_with: ac}}", ["B", "Acme"]),
        ("{lead.x: {domain_in: [gmail.com]}}", "jo@mail.Gmail.com"),
        ("{lead.x: {domain_in: shared/free.txt}}", "https://www.outlook.com/x?y=1"),
        ("{lead.x: {is_empty: true}}", "  "),
        ("{lead.x: {is_empty: true}}", []),
        ("{lead.x: {is_empty: false}}", 0),
        ("{lead.x: {is_empty: false}}", False),
        ("{lead.x: {above: 10}}", "10.5"),
        ("{lead.x: {below: 10}}", 9),
        ("{lead.x: {at_least: 1000}}", "1,000"),
        ("{lead.x: {at_most: 10}}", 10),
        ("{lead.x: {above: 2026-11-01}}", "2026-11-02"),
        ("{lead.x: {older_than: 90 days}}", "2026-01-01"),
        ("{lead.x: {older_than: 1 hour}}", 1793577600000),
        ("{lead.x: {is: a}, lead.email: {contains: '@'}}", "a"),
        ("{any: [{lead.x: {is: a}}, {lead.x: {is: b}}]}", "b"),
        ("{all: [{lead.x: {is: a}}, {lead.id: {is: 1}}]}", "a"),
        ("{not: {lead.x: {is: a}}}", "b"),
        ("{lead.x: {at_least: 1, at_most: 5}}", 3),
    ],
)
def test_holds(condition, value):
    assert holds(condition, {"x": value})


@pytest.mark.parametrize(
    ("condition", "value"),
    [
        ("{lead.x: {is: acme}}", "acme corp"),
        ("{lead.x: {is: false}}", ""),
        ("{lead.x: {is: false}}", None),
        ("{lead.x: {is: 41}}", "forty-one"),
        ("{lead.x: {is: a}}", ["a"]),
        ("{lead.x: {in: [DE, AT]}}", ""),
        ("{lead.x: {not_in: [DE, AT]}}", "DE"),
        ("{lead.x: {not_in: [DE, AT]}}", ["FR", "DE"]),
        ("{lead.x: {contains: acme}}", ["Acme Corp"]),
        ("{lead.x: {domain_in: [gmail.com]}}", "jo@notgmail.com"),
        ("{lead.x: {domain_in: shared/free.txt}}", "below"),
        ("{lead.x: {is_empty: true}}", "x"),
        ("{lead.x: {above: 10}}", "many"),
        ("{lead.x: {above: 10}}", [11]),
        ("{lead.x: {at_least: 0}}", None),
        ("{lead.x: {older_than: 90 days}}", "2026-11-01"),
        ("{lead.x: {older_than: 90 days}}", "long ago"),
        ("{lead.x: {older_than: 90 days}}", None),
        ("{not: {lead.x: {not_in: [a]}}}", "b"),
        ("{lead.x: {is: a}, lead.email: {is_empty: true}}", "a"),
    ],
)
def test_does_not_hold(condition, value):
    assert not holds(condition, {"x": value})


SCORE = {"scores": [{"product": "Platform", "company_intent_score": 5}]}
HIGH = "sixsense.company.employee_count: {at_least: 1000}"


def reason(when, answer):
    """The reason of a field with a condition, `written` if it is none."""
    found = kept(decided(f"f: {{value: x, write: always, when: {when}}}", answer))
    return found.get("f", "written")


@pytest.mark.parametrize("result", [LookupResult.SPENT, LookupResult.FAILED])
def test_what_was_not_answered_is_unknown_not_false(result):
    answer = without_answer(result)
    assert reason(f"{{{HIGH}}}", answer) == "no-lookup"
    assert reason(f"{{not: {{{HIGH}}}}}", answer) == "no-lookup"
    assert reason(f"{{any: [{{{HIGH}}}, {{lead.id: {{is: 1}}}}]}}", answer) == "written"
    assert reason(f"{{all: [{{{HIGH}}}, {{lead.id: {{is: 2}}}}]}}", answer) == (
        "not-applicable"
    )
    assert (
        reason(f"{{all: [{{{HIGH}}}, {{lead.id: {{is: 1}}}}]}}", answer) == "no-lookup"
    )


def test_no_match_is_an_answer_in_which_everything_is_empty():
    answer = without_answer(LookupResult.NO_MATCH)
    assert reason(f"{{{HIGH}}}", answer) == "not-applicable"
    assert reason("{sixsense.company.name: {is_empty: true}}", answer) == "written"


def test_the_result_itself_can_always_be_read():
    for result in LookupResult:
        answer = without_answer(result)
        assert reason(f"{{sixsense.result: {{is: {result}}}}}", answer) == "written"
        assert reason(f"{{run.result: {{is: {result}}}}}", answer) == "written"


def test_a_number_6sense_garbled_is_there_but_compares_with_nothing():
    answer = matched({"company": {"name": "A", "employeeCount": "about 50"}})
    assert reason(f"{{{HIGH}}}", answer) == "not-applicable"
    assert reason("{sixsense.company.employee_count: {is_empty: false}}", answer) == (
        "written"
    )


def test_a_skipped_run_says_which_part_of_the_condition_held():
    more = "skip_when: {any: [{lead.a: {is: 1}}, {lead.b: {in: [x, y]}}]}"
    mapping = load("f: {value: 1}", more)
    assert skip_reason(mapping, facts_of({"b": "y"})) == "lead.b in [x, y]"
    more = "skip_when: {lead.email: {domain_in: shared/free.txt}}"
    mapping = load("f: {value: 1}", more, FILES)
    assert skip_reason(mapping, facts_of({"email": "a@gmail.com"})) == (
        "lead.email domain_in shared/free.txt"
    )
    assert skip_reason(mapping, facts_of({"email": "a@tubes.example"})) is None


def test_a_condition_on_the_record_is_decided_after_the_lookups():
    more = "skip_when: {current.owner: {is: Zoe}}"
    mapping = load("f: {value: 1}", more)
    assert skip_reason(mapping, facts_of()) is None
    decisions = decided("f: {value: 1}", more=more, current={"owner": "zoe"})
    assert decisions.skipped == "current.owner is Zoe"
    assert decisions.result == "skipped"
    assert decisions.writes == {}


def test_times_without_a_zone_are_in_the_mappings_zone():
    more = (
        "defaults: {timezone: Europe/Berlin}\n"
        "skip_when: {lead.t: {above: '2026-11-02T10:00:00'}}"
    )
    mapping = load("f: {value: 1}", more)
    assert skip_reason(mapping, facts_of({"t": "2026-11-02T09:01:00Z"})) is not None
    assert (
        skip_reason(mapping, facts_of({"t": datetime(2026, 11, 2, 8, tzinfo=UTC)}))
        is None
    )


@pytest.mark.parametrize(
    ("text", "domain"),
    [
        ("jo@Acme.example", "acme.example"),
        ("https://jo:x@www.acme.example:8080/a@b", "acme.example"),
        ("www.acme.example/", "acme.example"),
        ("Jo <jo@acme.example>", "acme.example"),
        ("acme.example.", "acme.example"),
        ("", ""),
    ],
)
def test_domains(text, domain):
    assert domain_of(text) == domain
