"""6sense's products, by the names that mapping files and the CLI use."""

from __future__ import annotations

from typing import Final

from app.sixsense import (
    company_firmographics,
    company_firmographics_v2,
    company_identification,
    lead_scoring,
    lead_scoring_and_firmographics,
    people_enrichment,
    people_search,
    people_search_dictionary,
)
from app.sixsense.product import Product

_ALL: Final = (
    lead_scoring_and_firmographics.PRODUCT,
    lead_scoring.PRODUCT,
    company_firmographics.PRODUCT,
    company_firmographics_v2.PRODUCT,
    people_enrichment.PRODUCT,
    company_identification.PRODUCT,
    people_search.PRODUCT,
    people_search_dictionary.PRODUCT,
)

PRODUCTS: Final[dict[str, Product]] = {each.info.name: each for each in _ALL}


def product_named(name: str) -> Product | None:
    """By its name or by its path: `lead-scoring` or `people/score`."""
    by_path = {each.info.path_alias: each for each in _ALL}
    return PRODUCTS.get(name) or by_path.get(name)
