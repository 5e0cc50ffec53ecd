"""Whose address on the internet it is, as the stand-in for 6sense knows it.

The three blocks that are reserved for documentation are the three companies written
by hand; any other address follows from itself.
"""

from __future__ import annotations

import ipaddress
from typing import Any

from sandbox import people

MATCH, NON_ACTIONABLE, NO_MATCH = "Match", "Non-actionable Match", "No Match"
#: The three fixed texts of 6sense's document.
COMMENTS = {
    MATCH: "Company name or domain match was found",
    NON_ACTIONABLE: "There is no valid B2B use case as this was matched to something "
    "other than a company name/domain (i.e.: bot, host, noisy signal, etc.)",
    NO_MATCH: "No company name or domain was found",
}
CONFIDENCES = ("Low", "Moderate", "High", "Very High")

_BLOCKS = {
    "192.0.2.0/24": (MATCH, "acme.example"),
    "198.51.100.0/24": (MATCH, "globex.example"),
    # Before the block that it is in: an account that the customer has excluded.
    "203.0.113.240/28": (MATCH, "excluded.example"),
    "203.0.113.0/24": (MATCH, "initech.example"),
    # Benchmarks, here a provider: found, but nobody's account.
    "198.18.0.0/15": (NON_ACTIONABLE, ""),
}
_NETWORKS = {ipaddress.IPv4Network(net): found for net, found in _BLOCKS.items()}
_WORDS = ("amber", "birch", "cedar", "delta", "ember", "fjord", "grove", "harbor")
_TRADES = ("labs", "logistics", "media", "metals", "software", "systems", "textiles")


def is_ipv4(text: str) -> bool:
    """6sense knows no others."""
    try:
        ipaddress.IPv4Address(text)
    except ValueError:
        return False
    return True


def company_at(ip: str) -> tuple[str, str]:
    """One of the three words of `company_match`, and the domain for a `Match`."""
    address = ipaddress.IPv4Address(ip)
    for network, found in _NETWORKS.items():
        if address in network:
            return found
    if not address.is_global:
        return NO_MATCH, ""
    chance = people.number(ip, "match", 10)
    if chance >= 8:
        return (NON_ACTIONABLE if chance == 8 else NO_MATCH), ""
    word = people.pick(ip, "word", _WORDS)
    return MATCH, f"{word}-{people.pick(ip, 'trade', _TRADES)}.example"


def place_of(ip: str) -> dict[str, str]:
    """Where the address is, which is not where the company sits."""
    place = people.place_of("", ip)
    return {
        "geoIP_country": place["country"],
        "geoIP_state": place["state"],
        "geoIP_city": place["city"],
    }


def confidence_of(ip: str) -> str:
    """How sure 6sense is; independent of everything else."""
    return str(people.pick(ip, "confidence", CONFIDENCES))


def account_scores(domain: str, products: tuple[str, ...]) -> list[dict[str, Any]]:
    """The company's part of its scores, under the names of this API."""
    found = []
    for row in people.scores_for(f"visitor@{domain}", products):
        found.append(
            {
                "is_6qa": row["company_buying_stage"] in ("Decision", "Purchase"),
                "product": row["product"],
                "product_display_name": row["product"],
                "intent_score": row["company_intent_score"],
                "buying_stage": row["company_buying_stage"],
                "profile_score": row["company_profile_score"],
                "profile_fit": row["company_profile_fit"],
            }
        )
    return found
