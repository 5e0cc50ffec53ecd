"""Lead Scoring v2: the scores alone. It takes no credit."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from app.domain import ProductInfo
from app.sixsense.fields import LEAD_SCORES, VISITED_INPUTS
from app.sixsense.product import Product


def has_data(answer: Mapping[str, Any]) -> bool:
    """A row of scores; rows of nulls were dropped in reading."""
    return bool(answer["scores"])


PRODUCT: Final = Product(
    ProductInfo(
        name="lead-scoring",
        path_alias="people/score",
        inputs=VISITED_INPUTS,
        required=(("email",),),
        pool=None,
        version="v2",
        fields=(LEAD_SCORES,),
    ),
    host="scribe",
    path="/v2/people/score",
    has_data=has_data,
)
