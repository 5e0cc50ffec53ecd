"""Which record an answer pays for, so that it costs nothing for a while."""

from __future__ import annotations

import pytest

from app.sixsense.credits import pool_of, record_of

EMAIL = {"email": "Zoe@Acme.example ", "domain": "acme.example", "title": "CTO"}


@pytest.mark.parametrize(
    ("api", "inputs", "record"),
    [
        ("lead-scoring-and-firmographics", EMAIL, "email=zoe@acme.example"),
        # One record for every product of the pool, however its capitals are.
        ("people-enrichment", EMAIL, "email=zoe@acme.example"),
        ("company-firmographics", {"domain": "ACME.example"}, "domain=acme.example"),
        ("people-enrichment", {"email": "", "peopleId": "7"}, "peopleId=7"),
        # Free at any time.
        ("lead-scoring", EMAIL, None),
    ],
)
def test_a_record_is_named_by_what_it_was_asked_by(
    api: str, inputs: dict[str, str], record: str | None
) -> None:
    assert record_of(api, inputs) == record


def test_an_identified_address_costs_each_time() -> None:
    assert pool_of("company-identification") == "company-identification"
    assert record_of("company-identification", {"ip": "192.0.2.7"}) is None
