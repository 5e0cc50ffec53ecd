"""People Enrichment, People Search and its dictionary."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from flask import Response

from sandbox import contacts, people
from sandbox.contacts import Contact
from sandbox.sixsense import answers
from sandbox.sixsense.question import Question, no_content

MOST_VALUES = 10
SEARCH_SIZE, WORDS_SIZE = 50, 1000
_FILTERS = ("city", "state", "country", "titles")


class Refused(Exception):
    """An input that 6sense does not take: 422."""


def enrich(question: Question) -> Response:
    """One person, whole, by the first of three inputs that finds one."""
    email, url = question.text("email").lower(), question.text("linkedinUrl")
    people_id = question.text("peopleId")
    if not (email or url or people_id):
        return answers.error(400, answers.NO_PERSON)
    found = (
        (email and contacts.person_for(email))
        or (url and contacts.person_at(url))
        or (people_id and contacts.person_with_id(people_id))
    )
    record = found["email"] if found else email or url or people_id
    if not question.may_spend(record):
        return answers.error(402)
    if not found:
        question.note_no_match()
        return no_content()
    question.charge(record)
    return answers.answer({"person": _person(found), "company": _office(found)})


def search(question: Question) -> Response:
    """A page of an account's people, masked."""
    domain = question.text("domain").lower()
    if not domain:
        return answers.error(400, "domain is mandatory and can\u2019t be blank")
    try:
        found = _found(question, domain)
        number = _number(question, "pageNo", 1, None)
        size = _number(question, "pageSize", SEARCH_SIZE, SEARCH_SIZE)
    except Refused:
        return answers.error(422)
    page = found[(number - 1) * size : number * size]
    if not page:
        question.note_no_match()
        if question.options.no_people == "204":
            return no_content()
    places = [one["place"] for one in found]
    body = {
        "domain": domain,
        "city": _distinct(place["city"] for place in places),
        "state": _distinct(place["state"] for place in places),
        "country": _distinct(place["country"] for place in places),
        "titles": _distinct(one["title"] for one in found),
        **_totals(len(found), number, size),
        "data": [_profile(one) for one in page],
    }
    return answers.answer(body)


def words(question: Question) -> Response:
    """A page of each list of words; the shorter lists run out first."""
    domain = question.text("domainName").lower()
    if not domain:
        return answers.error(400, "domainName is mandatory and can\u2019t be blank")
    try:
        number = _number(question, "pageNumber", 1, None)
        size = _number(question, "pageSize", WORDS_SIZE, WORDS_SIZE)
    except Refused:
        return answers.error(422)
    found = contacts.people_of(domain)
    company = people.company_for(domain) or {}
    lists = {
        "city": _distinct(one["place"]["city"] for one in found),
        "state": _distinct(one["place"]["state"] for one in found),
        "country": _distinct(one["place"]["country"] for one in found),
        "titles": _distinct(one["title"] for one in found),
        "industry": [company["industry"]] if found else [],
    }
    first, last = (number - 1) * size, number * size
    pages = {name: values[first:last] for name, values in lists.items()}
    if not any(pages.values()):
        question.note_no_match()
        if question.options.no_people == "204":
            return no_content()
    total = max(map(len, lists.values()))
    return answers.answer({**pages, **_totals(total, number, size)})


def _found(question: Question, domain: str) -> list[Contact]:
    """Everybody who fits all filters. Raises Refused."""
    wanted = {name: _values(question, name) for name in _FILTERS}
    industry = _values(question, "industry", most=1)
    company = people.company_for(domain) or {}
    if industry and industry[0].lower() != company.get("industry", "").lower():
        return []
    return [
        one
        for one in contacts.people_of(domain)
        if all(_fits(question, one, name, values) for name, values in wanted.items())
    ]


def _fits(question: Question, one: Contact, name: str, values: list[str]) -> bool:
    if not values:
        return True
    has = (one["title"] if name == "titles" else one["place"][name]).lower()
    folded = [value.lower() for value in values]
    if name == "titles" and question.options.titles == "part":
        return any(value in has for value in folded)
    return has in folded


def _values(question: Question, name: str, most: int = MOST_VALUES) -> list[str]:
    """A list, or one text with commas; of industry one text is one value."""
    given = question.inputs.get(name) or []
    if isinstance(given, str):
        given = [given] if most == 1 else given.split(",")
    if not isinstance(given, list) or not all(isinstance(v, str) for v in given):
        raise Refused
    values = [value.strip() for value in given if value.strip()]
    if len(values) > most and question.options.over_limit == "422":
        raise Refused
    return values[:most]


def _number(question: Question, name: str, default: int, most: int | None) -> int:
    given = question.inputs.get(name, "")
    if given == "":
        return default
    text = str(given)
    number = int(text[:9]) if text.isascii() and text.isdigit() else 0
    if isinstance(given, bool) or number < 1:
        raise Refused
    if most is not None and number > most:
        if question.options.over_limit == "422":
            raise Refused
        return most
    return number


def _totals(count: int, number: int, size: int) -> dict[str, int]:
    return {
        "totalRecordCount": count,
        "totalPage": -(-count // size),
        "pageNumber": number,
        "pageSize": size,
    }


def _distinct(values: Iterable[str]) -> list[str]:
    return sorted(set(values))


def _profile(one: Contact) -> dict[str, Any]:
    place = one["place"]
    return {
        "peopleId": one["id"],
        "hasEmail": one["has_email"],
        "fullName": contacts.masked(f"{one['first']} {one['last']}"),
        "firstName": contacts.masked(one["first"]),
        "lastName": contacts.masked(one["last"]),
        "hasPhone": one["has_phone"],
        "hasWorkPhone": one["has_work_phone"],
        "city": place["city"],
        "state": place["state"],
        "country": place["country"],
        "function": one["function"],
        "division": one["division"],
        "seniorityLevel": one["level"],
    }


def _person(one: Contact) -> dict[str, Any]:
    place = one["place"]
    return {
        "id": one["id"],
        "email": one["email"] if one["has_email"] else "",
        "emailConfidence": one["confidence"] if one["has_email"] else "",
        "fullName": f"{one['first']} {one['last']}",
        "firstName": one["first"],
        "lastName": one["last"],
        "title": one["title"],
        "function": one["function"],
        "level": one["level"],
        "division": one["division"],
        "education": one["education"],
        "skills": one["skills"],
        "city": place["city"],
        "state": place["state"],
        "country": place["country"],
        "postalCode": place["postalCode"],
        "phone": one["phone"],
        "workPhone": one["work_phone"],
        "linkedinUrl": one["linkedin"] + "/",
        "twitterUrl": "",
        "facebookUrl": "",
    }


def _office(one: Contact) -> dict[str, Any]:
    company, place = people.company_for(one["domain"]) or {}, one["place"]
    return {
        "domain": one["domain"],
        "name": company.get("name"),
        "region": place["region"],
        "country": place["country"],
        "state": place["state"],
    }
