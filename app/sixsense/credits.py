"""What a credit is taken for: the two pools, and the record that stays paid.

Source: 6sense's API document, "Credits" (docs/6sense.md). No API reports a balance,
so whatever is made of this is an estimate.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from app.sixsense import PRODUCTS

ENRICHMENT: Final = "enrichment"
IDENTIFICATION: Final = "company-identification"

#: What identifies a record, the first of these that was asked by. 6sense does not say.
_IDENTITIES: Final = ("email", "domain", "linkedinUrl", "peopleId")


def pool_of(api: str) -> str | None:
    """The pool an API takes credits of; None: it takes none."""
    return PRODUCTS[api].info.pool


def record_of(api: str, inputs: Mapping[str, str]) -> str | None:
    """The record that an answer pays for; None: each answer costs, or none does.

    An address that is identified again costs again, as far as 6sense says.
    """
    if pool_of(api) != ENRICHMENT:
        return None
    for name in _IDENTITIES:
        value = (inputs.get(name) or "").strip().lower()
        if value:
            return f"{name}={value}"
    return None
