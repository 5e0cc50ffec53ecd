"""The operations of 6sense in one table, and the work of each.

A further operation is one `Operation` and one function: the gate (token,
entitlement, rate), faults, the journal and routing follow from the table.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from flask import Response

from sandbox import people
from sandbox.journal import Call
from sandbox.sixsense import answers
from sandbox.state import World

#: Inputs of the two lead operations; anything else in the form is ignored.
LEAD_INPUTS = (
    "email", "country", "website", "company", "title", "leadsource",
    "firstname", "lastname", "role", "industry",
)  # fmt: skip

FORM = "application/x-www-form-urlencoded"


@dataclass(frozen=True)
class Question:
    """One request that passed the gate."""

    world: World
    call: Call
    token: str
    inputs: dict[str, str]  #: trimmed


@dataclass(frozen=True)
class Operation:
    """One row of 6sense's API list."""

    name: str  #: the contract's operationId
    method: str
    path: str
    encoding: str | None  #: content type of the body; None: the query
    pool: str | None  #: credit pool, or None when the answer is free
    work: Callable[[Operation, Question], Response]


def lead(operation: Operation, question: Question) -> Response:
    """Scores, and with a credit pool firmographics and segments, of one e-mail.

    Blank e-mail 400; malformed 404; no match 200 with blank data (both by
    switch otherwise); no credits 402.
    """
    options = question.world.sixsense.options
    email = question.inputs.get("email", "").lower()
    if not email:
        return answers.error(400)
    if not _is_address(email):
        if options.malformed == "404":
            return answers.error(404, answers.INVALID_EMAIL)
        return _blank(operation, question)
    if operation.pool and not _may_spend(question, email):
        return answers.error(402)
    if not people.is_known(email) or _filtered_out(question, email):
        return _no_match(operation, question)
    if operation.pool:
        _charge(question, email)
    return answers.answer(_matched(operation, question, email))


def _matched(operation: Operation, question: Question, email: str) -> dict[str, Any]:
    world, token = question.world, question.token
    state, options = world.sixsense, world.sixsense.options
    entitled = state.entitlement(token, "scores", True)
    with world.lock:
        scores = answers.scores(email, options, entitled, world.random)
    if not operation.pool:
        return {"scores": scores}
    found = people.company_for(email, question.inputs.get("title", "")) or {}
    form = state.entitlement(token, "segments", options.segments)
    return {
        "company": answers.company(found, options),
        "scores": scores,
        "segments": answers.segments(people.segments_for(email), form),
    }


def _blank(operation: Operation, question: Question) -> Response:
    if not operation.pool:
        return answers.answer({"scores": []})
    options = question.world.sixsense.options
    return answers.answer(
        {
            "company": answers.blank_company(options),
            "scores": [],
            "segments": answers.segments([], "names"),
        }
    )


def _no_match(operation: Operation, question: Question) -> Response:
    world = question.world
    with world.lock:
        world.sixsense.no_match[operation.name] += 1
    match world.sixsense.options.unmatched:
        case "404":
            return answers.error(404)
        case "204":
            return no_content()
    return _blank(operation, question)


def no_content() -> Response:
    """204: zero bytes and no Content-Type."""
    response = Response(status=204)
    del response.headers["Content-Type"]
    return response


def _is_address(email: str) -> bool:
    name, at, domain = email.partition("@")
    return bool(name and at and domain) and "@" not in domain and " " not in email


def _filtered_out(question: Question, email: str) -> bool:
    country = question.inputs.get("country", "").lower()
    if not (question.world.sixsense.options.country_filters and country):
        return False
    found = people.company_for(email) or {}
    known = {found.get("country", "").lower(), found.get("countryISOCode", "").lower()}
    return country not in known


def _may_spend(question: Question, record: str) -> bool:
    world = question.world
    with world.lock:
        return world.sixsense.may_spend(question.token, record, world.clock.now())


def _charge(question: Question, record: str) -> None:
    world = question.world
    with world.lock:
        question.call.credits = world.sixsense.charge(
            question.token, record, world.clock.now()
        )


OPERATIONS = (
    Operation(
        "lead_scoring_firmographics_v2",
        "POST", "/v2/people/full", FORM, "enrichment", lead,
    ),
    Operation("lead_scoring_v2", "POST", "/v2/people/score", FORM, None, lead),
)  # fmt: skip
