"""One value from 6sense: read, blank, or unreadable; never wrong."""

from __future__ import annotations

from typing import Any

import pytest

from app.domain import Unreadable
from app.sixsense import reading


@pytest.mark.parametrize(
    ("raw", "number"),
    [
        (0, 0),
        (1192, 1192),
        ("1192", 1192),
        (" 1192 ", 1192),
        ("$12,603,100", 12603100),
        ("1 192", 1192),
        ("-5", -5),
        (41.0, 41),
        ("41.0", 41),
        ("007", 7),
        (None, None),
        ("", None),
        (" ", None),
        ([], None),
        ({}, None),
    ],
)
def test_a_whole_number_is_read(raw: Any, number: int | None) -> None:
    found = reading.read_whole(raw)
    assert found == number
    assert found is None or type(found) is int


@pytest.mark.parametrize(
    "raw",
    [
        "12,5",
        "1,23,456",
        "1.234,56",
        "41.5",
        41.5,
        "10,000+",
        "1,000 - 4,999",
        "about 50",
        "1e3",
        "٣",
        True,
        False,
        float("nan"),
        float("inf"),
        [1],
        {"a": 1},
        "9" * 99,
    ],
)
def test_what_is_no_whole_number_is_unreadable(raw: Any) -> None:
    found = reading.read_whole(raw)
    assert isinstance(found, Unreadable)
    assert len(found.raw) <= 80


def test_a_score_lies_between_0_and_100() -> None:
    assert [reading.read_score(n) for n in (0, "100", "", None)] == [0, 100, None, None]
    assert reading.read_score(101) == Unreadable("101")
    assert reading.read_score("-1") == Unreadable("-1")


@pytest.mark.parametrize(
    ("raw", "flag"),
    [
        (True, True),
        (False, False),
        ("True", True),
        ("false", False),
        (None, None),
        ("", None),
        ("yes", Unreadable("yes")),
        (1, Unreadable("1")),
        (0, Unreadable("0")),
    ],
)
def test_a_flag_is_read(raw: Any, flag: Any) -> None:
    assert reading.read_flag(raw) == flag
    assert type(reading.read_flag(raw)) is type(flag)


@pytest.mark.parametrize(
    ("raw", "text"),
    [
        (" Acme ", "Acme"),
        (94105, "94105"),
        (7.0, "7"),
        (7.5, "7.5"),
        (True, "true"),
        ("", None),
        ("\u00a0\t", None),
        ("a\0b", "ab"),
        ([], None),
        ({"a": 1}, Unreadable('{"a": 1}')),
    ],
)
def test_a_text_is_read(raw: Any, text: Any) -> None:
    assert reading.read_text(raw) == text


@pytest.mark.parametrize(
    ("raw", "members"),
    [
        (None, []),
        ("", []),
        ("a, b,,c", ["a", "b", "c"]),
        (["a", None, "", " b "], ["a", "b"]),
        ([1, 2.0, "3"], [1, "2", "3"]),
        ([{"a": 1}, [], {}], [Unreadable('{"a": 1}')]),
        (7, [7]),
    ],
)
def test_a_list_is_read(raw: Any, members: list[Any]) -> None:
    assert reading.read_list(raw) == members
