"""The fields of 6sense's answers: canonical names, spellings on the wire, kinds.

One table for all products; a product picks from it. `aliases` are tried in order
and the first one that is not blank wins, so where 6sense documents two spellings
both are read. A name that is in no table is kept under `extra`.

Source: 6sense's API document, parameter tables and samples of each API, which
disagree about spelling (docs/6sense.md, "Names").
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Final

from app.domain import AnswerField

#: Documented orders, lowest first.
STAGES: Final = ("Target", "Awareness", "Consideration", "Decision", "Purchase")
FITS: Final = ("Weak", "Moderate", "Strong")
GRADES: Final = ("D", "C", "B", "A")
CONFIDENCES: Final = ("Low", "Moderate", "High", "Very High")
EMAIL_CONFIDENCES: Final = ("B", "A", "A+")
#: Documented, but in no order: folded to this spelling, and not comparable.
COMPANY_MATCHES: Final = ("Match", "Non-actionable Match", "No Match")

#: Spellings that values of an enum without a scale are folded to, by field.
UNORDERED: Final[Mapping[str, tuple[str, ...]]] = {"company_match": COMPANY_MATCHES}


def text(name: str, *aliases: str) -> AnswerField:
    """Codes and phone numbers too: leading zeros must live."""
    return AnswerField(name, "text", aliases or (name,))


def whole(name: str, *aliases: str) -> AnswerField:
    """A number that 6sense mostly prints as a text."""
    return AnswerField(name, "int", aliases or (name,))


def flag(name: str, *aliases: str) -> AnswerField:
    """A yes or no; what is absent is None, not no."""
    return AnswerField(name, "flag", aliases or (name,))


def enum(name: str, scale: tuple[str, ...], *aliases: str) -> AnswerField:
    """A documented value; others are kept as they come, never refused."""
    return AnswerField(name, "enum", aliases or (name,), scale=scale)


def listed(name: str, *aliases: str) -> AnswerField:
    """A list of single values."""
    return AnswerField(name, "list", aliases or (name,))


def rows(name: str, members: tuple[AnswerField, ...], *aliases: str) -> AnswerField:
    """A list of objects."""
    return AnswerField(name, "object_list", aliases or (name,), members)


def group(name: str, members: tuple[AnswerField, ...]) -> AnswerField:
    """An object."""
    return AnswerField(name, "object", (name,), members)


def pick(table: Iterable[AnswerField], names: Iterable[str]) -> tuple[AnswerField, ...]:
    """The fields of `table` with these names, in this order."""
    by_name = {field.name: field for field in table}
    return tuple(by_name[name] for name in names)


COMPANY: Final = (
    enum("company_match", ()),
    text("additional_comment"),
    text("domain"),
    text("name"),
    text("industry"),
    rows(
        "industry_v2",
        (text("industry"), text("subindustry")),
        "industry_v2",
        "industryV2RankedList",
    ),
    text("region"),
    text("country"),
    text("country_iso_code", "country_iso_code", "countryISOCode"),
    text("state"),
    text("state_code"),
    text("city"),
    text("address", "address", "streetAddress"),
    text("zip", "zip", "postalCode"),
    text("phone", "phone", "companyPhone"),
    whole("employee_count", "employee_count", "employeeCount"),
    text("employee_range", "employee_range", "employeeRange"),
    whole("annual_revenue", "annual_revenue", "annualRevenue"),
    text("revenue_range", "revenue_range", "revenueRange"),
    text("sic", "sic", "siccode"),
    text("sic_description", "sic_description", "sicdescription"),
    # `naciscode` is no slip of ours: 6sense's published schema has it.
    text("naics", "naics", "naicscode", "naciscode"),
    text("naics_description", "naics_description", "naicsdescription"),
    # Of the person's title, although they stand in `company`.
    text("title_level", "titleLevel", "title_level"),
    text("title_function", "titleFunction", "title_function"),
    flag("is_blacklisted", "is_blacklisted", "isBlacklisted"),
    flag("is_6qa"),
    text("geo_ip_country", "geoIP_country"),
    text("geo_ip_state", "geoIP_state"),
    text("geo_ip_city", "geoIP_city"),
    # Not in the document, but seen in answers.
    text("company_id", "companyId", "company_id"),
)

SCORE: Final = (
    text("product"),
    text("product_display_name"),
    flag("is_6qa"),
    whole("company_intent_score", "company_intent_score", "intent_score"),
    enum("company_buying_stage", STAGES, "company_buying_stage", "buying_stage"),
    whole("company_profile_score", "company_profile_score", "profile_score"),
    enum("company_profile_fit", FITS, "company_profile_fit", "profile_fit"),
    whole("contact_intent_score"),
    enum("contact_grade", GRADES),
    whole("contact_profile_score"),
    enum("contact_profile_fit", FITS),
)

SEGMENT: Final = (whole("id"), text("name"))

SEGMENTS: Final = group(
    "segments", (listed("ids"), listed("names"), rows("list", SEGMENT))
)

#: What the two lead products send of a score: company identification alone has the
#: display name and 6QA.
LEAD_SCORES: Final = rows(
    "scores",
    pick(
        SCORE,
        (
            "product",
            "company_intent_score",
            "company_buying_stage",
            "company_profile_score",
            "company_profile_fit",
            "contact_intent_score",
            "contact_grade",
            "contact_profile_score",
            "contact_profile_fit",
        ),
    ),
)

#: The company of every product that answers an e-mail address.
FIRMOGRAPHICS: Final = pick(
    COMPANY,
    (
        "domain",
        "name",
        "region",
        "country",
        "country_iso_code",
        "state",
        "city",
        "address",
        "zip",
        "phone",
        "industry",
        "industry_v2",
        "employee_range",
        "revenue_range",
        "employee_count",
        "annual_revenue",
        "title_level",
        "title_function",
        "sic",
        "sic_description",
        "naics",
        "naics_description",
        "is_blacklisted",
        "company_id",
    ),
)

#: The company of an address on the internet, with the place of that address.
IDENTIFIED: Final = pick(
    COMPANY,
    (
        "company_match",
        "additional_comment",
        "domain",
        "name",
        "industry",
        "industry_v2",
        "region",
        "country",
        "country_iso_code",
        "state",
        "state_code",
        "city",
        "address",
        "zip",
        "phone",
        "employee_count",
        "employee_range",
        "annual_revenue",
        "revenue_range",
        "sic",
        "sic_description",
        "naics",
        "naics_description",
        "is_blacklisted",
        "is_6qa",
        "geo_ip_country",
        "geo_ip_state",
        "geo_ip_city",
        "company_id",
    ),
)

#: Of the account alone: nobody is known by name there.
ACCOUNT_SCORES: Final = rows(
    "scores",
    pick(
        SCORE,
        (
            "product",
            "product_display_name",
            "is_6qa",
            "company_intent_score",
            "company_buying_stage",
            "company_profile_score",
            "company_profile_fit",
        ),
    ),
)

EDUCATION: Final = (
    whole("start_date", "startDate"),
    whole("end_date", "endDate"),
    text("school_name", "schoolName"),
    text("school_location", "schoolLocation"),
    text("school_website", "schoolWebsite"),
    listed("degrees"),
)

PERSON: Final = (
    text("people_id", "id", "peopleId"),
    text("email"),
    enum("email_confidence", EMAIL_CONFIDENCES, "emailConfidence"),
    text("full_name", "fullName"),
    text("first_name", "firstName"),
    text("last_name", "lastName"),
    text("title", "title", "jobTitle"),
    text("function"),
    text("level", "level", "seniorityLevel"),
    text("division"),
    rows("education", EDUCATION),
    listed("skills"),
    text("city"),
    text("state"),
    text("country"),
    text("postal_code", "postalCode"),
    text("phone"),
    text("work_phone", "workPhone"),
    text("linkedin_url", "linkedinUrl", "linkedInUrl"),
    text("twitter_url", "twitterUrl"),
    text("facebook_url", "facebookUrl"),
    flag("has_email", "hasEmail"),
    flag("has_phone", "hasPhone"),
    flag("has_work_phone", "hasWorkPhone"),
)

#: Everything that is known of a person; what only a search says is not among it.
CONTACT: Final = PERSON[:-3]

#: Where a person works, which is not where the company sits.
OFFICE: Final = pick(COMPANY, ("domain", "name", "region", "country", "state"))

#: A person as a search shows one: names masked, and whether there is more to buy.
PROFILE: Final = pick(
    PERSON,
    (
        "people_id",
        "full_name",
        "first_name",
        "last_name",
        "function",
        "level",
        "division",
        "city",
        "state",
        "country",
        "has_email",
        "has_phone",
        "has_work_phone",
    ),
)

#: What an answer in pages says of itself.
PAGE: Final = (
    listed("cities", "city"),
    listed("states", "state"),
    listed("countries", "country"),
    listed("titles"),
    listed("industries", "industry"),
    whole("total_record_count", "totalRecordCount"),
    whole("total_pages", "totalPage"),
    whole("page_number", "pageNumber", "pageNo"),
    whole("page_size", "pageSize"),
)

#: The ten inputs of the form products that ask about a lead.
LEAD_INPUTS: Final = (
    "email",
    "country",
    "website",
    "company",
    "title",
    "leadsource",
    "firstname",
    "lastname",
    "role",
    "industry",
)
#: Those products also take the visitor's address, by 6sense's own examples.
VISITED_INPUTS: Final = (*LEAD_INPUTS, "ip")
