"""People Search v1: the people of one account, their names masked, page by page.

It takes no credit: contact details follow from People Enrichment, by `people_id`.
The token of People Enrichment works here. No lookup of a mapping file: it answers
about an account's people, and not about the lead.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from app.domain import ProductInfo
from app.sixsense.fields import PAGE, PROFILE, rows, text
from app.sixsense.product import Product, Request
from app.sixsense.rules import DOMAIN, VALUES, number

#: Profiles on a page, at most and by default.
PAGE_SIZE: Final = 50

#: Our words for what 6sense spells otherwise here than in the dictionary.
_WIRE: Final = {"page_number": "pageNo", "page_size": "pageSize"}


def request(inputs: Mapping[str, Any]) -> Request:
    """JSON, and its filters as lists: the table's commas stand inside of titles."""
    return "POST", {"json": {_WIRE.get(name, name): v for name, v in inputs.items()}}


def has_data(answer: Mapping[str, Any]) -> bool:
    """A profile on this page; the totals may count others."""
    return bool(answer["people"])


PRODUCT: Final = Product(
    ProductInfo(
        name="people-search",
        path_alias="search/people",
        inputs=(
            "domain",
            "titles",
            "country",
            "state",
            "city",
            "industry",
            "page_number",
            "page_size",
        ),
        required=(("domain",),),
        pool=None,
        version="v1",
        is_lookup=False,
        fields=(text("domain"), *PAGE, rows("people", PROFILE, "data")),
    ),
    host="api",
    path="/v1/search/people",
    has_data=has_data,
    request=request,
    rules={
        "domain": DOMAIN,
        **dict.fromkeys(("titles", "country", "state", "city"), VALUES),
        "page_number": number(1),
        "page_size": number(1, PAGE_SIZE),
    },
    opened_by="people-enrichment",
)
