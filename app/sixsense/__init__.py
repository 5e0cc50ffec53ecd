"""6sense's products, by the names that mapping files and the CLI use."""

from __future__ import annotations

from typing import Final

from app.sixsense import lead_scoring, lead_scoring_and_firmographics
from app.sixsense.product import Product

_ALL: Final = (
    lead_scoring_and_firmographics.PRODUCT,
    lead_scoring.PRODUCT,
)

PRODUCTS: Final[dict[str, Product]] = {each.info.name: each for each in _ALL}


def product_named(name: str) -> Product | None:
    """By its name or by its path: `lead-scoring` or `people/score`."""
    by_path = {each.info.path_alias: each for each in _ALL}
    return PRODUCTS.get(name) or by_path.get(name)
