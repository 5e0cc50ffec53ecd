"""Company Firmographics v3: the company and its segments, by e-mail or by domain.

With both, 6sense tries the e-mail first. One Enrichment credit for each record with
data, free again for 30 days. Formerly the Lead Enrichment API.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from app.domain import ProductInfo
from app.sixsense.fields import FIRMOGRAPHICS, SEGMENTS, group
from app.sixsense.product import Product


def has_data(answer: Mapping[str, Any]) -> bool:
    """A company by name or domain."""
    company = answer["company"]
    return bool(company["name"] or company["domain"])


PRODUCT: Final = Product(
    ProductInfo(
        name="company-firmographics",
        path_alias="enrichment/company",
        inputs=(
            "email",
            "domain",
            "country",
            "company",
            "industry",
            "title",
            "role",
            "firstname",
            "lastname",
            "leadsource",
        ),
        required=(("email", "domain"),),
        pool="enrichment",
        version="v3",
        fields=(group("company", FIRMOGRAPHICS), SEGMENTS),
    ),
    host="api",
    # The path counts on its own: v3 of the product is v1 of the path.
    path="/v1/enrichment/company",
    has_data=has_data,
)
