"""Company Identification: the account behind an address on the internet."""

from __future__ import annotations

from typing import Any

from flask import Response

from sandbox import people, visitors
from sandbox.sixsense import answers
from sandbox.sixsense.question import Question

#: Our name → the one of this API.
_NAMES = {
    "domain": "domain", "name": "name", "region": "region", "country": "country",
    "state": "state", "city": "city", "industry": "industry",
    "countryISOCode": "country_iso_code", "streetAddress": "address",
    "postalCode": "zip", "companyPhone": "phone", "employeeRange": "employee_range",
    "revenueRange": "revenue_range", "employeeCount": "employee_count",
    "annualRevenue": "annual_revenue", "sicdescription": "sic_description",
    "siccode": "sic", "naicscode": "naics", "naicsdescription": "naics_description",
}  # fmt: skip


def visit(question: Question) -> Response:
    """Who it is. No IPv4 address: blank data, or by switch 404."""
    ip = question.text("ip")
    if question.inputs.get("custom_id") == "":
        # There is a header, but no token at its end, or no name before it.
        return answers.error(422)
    if not visitors.is_ipv4(ip):
        if question.options.invalid_ip == "404":
            return answers.error(404)
        return answers.answer(_body(question, None, "", {}))
    if not question.may_spend(ip):
        return answers.error(402)
    match, domain = visitors.company_at(ip)
    is_charged = match == visitors.MATCH or (
        match == visitors.NON_ACTIONABLE and question.options.charge_non_actionable
    )
    if is_charged:
        question.charge(ip)
    if not domain:
        question.note_no_match()
    return answers.answer(_body(question, match, domain, visitors.place_of(ip)))


def _body(
    question: Question, match: str | None, domain: str, place: dict[str, str]
) -> dict[str, Any]:
    scores = []
    if domain and question.scores_are_on():
        products = tuple(question.options.products)
        scores = visitors.account_scores(domain, products)
        if question.options.shuffle_scores:
            with question.world.lock:
                question.world.random.shuffle(scores)
    segments = question.segments(domain) if domain else answers.segments([], "names")
    ip = question.text("ip")
    return {
        "company": _company(match, domain, scores, place),
        "scores": scores,
        "segments": segments,
        "confidence": visitors.confidence_of(ip) if domain else None,
    }


def _company(
    match: str | None,
    domain: str,
    scores: list[dict[str, Any]],
    place: dict[str, str],
) -> dict[str, Any]:
    found = people.company_for(domain) or {} if domain else {}
    is_known = None if match is None else False
    return {
        "company_match": match,
        "additional_comment": visitors.COMMENTS.get(match or ""),
        **{name: found.get(ours) for ours, name in _NAMES.items()},
        "is_blacklisted": domain in people.EXCLUDED if domain else is_known,
        "is_6qa": any(one["is_6qa"] for one in scores) if domain else is_known,
        "geoIP_country": place.get("geoIP_country"),
        "geoIP_state": place.get("geoIP_state"),
        "geoIP_city": place.get("geoIP_city"),
        "state_code": people.state_code(found.get("state", "")),
        "industry_v2": people.industries_of(found.get("industry", "")),
    }
