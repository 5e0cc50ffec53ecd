"""What 6sense takes as an input, checked before a call is made.

A rule is a test, and how to go on after the input's name where it fails. 6sense
answers most malformed inputs with a 404 or with blanks: that looks like "no match",
and costs a place in the rate limit all the same.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any, Final

Rule = tuple[Callable[[Any], bool], str]

#: People Search takes so many values of a filter.
MOST_VALUES: Final = 10


def _is_text(value: Any) -> bool:
    """Half a surrogate is a text to Python, and to nobody else."""
    return isinstance(value, str) and value.encode("utf-8", "replace").decode() == value


def is_email(value: Any) -> bool:
    """One @ with text on both sides and nothing that breaks a line."""
    if not isinstance(value, str):
        return False
    name, at, host = value.partition("@")
    is_one = bool(at and name and host) and "@" not in host
    return is_one and len(value) <= 320 and value.isprintable() and " " not in value


def _is_domain(value: Any) -> bool:
    return _is_word(value) and "@" not in value and len(value) <= 253


def _is_word(value: Any) -> bool:
    return isinstance(value, str) and value.isprintable() and " " not in value


def _is_ipv4(value: Any) -> bool:
    """6sense knows no IPv6, and leading zeros could mean another address."""
    try:
        return isinstance(value, str) and ipaddress.IPv4Address(value) is not None
    except ValueError:
        return False


def _is_header(value: Any) -> bool:
    return _is_text(value) and value.isascii() and value.isprintable()


def _are_values(value: Any) -> bool:
    return (
        isinstance(value, list)
        and len(value) <= MOST_VALUES
        and all(_is_text(one) for one in value)
    )


def number(least: int, most: int | None = None) -> Rule:
    """A whole number in these bounds, both included."""

    def fits(value: Any) -> bool:
        return type(value) is int and least <= value <= (most or value)

    bound = f"from {least} to {most}" if most else f"of {least} or more"
    return fits, f"is not a whole number {bound}"


TEXT: Final[Rule] = (_is_text, "is not one text")
VALUES: Final[Rule] = (_are_values, f"is not a list of at most {MOST_VALUES} texts")
DOMAIN: Final[Rule] = (_is_domain, "is not a domain such as acme.example")

RULES: Final[Mapping[str, Rule]] = MappingProxyType(
    {
        "email": (is_email, "is not an e-mail address"),
        "domain": DOMAIN,
        "ip": (_is_ipv4, "is not an IPv4 address, and 6sense knows no others"),
        "linkedinUrl": (_is_word, "is not the address of one page"),
        "peopleId": (_is_word, "is not one id"),
        "EpsilonCookie": (_is_header, "is nothing that a header can hold"),
    }
)
