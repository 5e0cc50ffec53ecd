"""Company Identification v3: the account behind a visitor's IPv4 address.

One Company Identification credit for each answer that says `Match`; 6sense's document
leaves open whether the same address costs again, so it counts each time. Formerly the
Company Details API.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from app.domain import ProductInfo
from app.sixsense.fields import (
    ACCOUNT_SCORES,
    CONFIDENCES,
    IDENTIFIED,
    SEGMENTS,
    enum,
    group,
)
from app.sixsense.product import Product, Request, visitor

#: A bot, a host, a provider: found, but nobody's account.
_NOBODY: Final = ("No Match", "Non-actionable Match")


def request(inputs: Mapping[str, Any]) -> Request:
    """No body and no query: the address and the cookie are headers."""
    cookie = {n: v for n, v in inputs.items() if n == "EpsilonCookie"}
    return "GET", {"headers": {**visitor(inputs), **cookie}}


def has_data(answer: Mapping[str, Any]) -> bool:
    """A company by name or domain, unless 6sense says that it is none."""
    company = answer["company"]
    if company["company_match"] in _NOBODY:
        return False
    return bool(company["name"] or company["domain"] or answer["scores"])


PRODUCT: Final = Product(
    ProductInfo(
        name="company-identification",
        path_alias="company/details",
        # The document names no input, and takes the caller's address where the
        # header has none: a server asks for somebody else.
        inputs=("ip", "EpsilonCookie"),
        required=(("ip",),),
        pool="company-identification",
        version="v3",
        fields=(
            group("company", IDENTIFIED),
            ACCOUNT_SCORES,
            SEGMENTS,
            enum("confidence", CONFIDENCES),
        ),
    ),
    host="epsilon",
    path="/v3/company/details",
    has_data=has_data,
    request=request,
    is_for_partners=True,
)
