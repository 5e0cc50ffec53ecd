"""The operations of 6sense in one table.

A further operation is one `Operation` and one function: the gate (token,
entitlement, rate), faults, the journal and routing follow from the table.
"""

from __future__ import annotations

from sandbox.sixsense import leads, persons, visits
from sandbox.sixsense.question import FORM, JSON, Operation
from sandbox.sixsense.state import ENRICHMENT, IDENTIFICATION

OPERATIONS = (
    Operation(
        "lead_scoring_firmographics_v2",
        "POST", "/v2/people/full", FORM, ENRICHMENT, leads.lead,
    ),
    Operation("lead_scoring_v2", "POST", "/v2/people/score", FORM, None, leads.lead),
    Operation(
        "company_firmographics_v3",
        "POST", "/v1/enrichment/company", FORM, ENRICHMENT, leads.firmographics,
    ),
    Operation(
        "company_firmographics_v2",
        "POST", "/v2/people/enrichment", FORM, ENRICHMENT, leads.firmographics,
    ),
    Operation(
        "people_enrichment_v1",
        "POST", "/v1/enrichment/people", FORM, ENRICHMENT, persons.enrich,
        short_paths=("/v1/enrichment", "/v1/enrichment/"),
    ),
    Operation(
        "company_identification_v3",
        "GET", "/v3/company/details", None, IDENTIFICATION, visits.visit,
    ),
    Operation(
        "people_search_v1", "POST", "/v1/search/people", JSON, None, persons.search
    ),
    Operation(
        "people_search_dictionary_v1",
        "GET", "/v1/dictionary/peopleSearch", None, None, persons.words,
    ),
)  # fmt: skip
