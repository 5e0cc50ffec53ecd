"""People Enrichment v1: one contact, by e-mail, LinkedIn address or people id.

One Enrichment credit for each person found, free again for 30 days. The people id
comes from People Search; its token opens that, too.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from app.domain import ProductInfo
from app.sixsense.fields import CONTACT, OFFICE, group
from app.sixsense.product import Product


def has_data(answer: Mapping[str, Any]) -> bool:
    """Anything at all about a person, or about the office."""
    return any(
        value not in (None, [])
        for part in ("person", "company")
        for name, value in answer[part].items()
        if name != "extra"
    )


PRODUCT: Final = Product(
    ProductInfo(
        name="people-enrichment",
        path_alias="enrichment/people",
        inputs=("email", "linkedinUrl", "peopleId", "ip"),
        required=(("email", "linkedinUrl", "peopleId"),),
        pool="enrichment",
        version="v1",
        fields=(group("person", CONTACT), group("company", OFFICE)),
    ),
    host="api",
    # Its cURL samples leave out `/people`; its table and the other samples do not.
    path="/v1/enrichment/people",
    has_data=has_data,
)
