"""Every product of 6sense in mapping files: a lookup, a way out, or neither."""

from __future__ import annotations

import pytest

from app.cli.mapping import canonical
from app.mapping.editor import editor_schema
from app.mapping.load import check_text
from app.mapping.trial_run import run_trial
from app.sixsense import PRODUCTS

INFOS = {name: product.info for name, product in PRODUCTS.items()}
HEAD = """mapping: 1
source: acme
object: lead
match: {by: id, from: lead.id}
fields: {sxName: {from: s.result}}
"""


def findings(lookup: str) -> list[tuple[str, str, str]]:
    report = check_text(f"{HEAD}lookups: {{s: {lookup}}}\n", "acme.yaml", INFOS)
    return [(f.code, f.message, f.fix) for f in (*report.errors, *report.warnings)]


@pytest.mark.parametrize(
    "lookup",
    [
        "{api: company-identification, send: {ip: lead.ip}}",
        "{api: company/details, send: {ip: lead.ip}}",
        "{api: company-firmographics, send: {domain: lead.website}}",
        "{api: enrichment/company, send: {email: lead.email, domain: lead.website}}",
        "{api: people-enrichment, send: {linkedinUrl: lead.linkedin}}",
        "{api: enrichment/people, send: {peopleId: lead.sixsenseId}}",
        "{api: people-enrichment, send: {email: lead.email}, "
        "budget: {when_spent: lead-scoring}}",
    ],
)
def test_a_product_is_a_lookup(lookup: str) -> None:
    assert findings(lookup) == []


@pytest.mark.parametrize("api", ["people-search", "dictionary/peopleSearch"])
def test_a_search_is_none_and_says_what_to_do(api: str) -> None:
    ((code, message, fix),) = findings(f"{{api: {api}, send: {{domain: lead.a}}}}")
    assert code == "M106"
    assert message.endswith("lists people of an account; it knows no lead")
    assert fix.startswith("By hand: leadbridge sixsense people-search")
    assert "Lookups: lead-scoring-and-firmographics, " in fix
    assert "people-search-dictionary," not in fix


def test_a_former_version_is_a_warning() -> None:
    lookup = "{api: company-firmographics-v2, send: {email: lead.email}}"
    ((code, message, fix),) = findings(lookup)
    assert (code, fix) == ("W221", "Use company-firmographics. Compare their inputs.")
    assert "former version" in message


@pytest.mark.parametrize(
    ("lookup", "message"),
    [
        ("{api: company-firmographics, send: {email: lead.email, domain: lead.d}, "
         "budget: {when_spent: lead-scoring}}", "lead-scoring has no input 'domain'"),
        ("{api: people-enrichment, send: {ip: lead.ip, email: lead.email}, "
         "budget: {when_spent: people-search}}",
         "'people-search' is not a way when the budget is spent"),
        ("{api: company-firmographics-v2, send: {website: lead.d}, "
         "budget: {when_spent: lead-scoring}}", "lead-scoring needs email"),
    ],
)  # fmt: skip
def test_a_way_out_has_to_take_what_is_sent(lookup: str, message: str) -> None:
    assert message in [said for code, said, _ in findings(lookup) if code == "M106"]


def test_an_account_that_is_excluded_in_6sense_can_be_left_alone() -> None:
    text = """mapping: 1
source: acme
object: lead
match: {by: id, from: lead.id}
lookups: {s: {api: people/full, send: {email: lead.email}}}
fields:
  sxName: {from: s.company.name, when: {not: {s.company.is_blacklisted: {is: true}}}}
tests:
  - {name: excluded, lead: {id: 1, email: a@acme.example},
     s: {company: {name: Acme, is_blacklisted: true}},
     expect: {writes: {}, kept: {sxName: not-applicable}}}
  - {name: not excluded, lead: {id: 1, email: a@acme.example},
     s: {company: {name: Acme}}, expect: {writes: {sxName: Acme}}}
"""
    report = check_text(text, "acme.yaml", INFOS)
    (mapping,) = report.mappings
    assert not report.errors
    for trial in mapping.trials:
        assert not run_trial(mapping, trial, canonical)


def test_a_test_cannot_be_answered_by_a_search() -> None:
    text = (
        HEAD + "lookups: {s: {api: lead-scoring, send: {email: lead.email}}}\n"
        "tests: [{name: a, lead: {id: 1, email: a@acme.example}, "
        "s: {api: people-search}, expect: {writes: {}}}]\n"
    )
    report = check_text(text, "acme.yaml", INFOS)
    assert [f.message for f in report.errors] == [
        "'people-search' is not an API of 6sense"
    ]


def test_editors_offer_lookups_only() -> None:
    made = editor_schema(list(INFOS.values()))
    offered = made["definitions"]["LookupSchema"]["properties"]["api"]["enum"]
    assert "company-identification" in offered
    assert "company/details" in offered
    assert not [name for name in offered if "earch" in name]
