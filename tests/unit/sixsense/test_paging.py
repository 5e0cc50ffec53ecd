"""An answer in pages is read to its end, and never past it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest

from app.domain import LookupResult
from app.errors import AnswerUnexpected
from app.sixsense import PRODUCTS
from app.sixsense.client import Answered
from app.sixsense.paging import pages

SEARCH = "people-search"
INPUTS = {"domain": "acme.example"}


def asking(*bodies: Any) -> Any:
    """Answers these pages in turn; None is a 204."""
    asked: list[Mapping[str, Any]] = []

    def ask(product: str, inputs: Mapping[str, Any]) -> Answered:
        asked.append(inputs)
        body = bodies[len(asked) - 1]
        data = None if body is None else PRODUCTS[product].canonical(body)
        result = PRODUCTS[product].outcome(200, data)
        return Answered(result, 200, "", 0, 0.0, data=data)

    ask.asked = asked  # type: ignore[attr-defined]
    return ask


def page(number: int, total: Any = None, *names: str) -> dict[str, Any]:
    people = [{"peopleId": name} for name in names]
    return {"pageNumber": number, "totalPage": total, "data": people}


def ids(found: list[Answered]) -> list[str]:
    return [row["people_id"] for one in found for row in (one.data or {})["people"]]


def test_every_page_is_asked_once() -> None:
    ask = asking(page(1, 3, "a", "b"), page(2, 3, "c"), page(3, 3, "d"))
    assert ids(list(pages(ask, SEARCH, INPUTS))) == ["a", "b", "c", "d"]
    assert [one["page_number"] for one in ask.asked] == [1, 2, 3]
    assert all(one["domain"] == "acme.example" for one in ask.asked)


@pytest.mark.parametrize("last", [None, page(2, None), page(2, 9)])
def test_without_a_total_an_empty_page_is_the_end(last: Any) -> None:
    total = last["totalPage"] if last else None
    found = list(pages(asking(page(1, total, "a"), last), SEARCH, INPUTS))
    assert ids(found) == ["a"]


def test_nobody_is_one_page_that_says_so() -> None:
    (only,) = pages(asking(None), SEARCH, INPUTS)
    assert only.result is LookupResult.NO_MATCH
    (only,) = pages(asking(page(1, 0)), SEARCH, INPUTS)
    assert only.result is LookupResult.NO_MATCH


def test_another_page_than_asked_for_ends_it_loudly() -> None:
    with pytest.raises(AnswerUnexpected, match="page 1 when asked for page 2"):
        list(pages(asking(page(1, 3, "a"), page(1, 3, "a")), SEARCH, INPUTS))


def test_pages_are_read_one_at_a_time() -> None:
    ask = asking(page(1, 3, "a"), page(2, 3, "b"))
    assert ids([next(pages(ask, SEARCH, INPUTS))]) == ["a"]
    assert len(ask.asked) == 1
