"""Companies and people follow from the e-mail address alone."""

from __future__ import annotations

import pytest

from sandbox import people


def test_the_same_address_always_brings_the_same_answer() -> None:
    first = people.full_answer("ada@tubes.example")
    assert first == people.full_answer(" Ada@Tubes.Example ")
    assert first["company"]["domain"] == "tubes.example"
    assert first["company"]["name"] == "Tubes"


def test_colleagues_share_company_scores_but_not_their_own() -> None:
    ann, bob = (people.scores_for(f"{name}@tubes.example") for name in ("ann", "bob"))
    for one, other in zip(ann, bob, strict=True):
        company = [key for key in one if key.startswith("company_")]
        assert [one[key] for key in company] == [other[key] for key in company]
    assert ann != bob


def test_demo_companies_are_written_by_hand() -> None:
    platform, data_cloud = people.scores_for("jane.doe@acme.example")
    assert platform["product"] == "Platform"
    assert platform["company_intent_score"] == 81
    assert platform["company_buying_stage"] == "Purchase"
    assert data_cloud["product"] == "Data Cloud"
    assert people.company_for("globex.example")["employeeRange"] == "10,000+"


@pytest.mark.parametrize(
    "address", ["x@gmail.com", "x@nomatch.example", "x@nomatch-ltd.example"]
)
def test_free_mailboxes_and_nomatch_domains_are_unknown(address: str) -> None:
    assert people.company_for(address) is None
    assert people.scores_for(address) == []
    assert people.segments_for(address) == []


def test_counts_are_texts_and_lie_in_their_range() -> None:
    for n in range(200):
        company = people.company_for(f"company-{n}.example")
        count, words = int(company["employeeCount"]), company["employeeRange"]
        low, _, high = words.replace(",", "").replace("+", "").partition(" - ")
        assert int(low) <= count <= int(high or count)
        assert company["annualRevenue"].isdigit()


def test_the_job_title_decides_level_and_function() -> None:
    company = people.company_for("tubes.example", "VP Marketing")
    assert (company["titleLevel"], company["titleFunction"]) == ("VP", "marketing")
    company = people.company_for("tubes.example")
    assert (company["titleLevel"], company["titleFunction"]) == ("staff", "engineering")


def test_scores_spread_over_all_stages_grades_and_fits() -> None:
    scores = [s for n in range(60) for s in people.scores_for(f"x@c{n}.example")]
    assert {s["company_buying_stage"] for s in scores} == set(people.STAGES)
    assert {s["contact_grade"] for s in scores} == set(people.GRADES)
    assert {s["contact_profile_fit"] for s in scores} == set(people.FITS)
