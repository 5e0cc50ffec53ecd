"""Products that 6sense renamed or dropped: asked for, and in no answer any more.

6sense tells scores by the product's name as the customer has set it up. Once it is
renamed there, `scores[product=Old name]` is empty in every answer, and no call fails.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Final

import structlog

from app.errors import AnswerUnexpected
from app.ledger import Ledger
from app.ledger.installation import is_turn
from app.mapping.model import MappingFile
from app.pipeline.parts import Parts
from app.sixsense import PRODUCTS
from app.sixsense.client import SixsenseClient

log = structlog.get_logger()

#: So many of the last answers are looked at.
ANSWERS: Final = 200
#: Fewer answers in a row without a product prove nothing.
LEAST: Final = 5
#: Nor does a gap that is not so many times longer than any before it.
LONGER: Final = 3
TOLD_EVERY: Final = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Absent:
    """A product that is asked for, and that the last answers do not have."""

    product: str
    #: Of so many answers in a row.
    answers: int
    #: The products that those have.
    has: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Compared:
    """What one API tells under one token, against what is asked of it.

    By token: another token may be another customer's, with products of its own.
    """

    token: str
    api: str
    #: Product → the mappings that read its scores there.
    asked: Mapping[str, Collection[str]]
    #: So many answers with scores there were.
    answers: int
    absent: tuple[Absent, ...]


def absent(asked: Iterable[str], answers: Sequence[Collection[str]]) -> list[Absent]:
    """Which of the products `asked` for the last answers do not have any more.

    `answers`: the products that each has scores of, the newest first; capitals apart,
    as mappings pick them. A product that never came in all of them, or that has been
    gone for far longer than it ever was before.
    """
    found = []
    folded = [{name.casefold() for name in one} for one in answers]
    for product in sorted(set(asked)):
        gaps = _gaps(product.casefold(), folded)
        since, before = gaps[0], max(gaps[1:], default=0)
        if since >= max(LEAST, LONGER * before):
            has = {name for one in answers[:since] for name in one}
            found.append(Absent(product, since, tuple(sorted(has))))
    return found


def _gaps(product: str, answers: Sequence[Collection[str]]) -> list[int]:
    """Lengths of the runs of answers without it, the newest first."""
    gaps = [0]
    for one in answers:
        if product in one:
            gaps.append(0)
        else:
            gaps[-1] += 1
    # How long it was gone before the oldest of these is not known.
    return gaps[:-1] if len(gaps) > 1 else gaps


def compared(
    ledger: Ledger, sixsense: SixsenseClient, mappings: Iterable[MappingFile]
) -> list[Compared]:
    """The products that these mappings read by name, and the last answers."""
    found = []
    for (token, api), asked in sorted(_asked(sixsense, mappings).items()):
        answers = _answers(ledger, sixsense, token, api)
        gone = tuple(absent(asked, answers))
        found.append(Compared(token, api, asked, len(answers), gone))
    return found


def _asked(
    sixsense: SixsenseClient, mappings: Iterable[MappingFile]
) -> dict[tuple[str, str], dict[str, set[str]]]:
    """Token and API → product → the mappings that read its scores there."""
    found: dict[tuple[str, str], dict[str, set[str]]] = {}
    for mapping in mappings:
        for name, product in mapping.scored:
            lookup = mapping.lookup(name)
            for api in {lookup.api, lookup.when_spent} & _SCORED if lookup else ():
                key = sixsense.token_name(api, mapping.source), api
                readers = found.setdefault(key, {}).setdefault(product, set())
                readers.add(mapping.name)
    return found


_SCORED: Final = frozenset(
    name
    for name, product in PRODUCTS.items()
    if any(field.name == "scores" for field in product.info.fields)
)


def _answers(
    ledger: Ledger, sixsense: SixsenseClient, token: str, api: str
) -> list[list[str]]:
    """The products of each of the last answers that have any scores."""
    texts = ledger.enrichments.last_texts(token, api, count=ANSWERS)
    return [names for text in texts if (names := list(_names(sixsense, api, text)))]


def _names(sixsense: SixsenseClient, api: str, text: str) -> Iterator[str]:
    try:
        rows = sixsense.parse(api, text)["scores"]
    except AnswerUnexpected:
        return
    for row in rows:
        if isinstance(row.get("product"), str):
            yield row["product"]


def tell_absent(parts: Parts) -> None:
    """An ERROR for each product that is gone, once a day: a person has to mend it."""
    for one in compared(parts.ledger, parts.sixsense, parts.mappings.values()):
        for gone in one.absent:
            turn = f"product {one.token} {gone.product}"
            if is_turn(parts.ledger.database, turn, TOLD_EVERY):
                log.error(
                    "product in no answer any more",
                    product=gone.product,
                    answers=gone.answers,
                    answers_have=list(gone.has),
                    mappings=sorted(one.asked[gone.product]),
                    token=one.token,
                )
