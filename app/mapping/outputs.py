"""What 6sense knows that people make CRM fields for, and which field is for which.

A rule of thumb for a first mapping file, by the names and labels of fields: a person
looks at the result.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Final

from app.domain import CrmField

#: Signs that a field was made for 6sense.
_OURS = re.compile(r"6[\W_]*sense|six[\W_]*sense|intent|6qa|(^|_)6s(_|$)", re.I)
#: What such a name says besides what it is for.
_NOISE = re.compile(r"6[\W_]*sense|six[\W_]*sense|(^|_)6s(_|$)|__c$|[\W_]", re.I)
#: Names nearer than this mean the same: employee and employees.
NEAR: Final = 0.88
#: Names nearer than this are worth a suggestion.
SIMILAR: Final = 0.6

_NUMBERS = ("integer", "number", "float", "currency", "string", "text")
_TEXTS = ("string", "text", "picklist", "url")
_LISTS = ("string", "text")
_TIMES = ("datetime", "string")


@dataclass(frozen=True, slots=True)
class Output:
    """One value, the names that its field may have, and its entry."""

    names: tuple[str, ...]
    #: As it stands in the file, inside its braces.
    entry: str
    #: Types of fields that take it, the best first.
    types: tuple[str, ...] = _TEXTS


def _score(member: str, best: str = "company_intent_score") -> str:
    return f'from: "sixsense.scores[highest={best}].{member}", write: always'


_CONTACT = "contact_intent_score"

OUTPUTS: Final = (
    Output(
        ("intent", "intentscore", "companyintentscore"),
        _score("company_intent_score"),
        _NUMBERS,
    ),
    Output(
        ("stage", "buyingstage", "companybuyingstage"), _score("company_buying_stage")
    ),
    Output(("profilefit", "fit", "companyprofilefit"), _score("company_profile_fit")),
    Output(
        ("profilescore", "companyprofilescore"),
        _score("company_profile_score"),
        _NUMBERS,
    ),
    Output(("grade", "contactgrade"), _score("contact_grade", _CONTACT)),
    Output(
        ("contactintent", "contactintentscore"),
        _score("contact_intent_score", _CONTACT),
        _NUMBERS,
    ),
    Output(("contactprofilefit",), _score("contact_profile_fit", _CONTACT)),
    Output(
        ("contactprofilescore",), _score("contact_profile_score", _CONTACT), _NUMBERS
    ),
    Output(
        ("segments", "segment", "segmentnames"),
        'from: sixsense.segments.names, join: "; ", write: always, clear: true',
        _LISTS,
    ),
    Output(
        ("employees", "employeecount", "numberofemployees", "headcount"),
        "first_of: [sixsense.company.employee_count, sixsense.company.employee_range], "
        "as: range-low",
        _NUMBERS,
    ),
    Output(("employeerange",), "from: sixsense.company.employee_range"),
    Output(
        ("annualrevenue", "revenue"), "from: sixsense.company.annual_revenue", _NUMBERS
    ),
    Output(("revenuerange",), "from: sixsense.company.revenue_range"),
    Output(("industry", "companyindustry"), "from: sixsense.company.industry"),
    Output(("domain", "companydomain"), "from: sixsense.company.domain"),
    Output(("company", "companyname", "accountname"), "from: sixsense.company.name"),
    Output(("region", "companyregion"), "from: sixsense.company.region"),
    Output(("country", "companycountry"), "from: sixsense.company.country"),
    Output(("state", "companystate"), "from: sixsense.company.state"),
    Output(("city", "companycity"), "from: sixsense.company.city"),
    Output(
        ("changedat", "updatedat", "lastupdated"),
        "from: run.time, as: datetime, write: with-others",
        _TIMES,
    ),
)
#: `outcome`: its keys, and what their fields may be called.
OUTCOMES: Final[Mapping[str, Output]] = {
    "result": Output(("result", "lookupresult"), "", ("string", "text")),
    "at": Output(("checkedat", "lastchecked", "enrichedat"), "", _TIMES),
}
#: 6sense's input → names that the CRM may have for it.
INPUTS: Final[Mapping[str, tuple[str, ...]]] = {
    "email": ("email", "emailaddress"),
    "country": ("country",),
    "company": ("company", "companyname"),
    "website": ("website",),
    "title": ("title", "jobtitle"),
    "firstname": ("firstname",),
    "lastname": ("lastname",),
}


def is_for_6sense(field: CrmField) -> bool:
    """Whether a field looks as if it were made for what 6sense says."""
    is_named = _OURS.search(field.name) or _OURS.search(field.label)
    return bool(is_named) and not field.read_only


def matched(
    fields: Iterable[CrmField], outputs: Iterable[Output] = OUTPUTS
) -> dict[str, Output]:
    """Field → its output: the nearest names first, each field and output once."""
    known = tuple(outputs)
    pairs = sorted(
        (-likeness(field, output), output.types.index(field.type), field.name, n)
        for field in fields
        for n, output in enumerate(known)
        if field.type in output.types and likeness(field, output) >= NEAR
    )
    found: dict[str, Output] = {}
    for _, _, name, n in pairs:
        if name not in found and known[n] not in found.values():
            found[name] = known[n]
    return found


def nearest(field: CrmField) -> Output | None:
    """The output of a fitting type with a name like it, for a suggestion."""
    fitting = [output for output in OUTPUTS if field.type in output.types]
    best = max(fitting, key=lambda one: likeness(field, one), default=None)
    return best if best is not None and likeness(field, best) >= SIMILAR else None


def likeness(field: CrmField, output: Output) -> float:
    """0 to 1: how near a name or a label comes to one of the output's names."""
    said = {plain(field.name), plain(field.label)} - {""}
    return max(
        (
            difflib.SequenceMatcher(None, one, name).ratio()
            for one in said
            for name in output.names
        ),
        default=0.0,
    )


def inputs_of(fields: Iterable[CrmField]) -> dict[str, str]:
    """6sense's input → the field that has it; the first name of the table wins."""
    by_name: dict[str, str] = {}
    for field in fields:
        # A path has to lead there.
        if re.fullmatch(r"\w+", field.name):
            by_name.setdefault(plain(field.name), field.name)
    found = {
        given: next((by_name[name] for name in names if name in by_name), "")
        for given, names in INPUTS.items()
    }
    return {given: name for given, name in found.items() if name}


def plain(name: str) -> str:
    """A name without capitals, gaps, and what says that it is 6sense's."""
    return _NOISE.sub("", name).casefold()
