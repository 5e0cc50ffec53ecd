"""The people of a company, as the stand-in for 6sense knows them: pure functions.

A company has the same people on every machine; an address that is none of theirs gets
a person whose name is read out of it. Ids are sealed addresses: whoever has an id only
cannot read the address from it, and nothing has to be remembered to find the person.
"""

from __future__ import annotations

import hashlib
import re
from functools import lru_cache
from typing import Any

from sandbox import people

_FIRST_NAMES = (
    "Ada", "Amir", "Anna", "Bela", "Carla", "Chen", "Dana", "Elif", "Emil", "Farid",
    "Grace", "Hana", "Ivan", "Jane", "Kofi", "Lena", "Marco", "Nadia", "Omar", "Priya",
    "Rosa", "Sven", "Tara", "Yuki",
)  # fmt: skip
_LAST_NAMES = (
    "Abel", "Baker", "Costa", "Diaz", "Eriksen", "Fischer", "Garcia", "Haddad", "Ito",
    "Jensen", "Kumar", "Lopez", "Martin", "Novak", "Okafor", "Patel", "Quist", "Rossi",
    "Schmidt", "Tanaka", "Usman", "Vogel", "Weber", "Young",
)  # fmt: skip
#: Steps through all pairs of names before one comes again.
_STRIDE = 241

#: title, function, level, division
_JOBS = (
    ("chief executive officer", "Executive", "C-Level", "General Management"),
    ("chief financial officer", "Finance", "C-Level", "Finance"),
    ("vice president of sales", "Sales", "VP", "Sales"),
    ("vice president, marketing", "Marketing", "VP", "Marketing"),
    ("director of demand generation", "Marketing", "Director", "Marketing"),
    ("director of engineering", "Engineering", "Director", "Engineering"),
    ("head of people", "Human Resources", "Director", "Human Resources"),
    ("senior product manager", "Product Management", "Senior", "Product Management"),
    ("product manager", "Product Management", "Manager", "Product Management"),
    ("procurement manager", "Finance", "Manager", "Purchasing"),
    ("marketing operations manager", "Marketing", "Manager", "Marketing"),
    ("account executive", "Sales", "Staff", "Sales"),
    ("business development representative", "Sales", "Staff", "Sales"),
    ("software engineer", "Engineering", "Staff", "Engineering"),
    ("data analyst", "Engineering", "Staff", "Operations"),
)  # fmt: skip
_SKILLS = (
    "B2B Marketing", "Budgeting", "Business Strategy", "Cloud Computing", "Coaching",
    "Data Analysis", "Demand Generation", "Forecasting", "Negotiation", "Procurement",
    "Product Management", "Public Speaking", "Recruiting", "SQL", "Team Leadership",
)  # fmt: skip
_SCHOOLS = (
    ("Example University", "Springfield", "university.example"),
    ("Sample Institute of Technology", "Riverton", "institute.example"),
    ("School of Invented Studies", "", ""),
)
_DEGREES = ("Bachelor of Arts", "Bachelor of Science", "Master of Business")
_CONFIDENCES = ("A+", "A", "B")
#: How many people the companies of data/companies.json have.
_STAFF = {"acme.example": 12, "globex.example": 130, "initech.example": 4}

Contact = dict[str, Any]


def people_of(domain: str) -> tuple[Contact, ...]:
    """Everybody of a company, always in this order; () where 6sense knows none."""
    domain = people.domain_of(domain)
    return _people_of(domain) if people.is_known(domain) else ()


def person_for(email: str) -> Contact | None:
    """Whose address it is; None for free mailboxes and for `nobody...@`."""
    email = email.strip().lower()
    local, _, domain = email.rpartition("@")
    if not local or local.startswith("nobody") or not people.is_known(domain):
        return None
    known = {each["email"]: each for each in _people_of(domain)}
    return known.get(email) or _stranger(email)


def person_with_id(people_id: str) -> Contact | None:
    """By the id that a search or an enrichment gave."""
    email = _unsealed(people_id.strip())
    found = person_for(email) if email else None
    return found if found and found["id"] == people_id.strip() else None


def person_at(linkedin_url: str) -> Contact | None:
    """By the address of a profile, with or without its last slash."""
    name = linkedin_url.strip().lower().rstrip("/").rpartition("/")[2]
    local, _, domain = name.rpartition("-at-")
    return person_for(f"{local}@{domain}") if local else None


def masked(name: str) -> str:
    """'Jane Doe' → 'J*** D**'."""
    return " ".join(word[0] + "*" * (len(word) - 1) for word in name.split())


@lru_cache(maxsize=5_000)
def _people_of(domain: str) -> tuple[Contact, ...]:
    count = _STAFF.get(domain) or 1 + people.number(domain, "staff", 60)
    start = people.number(domain, "names", len(_FIRST_NAMES) * len(_LAST_NAMES))
    found = []
    for n in range(count):
        pair = (start + n * _STRIDE) % (len(_FIRST_NAMES) * len(_LAST_NAMES))
        first = _FIRST_NAMES[pair % len(_FIRST_NAMES)]
        last = _LAST_NAMES[pair // len(_FIRST_NAMES)]
        email = f"{first}.{last}@{domain}".lower()
        # One in eight has no address that 6sense would give away.
        found.append(_contact(email, first, last, has_email=n % 8 != 7))
    return tuple(found)


@lru_cache(maxsize=50_000)
def _stranger(email: str) -> Contact:
    words = re.findall(r"[^\W\d_]+", email.rpartition("@")[0])
    first, *rest = words or [_FIRST_NAMES[people.number(email, "first", 24)]]
    last = rest[-1] if rest else _LAST_NAMES[people.number(email, "last", 24)]
    return _contact(email, first.title(), last.title(), has_email=True)


def _contact(email: str, first: str, last: str, *, has_email: bool) -> Contact:
    domain = people.domain_of(email)
    place = people.place_of(domain, email)
    title, function, level, division = people.pick(email, "job", _JOBS)
    has_phone = people.number(email, "phone", 3) == 0
    has_work_phone = people.number(email, "work phone", 2) == 0
    number = people.number(email, "number", 100)
    return {
        "id": _sealed(email),
        "email": email,
        "has_email": has_email,
        "has_phone": has_phone,
        "has_work_phone": has_work_phone,
        "first": first,
        "last": last,
        "title": title,
        "function": function,
        "level": level,
        "division": division,
        "domain": domain,
        "place": place,
        "confidence": people.pick(email, "confidence", _CONFIDENCES),
        "phone": f"{place['phone']}02{number:02}" if has_phone else "",
        "work_phone": f"{place['phone']}01{number:02}" if has_work_phone else "",
        "linkedin": "https://www.linkedin.example/in/" + email.replace("@", "-at-", 1),
        "skills": _some(email, _SKILLS),
        "education": _education(email),
    }


def _some(email: str, choices: tuple[str, ...]) -> list[str]:
    return [one for one in choices if people.number(email, one, 4) == 0]


def _education(email: str) -> list[dict[str, Any]]:
    """None to two schools; what is not known of one is left out, as 6sense does."""
    found = []
    for n in range(people.number(email, "schools", 3)):
        name, city, site = people.pick(email, f"school{n}", _SCHOOLS)
        year = 1990 + people.number(email, f"year{n}", 25)
        degree = people.pick(email, f"degree{n}", _DEGREES)
        school = {"startDate": year, "endDate": year + 4, "schoolName": name}
        more = {"schoolLocation": city, "schoolWebsite": site}
        found.append(
            {**school, **{k: v for k, v in more.items() if v}, "degrees": [degree]}
        )
    return found


def _sealed(email: str) -> str:
    raw = email.encode()
    seal = hashlib.blake2b(raw, digest_size=4).digest()
    return seal.hex() + "-" + _crossed(raw, seal).hex()


def _unsealed(people_id: str) -> str:
    seal, _, rest = people_id.partition("-")
    try:
        key = bytes.fromhex(seal)
        return _crossed(bytes.fromhex(rest), key).decode()
    except ValueError:
        return ""


def _crossed(raw: bytes, seal: bytes) -> bytes:
    """Each byte with one of a stream that follows from the seal; twice is nothing."""
    stream = hashlib.shake_128(seal).digest(len(raw))
    return bytes(a ^ b for a, b in zip(raw, stream, strict=True))
