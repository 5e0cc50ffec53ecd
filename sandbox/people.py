"""Who works where, as the stand-in for 6sense knows it: pure functions.

Everything follows from the e-mail address, so a test can compute the answer
it expects. A few companies are written by hand (data/companies.json); any
other domain gets a company by hashing its name. Names and values are the
sample's: counts are strings, scores are numbers.
"""

from __future__ import annotations

import hashlib
import json
import re
from functools import lru_cache
from pathlib import Path
from typing import Any

PRODUCTS = ("Platform", "Data Cloud")

STAGES = ("Target", "Awareness", "Consideration", "Decision", "Purchase")
FITS = ("Weak", "Moderate", "Strong")
GRADES = ("D", "C", "B", "A")

#: id → name of every published segment
SEGMENTS = {
    4713: "Net New Logo Website Engagement Last 30 Days",
    28237: "6s for 6s: Keyword_Sales Intelligence",
    53685: "EMEA - Enterprise Accounts (DemandGen)",
    218915: "ICP Tier 1",
    119900: "Web Visitors Last 30 days",
    226688: "Competitor Research, High Intent",
}

#: Active at 6sense, but not published: no answer ever has it.
UNPUBLISHED = {777001: "Draft: do not use"}

#: Accounts that this customer has excluded in 6sense's settings.
EXCLUDED = frozenset({"excluded.example"})

_STATE_CODES = {
    "California": "CA", "Texas": "TX", "New York": "NY", "Ontario": "ON",
    "New South Wales": "NSW",
}  # fmt: skip
#: industry → sub-industries
_SUBINDUSTRIES = {
    "Software and Technology": "Business Software",
    "Education": "Colleges & Universities",
    "Healthcare": "Hospitals & Clinics",
}

FREE_MAIL = frozenset(
    {
        "gmail.com",
        "googlemail.com",
        "yahoo.com",
        "outlook.com",
        "hotmail.com",
        "live.com",
        "icloud.com",
        "aol.com",
        "proton.me",
        "gmx.de",
        "gmx.net",
        "web.de",
        "mail.com",
        "freemail.example",
    }
)

#: industry, SIC and NAICS with their descriptions
_INDUSTRIES = (
    ("Software and Technology", "7372", "Prepackaged Software", "511210",
     "Software Publishers"),
    ("Manufacturing", "3569", "General Industrial Machinery", "333999",
     "Machinery Manufacturing"),
    ("Financial Services", "6211", "Security Brokers and Dealers", "523120",
     "Securities Brokerage"),
    ("Healthcare", "8062", "General Medical Hospitals", "622110",
     "General Medical and Surgical Hospitals"),
    ("Retail", "5311", "Department Stores", "452210", "Department Stores"),
    ("Education", "8221", "Colleges and Universities", "611310",
     "Colleges, Universities, and Professional Schools"),
    ("Energy, Utilities & Waste Treatment", "4911", "Electric Services", "221122",
     "Electric Power Distribution"),
    ("Transportation", "4213", "Trucking, Except Local", "484121",
     "General Freight Trucking"),
)  # fmt: skip

#: region, country, ISO code, state, city, postal code, phone prefix
_PLACES = (
    ("Northern America", "United States", "US", "Texas", "Austin", "78701", "512-555-"),
    ("Northern America", "United States", "US", "New York", "New York", "10001",
     "212-555-"),
    ("Northern America", "Canada", "CA", "Ontario", "Toronto", "M5H 2N2", "416-555-"),
    ("Western Europe", "France", "FR", "Île-de-France", "Paris", "75001",
     "+33 1 5555 "),
    ("Northern Europe", "Norway", "NO", "Oslo", "Oslo", "0150", "+47 55 55 "),
    ("Southern Asia", "India", "IN", "Maharashtra", "Pune", "411001", "+91 20 5555 "),
    ("Australia and New Zealand", "Australia", "AU", "New South Wales", "Sydney",
     "2000", "+61 2 5550 "),
)  # fmt: skip

_EMPLOYEE_STEPS = (
    (9, "0 - 9"), (19, "10 - 19"), (49, "20 - 49"), (99, "50 - 99"),
    (249, "100 - 249"), (499, "250 - 499"), (999, "500 - 999"),
    (4_999, "1,000 - 4,999"), (9_999, "5,000 - 9,999"),
)  # fmt: skip

#: up to this many millions of dollars
_REVENUE_STEPS = (
    (1, "$1 - $1M"), (5, "$1M - $5M"), (10, "$5M - $10M"), (25, "$10M - $25M"),
    (50, "$25M - $50M"), (100, "$50M - $100M"), (250, "$100M - $250M"),
    (500, "$250M - $500M"), (1_000, "$500M - $1B"), (2_500, "$1B - $2.5B"),
    (5_000, "$2.5B - $5B"),
)  # fmt: skip

_LEVELS = (
    ("C-level", r"\b(chief|c[eftimo]o|founder|president)\b"),
    ("VP", r"\b(vp|vice president)\b"),
    ("director", r"\b(director|head)\b"),
    ("manager", r"\b(manager|lead)\b"),
)
_FUNCTIONS = (
    ("marketing", r"market|demand|brand"),
    ("sales", r"sales|account exec|revenue"),
    ("finance", r"financ|account|procure|buyer"),
    ("human resources", r"human|people|talent"),
)

_BUNDLED: dict[str, dict[str, Any]] = json.loads(
    (Path(__file__).parent / "data" / "companies.json").read_text(encoding="utf-8")
)


def domain_of(email: str) -> str:
    """'Jane@Acme.Example' → 'acme.example'."""
    return email.strip().lower().rpartition("@")[2]


def is_known(email_or_domain: str) -> bool:
    """False for free mailboxes and for domains that begin with `nomatch`."""
    domain = domain_of(email_or_domain)
    return domain not in FREE_MAIL and not domain.startswith("nomatch")


@lru_cache(maxsize=50_000)
def _company(domain: str) -> dict[str, Any]:
    if domain in _BUNDLED:
        return _BUNDLED[domain]["company"]
    employees = int(3 * 10 ** (number(domain, "employees", 4_000) / 1_000))
    revenue = employees * (80 + number(domain, "revenue", 300)) * 1_000
    industry, sic, sic_words, naics, naics_words = pick(domain, "trade", _INDUSTRIES)
    region, country, iso, state, city, postal, phone = pick(domain, "place", _PLACES)
    house = number(domain, "phone", 100)
    return {
        "domain": domain,
        "name": re.sub(r"[-_.]+", " ", domain.rpartition(".")[0] or domain).title(),
        "region": region,
        "country": country,
        "countryISOCode": iso,
        "state": state,
        "city": city,
        "streetAddress": f"{1 + house} Example Street",
        "postalCode": postal,
        "companyPhone": f"{phone}01{house:02}",
        "industry": industry,
        "employeeRange": _step(employees, _EMPLOYEE_STEPS, "10,000+"),
        "revenueRange": _step(revenue / 1_000_000, _REVENUE_STEPS, "$5B+"),
        "employeeCount": str(employees),
        "annualRevenue": str(revenue),
        "sicdescription": sic_words,
        "siccode": sic,
        "naicscode": naics,
        "naicsdescription": naics_words,
    }


def company_for(domain: str, title: str = "") -> dict[str, Any] | None:
    """The company of a domain under the 21 names of the sample; None: no match.

    `titleLevel` and `titleFunction` describe the person's job title, yet
    6sense puts them here; without a title they are `staff`, `engineering`.
    """
    domain = domain_of(domain)
    if not is_known(domain):
        return None
    company = dict(_company(domain))
    tail = {key: company.pop(key) for key in list(company)[-4:]}
    company["titleLevel"] = _by_words(title, _LEVELS, "staff")
    company["titleFunction"] = _by_words(title, _FUNCTIONS, "engineering")
    return company | tail


def scores_for(
    email: str, products: tuple[str, ...] = PRODUCTS
) -> list[dict[str, Any]]:
    """One score entry for each product, in that order; [] without a match.

    `company_*` follow from the domain, `contact_*` from the whole address.
    Stage, fit and grade are independent of the numbers: 6sense documents no
    thresholds.
    """
    email = email.strip().lower()
    if not is_known(email):
        return []
    domain = domain_of(email)
    return [
        {"product": product, **_account(domain, product), **_contact(email, product)}
        for product in products
    ]


@lru_cache(maxsize=50_000)
def _account(domain: str, product: str) -> dict[str, Any]:
    by_hand = _BUNDLED.get(domain, {}).get("scores", {})
    return by_hand.get(product) or {
        "company_intent_score": number(domain + product, "intent", 101),
        "company_buying_stage": pick(domain + product, "stage", STAGES),
        "company_profile_score": number(domain + product, "profile", 101),
        "company_profile_fit": pick(domain + product, "fit", FITS),
    }


def _contact(email: str, product: str) -> dict[str, Any]:
    by_hand = _BUNDLED.get(domain_of(email), {}).get("contact", {})
    return by_hand.get(product) or {
        "contact_intent_score": number(email + product, "intent", 101),
        "contact_grade": pick(email + product, "grade", GRADES),
        "contact_profile_score": number(email + product, "profile", 101),
        "contact_profile_fit": pick(email + product, "fit", FITS),
    }


def segments_for(domain: str) -> list[int]:
    """Ids of the segments a domain is in, in ascending order; see `SEGMENTS`."""
    domain = domain_of(domain)
    if not is_known(domain):
        return []
    if domain in _BUNDLED:
        return [n for n in _BUNDLED[domain]["segments"] if n not in UNPUBLISHED]
    return [n for n in sorted(SEGMENTS) if number(domain, f"segment{n}", 3) == 0]


def state_code(state: str) -> str | None:
    """'California' → 'CA'; None where there is none."""
    return _STATE_CODES.get(state)


def industries_of(industry: str) -> list[dict[str, str | None]]:
    """The industry with its sub-industry, as a list of at most one."""
    if not industry:
        return []
    return [{"industry": industry, "subindustry": _SUBINDUSTRIES.get(industry)}]


def place_of(domain: str, text: str = "") -> dict[str, str]:
    """A place: the company's own for two of three texts, else somewhere in the world.

    Its `phone` is the beginning of a number.
    """
    if domain and number(text, "at home", 3):
        home = _company(domain_of(domain))
        names = ("region", "country", "state", "city", "postalCode")
        # The last four digits are the person's own.
        return {
            **{name: home[name] for name in names},
            "phone": home["companyPhone"][:-4],
        }
    region, country, _, state, city, postal, phone = pick(text, "place", _PLACES)
    return {
        "region": region,
        "country": country,
        "state": state,
        "city": city,
        "postalCode": postal,
        "phone": phone,
    }


def full_answer(email: str, title: str = "") -> dict[str, Any]:
    """What `POST /v2/people/full` answers for a matched e-mail, by default."""
    ids = segments_for(email)
    return {
        "company": company_for(email, title),
        "scores": scores_for(email),
        "segments": {
            "ids": ids,
            "names": [SEGMENTS[n] for n in ids],
            "list": [{"name": SEGMENTS[n], "id": n} for n in ids],
        },
    }


def number(text: str, purpose: str, below: int) -> int:
    """A number from 0 to below `below`, always the same for the same text."""
    digest = hashlib.blake2b(f"{purpose}|{text}".encode(), digest_size=8).digest()
    return int.from_bytes(digest, "big") % below


def pick(text: str, purpose: str, choices: tuple[Any, ...]) -> Any:
    """One of the choices, always the same for the same text."""
    return choices[number(text, purpose, len(choices))]


def _step(value: float, steps: tuple[tuple[int, str], ...], above: str) -> str:
    return next((words for top, words in steps if value <= top), above)


def _by_words(title: str, table: tuple[tuple[str, str], ...], other: str) -> str:
    title = title.lower()
    return next((name for name, words in table if re.search(words, title)), other)
