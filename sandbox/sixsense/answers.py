"""6sense's answers as data: field names, blanks, segments, the error form."""

from __future__ import annotations

import json
import random
from typing import Any

from flask import Response

from sandbox import people
from sandbox.sixsense.state import SixsenseOptions

#: Status → message. 400 and 404 are printed in 6sense's document, the others
#: follow its table of codes.
MESSAGES = {
    # The apostrophe is the typographic one of the document.
    400: "Email ID is mandatory and can\u2019t be blank",
    401: "Your API token is invalid or auth token is invalid or missing "
    "authorization header.",
    402: "Your allocated Quota is exhausted, please upgrade/top-up your API limit "
    "by reaching out to your CSM.",
    403: "You do not have the appropriate user rights to access the request. "
    "Do not repeat the request.",
    404: "No data found. Please contact 6sense support, if you think this is an "
    "unexpected error.",
    405: "The method is not allowed for this resource.",
    422: "A validation error occurred.",
    429: 'You have sent too many requests in a given amount of time ("rate limit"). '
    "Please try again later.",
    500: "Something went wrong with the 6sense API. These errors are logged on our "
    "side. You can contact our team to resolve the issue.",
}  # fmt: skip
INVALID_EMAIL = (
    "Invalid email ID. Please make sure you have sent a valid email address in "
    "email field."
)
NO_PERSON = "Email ID, linkedinUrl or peopleId is mandatory and can\u2019t be blank"
UNKNOWN_PATH = "The requested resource is not found."

#: sample name → table name, for `lead_scoring_firmographics_v2` only
TABLE_NAMES = {
    "name": "name", "domain": "domain", "industry": "industry",
    "country": "country", "streetAddress": "address", "state": "state",
    "city": "city", "postalCode": "zip", "employeeCount": "employee_count",
    "employeeRange": "employee_range", "annualRevenue": "annual_revenue",
    "titleLevel": "titleLevel", "titleFunction": "titleFunction",
    "revenueRange": "revenue_range", "siccode": "sic",
    "sicdescription": "sic_description", "naicscode": "naics",
    "naicsdescription": "naics_description", "region": "region",
    "countryISOCode": "country_iso_code", "companyPhone": "phone",
}  # fmt: skip

_SAMPLE_NAMES = tuple(people.company_for("acme.example") or ())


def answer(body: dict[str, Any], status: int = 200) -> Response:
    """A JSON answer."""
    return Response(
        json.dumps(body, ensure_ascii=False), status, content_type="application/json"
    )


def error(status: int, message: str | None = None) -> Response:
    """The documented error form: `{"status": "error", "message": ...}`."""
    text = message or MESSAGES.get(status) or MESSAGES[500 if status >= 500 else 422]
    return answer({"status": "error", "message": text}, status)


def company(
    found: dict[str, Any], options: SixsenseOptions, operation: str
) -> dict[str, Any]:
    """A company under the sample's names, or the table's if so switched.

    Only one operation's table differs from its sample.
    """
    if options.names == "sample" or operation != "lead_scoring_firmographics_v2":
        return found
    # Only the table has is_blacklisted.
    table = {name: found[sample] for sample, name in TABLE_NAMES.items()}
    return {**table, "is_blacklisted": found["domain"] in people.EXCLUDED}


def blank_company(options: SixsenseOptions, operation: str) -> dict[str, Any] | None:
    """Every field blank: what an e-mail without a match brings."""
    if options.blank_company == "null":
        return None
    blank = None if options.blank_texts == "null" else ""
    fields = company(dict.fromkeys(_SAMPLE_NAMES, blank), options, operation)
    if "is_blacklisted" in fields:
        fields["is_blacklisted"] = None
    return fields


def segments(ids: list[int], form: str) -> dict[str, list[Any]]:
    """`ids`, `names`, `list`; `form` is `names`, `ids` or `off`."""
    if form == "off":
        ids = []
    if form == "ids":
        # The names are switched off in 6sense's API settings.
        hidden = [{"id": n, "name": None} for n in ids]
        return {"ids": ids, "names": [], "list": hidden}
    names = [people.SEGMENTS[n] for n in ids]
    pairs = [{"name": people.SEGMENTS[n], "id": n} for n in ids]
    return {"ids": ids, "names": names, "list": pairs}


def scores(
    email: str, options: SixsenseOptions, are_on: bool, order: random.Random
) -> list[dict[str, Any]]:
    """One entry per product; [] when scores are off or the token lacks them."""
    if not are_on:
        return []
    found = people.scores_for(email, tuple(options.products))
    if options.shuffle_scores:
        order.shuffle(found)
    return found
