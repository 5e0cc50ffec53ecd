"""What the doctor concludes, and which products count as gone."""

from __future__ import annotations

import pytest

from app.cli.doctor_tokens import harmless
from app.pipeline.diagnosis import clock, span
from app.pipeline.scored import absent
from app.sixsense import PRODUCTS

WITH, WITHOUT = ["Platform", "Data Cloud"], ["Platform 2026", "Data Cloud"]


@pytest.mark.parametrize(
    ("answers", "gone"),
    [
        ([], 0),
        ([WITHOUT] * 4, 0),
        ([WITHOUT] * 5, 5),
        ([WITHOUT] * 4 + [WITH] * 100, 0),
        ([WITHOUT] * 5 + [WITH] * 100, 5),
        # Seen in every tenth answer: fifteen without it are nothing new.
        ([WITHOUT] * 15 + ([WITH] + [WITHOUT] * 9) * 5, 0),
        ([WITHOUT] * 27 + ([WITH] + [WITHOUT] * 9) * 5, 27),
        # How long it was gone before the oldest answer is not known.
        ([WITHOUT] * 6 + [WITH] + [WITHOUT] * 3, 6),
        ([["PLATFORM"]] * 9, 0),
    ],
)
def test_a_product_is_gone_after_a_gap_that_is_longer_than_any_before(
    answers: list[list[str]], gone: int
) -> None:
    found = absent(["Platform", "data cloud"], answers)
    found = [one for one in found if one.product == "Platform"]
    assert [one.answers for one in found] == ([gone] if gone else [])
    assert all(one.has == ("Data Cloud", "Platform 2026") for one in found)


@pytest.mark.parametrize(
    ("ahead_s", "state", "words"),
    [(1.9, "ok", "agree"), (-1.9, "ok", "agree"), (2.1, "warning", "2 s ahead"),
     (-70.0, "warning", "70 s behind")],
)  # fmt: skip
def test_clocks_may_differ_by_two_seconds(
    ahead_s: float, state: str, words: str
) -> None:
    check = clock(ahead_s)
    assert (check.state, words in check.what) == (state, True)


@pytest.mark.parametrize(
    ("seconds", "words"),
    [(0.5, "0 seconds"), (61, "1 minute"), (7_300, "2 hours"), (90_000, "1 day")],
)
def test_a_time_is_told_by_its_largest_unit(seconds: float, words: str) -> None:
    assert span(seconds) == words


@pytest.mark.parametrize("api", PRODUCTS)
def test_every_api_can_be_asked_about_nobody(api: str) -> None:
    inputs = harmless(api)
    assert inputs is not None
    PRODUCTS[api].check(inputs)
    assert all(
        value.endswith(".invalid") or value == "240.0.0.1" for value in inputs.values()
    )
