"""Values: kinds and normal forms, by the equality table of the reference."""

from datetime import UTC, date, datetime, timedelta, timezone
from zoneinfo import ZoneInfo

import pytest

from app.values import kind_of, normal_form, read_time, same


@pytest.mark.parametrize(
    ("sent", "read"),
    [
        (41, "41"),
        (41, 41.0),
        (41, "41.0"),
        (12.5, "12.50"),
        (10_000_000, "1.0E7"),
        (True, "true"),
        (True, 1),
        (False, "0"),
        (False, "No"),
        ("2026-11-02", "1793577600000"),
        ("2026-11-02", 1793577600000),
        ("2026-11-02", "2026-11-02T00:00:00Z"),
        ("2026-11-02T09:15:00Z", "2026-11-02T10:15:00+01:00"),
        ("2026-11-02T09:15:00Z", "2026-11-02T09:15:00.000+0000"),
        ("2026-11-02 09:15", "2026-11-02T09:15:00Z"),
        ("41", 41),
        ("Acme", " Acme\n"),
        ("a\r\nb", "a\nb"),
        (["A", "B"], "B;A"),
        (datetime(2026, 11, 2, 9, 15, tzinfo=UTC), "2026-11-02T09:15:00Z"),
        (date(2026, 11, 2), "2026-11-02"),
    ],
)
def test_same_value_in_two_spellings(sent, read):
    assert same(sent, read)


@pytest.mark.parametrize(
    ("sent", "read"),
    [
        (12.5, "12,5"),
        (41, ""),
        (41, None),
        (0, None),
        (False, None),
        (False, ""),
        (True, "maybe"),
        ("041", 41),
        ("Acme", "ACME"),
        ("2026-11-02", "2026-11-03"),
        ("2026-11-02T09:15:00Z", "2026-11-02T09:15:01Z"),
        (["A", "B"], "A"),
        ("A;B", "B;A"),
    ],
)
def test_different_values_are_told_apart(sent, read):
    assert not same(sent, read)


def test_a_kind_from_the_schema_comes_before_the_values_own():
    assert same("A;B", "B;A", "multi")
    assert same("41", "41.0", "number")
    assert not same("41", "41.0", "text")
    assert same("true", 1, "boolean")


def test_single_precision_compares_six_digits():
    assert same(1234567.0, 1234568.0, "float6")
    assert same(0.1, 0.10000000149011612, "float6")
    assert not same(1.23456, 1.23457, "float6")
    assert same(1e39, "1e39", "float6")
    assert not same(12.5, "12,5", "float6")


def test_nothing_is_none_under_every_kind():
    for kind in ("number", "float6", "boolean", "date", "datetime", "multi", "text"):
        assert normal_form(kind, None) is None
        assert normal_form(kind, "  ") is None
        assert normal_form(kind, []) is None
    assert normal_form("multi", " ; ") is None


def test_kinds_of_plain_values():
    values = [1, 1.5, True, "x", "2026-11-02", "2026-11-02T09:15:00Z", ["a"], None]
    assert [kind_of(value) for value in values] == [
        "number", "number", "boolean", "text", "date", "datetime", "multi", "text",
    ]  # fmt: skip
    assert kind_of("2026-11-02 is a Monday") == "text"


def test_a_time_without_a_zone_is_taken_to_be_in_the_given_one():
    berlin = ZoneInfo("Europe/Berlin")
    read = read_time("2026-11-02T10:15:00", berlin)
    assert read == datetime(2026, 11, 2, 9, 15, tzinfo=UTC)
    plus = timezone(timedelta(hours=5, minutes=30))
    assert read_time("2026-11-02T10:15+0530") == datetime(
        2026, 11, 2, 10, 15, tzinfo=plus
    )


@pytest.mark.parametrize(
    "text",
    [
        "2026-02-30",
        "2026-13-01T00:00",
        "11/02/2026",
        "5",
        "tomorrow",
        "2026-11-02T25:00",
        "",
        True,
    ],
)
def test_what_is_no_time_is_none(text):
    assert read_time(text) is None


def test_ends_of_the_calendar_do_not_break():
    assert same("0001-01-01", "0001-01-01T00:00:00+14:00", "datetime") in (True, False)
    assert normal_form("datetime", "9999-12-31T23:59:59-12:00")
