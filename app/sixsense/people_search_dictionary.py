"""People Search Dictionary v1: the words that a search of one account understands.

Every list is paged by itself, and the shorter ones run out first. No credit; the token
of People Search works here.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from app.domain import ProductInfo
from app.sixsense.fields import PAGE
from app.sixsense.product import Product, Request
from app.sixsense.rules import DOMAIN, number

#: Words of each list on a page, at most and by default.
PAGE_SIZE: Final = 1000
#: The lists, by their canonical names.
LISTS: Final = ("titles", "countries", "states", "cities", "industries")

_WIRE: Final = {
    "domain": "domainName",
    "page_number": "pageNumber",
    "page_size": "pageSize",
}


def request(inputs: Mapping[str, Any]) -> Request:
    """The only product that takes a query."""
    return "GET", {"params": {_WIRE[name]: str(v) for name, v in inputs.items()}}


def has_data(answer: Mapping[str, Any]) -> bool:
    """A word in any of the lists."""
    return any(answer[name] for name in LISTS)


PRODUCT: Final = Product(
    ProductInfo(
        name="people-search-dictionary",
        path_alias="dictionary/peopleSearch",
        inputs=("domain", "page_number", "page_size"),
        required=(("domain",),),
        pool=None,
        version="v1",
        is_lookup=False,
        fields=PAGE,
    ),
    host="api",
    path="/v1/dictionary/peopleSearch",
    has_data=has_data,
    request=request,
    rules={
        "domain": DOMAIN,
        "page_number": number(1),
        "page_size": number(1, PAGE_SIZE),
    },
    opened_by="people-search",
)
