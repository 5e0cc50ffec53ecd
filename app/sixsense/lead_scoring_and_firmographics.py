"""Lead Scoring and Firmographics v2: the company, the scores and the segments.

One Enrichment credit for each record with data, free again for 30 days.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from app.domain import ProductInfo
from app.sixsense.fields import (
    FIRMOGRAPHICS,
    LEAD_SCORES,
    SEGMENTS,
    VISITED_INPUTS,
    group,
)
from app.sixsense.product import Product


def has_data(answer: Mapping[str, Any]) -> bool:
    """A company by name or domain, or scores without one.

    An address that 6sense does not know is a 200 in which everything is blank.
    """
    company = answer["company"]
    return bool(company["name"] or company["domain"] or answer["scores"])


PRODUCT: Final = Product(
    ProductInfo(
        name="lead-scoring-and-firmographics",
        path_alias="people/full",
        inputs=VISITED_INPUTS,
        required=(("email",),),
        pool="enrichment",
        version="v2",
        fields=(group("company", FIRMOGRAPHICS), LEAD_SCORES, SEGMENTS),
    ),
    host="scribe",
    path="/v2/people/full",
    has_data=has_data,
)
