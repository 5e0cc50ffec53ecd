"""An answer that comes in pages, read to its end."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from app.domain import LookupResult
from app.errors import AnswerUnexpected
from app.sixsense.client import Answered
from app.sixsense.product import SYSTEM


def pages(
    ask: Callable[[str, Mapping[str, Any]], Answered],
    product: str,
    inputs: Mapping[str, Any],
) -> Iterator[Answered]:
    """Every page of `product`, the first first; without a match one that says so.

    `ask` makes the calls, as SixsenseClient.call does. The totals decide when it
    ends, and an empty page does: 6sense cuts its totals short in its own sample.

    Raises:
        AnswerUnexpected: another page came than was asked for; going on would tell
            some people twice and others never.
    """
    number = 1
    while True:
        answered = ask(product, {**inputs, "page_number": number})
        data = answered.data or {}
        came = data.get("page_number")
        if isinstance(came, int) and came != number:
            raise AnswerUnexpected(
                f"{product} answered page {came} when asked for page {number}",
                system=SYSTEM,
                operation=product,
            )
        if number == 1 or answered.result is LookupResult.MATCHED:
            yield answered
        last = data.get("total_pages")
        is_last = isinstance(last, int) and number >= last
        if is_last or answered.result is not LookupResult.MATCHED:
            return
        number += 1
