"""The two lead operations and the two of firmographics: about an e-mail or a domain.

Blank e-mail 400; malformed 404; no credits 402; no match 200 with blank data. The
second and the last by switch otherwise.
"""

from __future__ import annotations

from typing import Any

from flask import Response

from sandbox import people
from sandbox.sixsense import answers
from sandbox.sixsense.question import Question, is_address, no_content


def lead(question: Question) -> Response:
    """Scores of one e-mail, and firmographics and segments if the operation pays."""
    email = question.text("email").lower()
    if not email:
        return answers.error(400)
    if not is_address(email):
        return _malformed(question)
    return _about(question, email)


def firmographics(question: Question) -> Response:
    """The company of an e-mail; the newer version falls back to a domain."""
    email, domain = question.text("email").lower(), ""
    if question.operation.name == "company_firmographics_v3":
        domain = question.text("domain").lower()
    if not (email or domain):
        return answers.error(400)
    if email and is_address(email) and (people.is_known(email) or not domain):
        return _about(question, email)
    if domain:
        return _about(question, domain)
    return _malformed(question)


def _about(question: Question, record: str) -> Response:
    if not question.may_spend(record):
        return answers.error(402)
    if not people.is_known(record) or _filtered_out(question, record):
        return _no_match(question)
    question.charge(record)
    return answers.answer(_matched(question, record))


def _matched(question: Question, record: str) -> dict[str, Any]:
    world, name = question.world, question.operation.name
    options, title = question.options, question.text("title")
    found: dict[str, Any] = {}
    if name != "lead_scoring_v2":
        company = people.company_for(record, title) or {}
        found["company"] = answers.company(company, options, name)
        if not title and name != "lead_scoring_firmographics_v2":
            found["company"] |= {"titleLevel": None, "titleFunction": None}
    if name.startswith("lead"):
        with world.lock:
            found["scores"] = answers.scores(
                record, options, question.scores_are_on(), world.random
            )
    if "company" in found:
        found["segments"] = question.segments(record)
    return found


def _malformed(question: Question) -> Response:
    if question.options.malformed == "404":
        return answers.error(404, answers.INVALID_EMAIL)
    return _blank(question)


def _blank(question: Question) -> Response:
    name = question.operation.name
    found: dict[str, Any] = {}
    if name != "lead_scoring_v2":
        found["company"] = answers.blank_company(question.options, name)
    if name.startswith("lead"):
        found["scores"] = []
    if "company" in found:
        found["segments"] = answers.segments([], "names")
    return answers.answer(found)


def _no_match(question: Question) -> Response:
    question.note_no_match()
    match question.options.unmatched:
        case "404":
            return answers.error(404)
        case "204":
            return no_content()
    return _blank(question)


def _filtered_out(question: Question, record: str) -> bool:
    country = question.text("country").lower()
    if not (question.options.country_filters and country):
        return False
    found = people.company_for(record) or {}
    known = {found.get("country", "").lower(), found.get("countryISOCode", "").lower()}
    return country not in known
