"""Company Firmographics v2: the former version, by e-mail alone.

It takes `website` where v3 takes `domain`, and answers the same. 6sense deprecates old
versions; a mapping file that names this one gets a warning.
"""

from __future__ import annotations

from typing import Final

from app.domain import ProductInfo
from app.sixsense.company_firmographics import has_data
from app.sixsense.fields import FIRMOGRAPHICS, LEAD_INPUTS, SEGMENTS, group
from app.sixsense.product import Product

PRODUCT: Final = Product(
    ProductInfo(
        name="company-firmographics-v2",
        path_alias="people/enrichment",
        inputs=LEAD_INPUTS,
        required=(("email",),),
        pool="enrichment",
        version="v2",
        successor="company-firmographics",
        fields=(group("company", FIRMOGRAPHICS), SEGMENTS),
    ),
    host="scribe",
    path="/v2/people/enrichment",
    has_data=has_data,
)
