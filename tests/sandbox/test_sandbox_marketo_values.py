"""Which value each type of field takes, and how it reads back."""

from __future__ import annotations

from typing import Any

import pytest

FIELDS = {
    "string": "sixsenseStage", "text": "sixsenseNote", "email": "email",
    "integer": "sixsenseIntent", "float": "sixsenseFactor",
    "datetime": "sixsenseCheckedAt", "date": "sixsenseCheckedOn",
    "percent": "sixsenseShare", "currency": "sixsenseRevenue",
    "boolean": "sixsenseHot", "score": "engagement",
}  # fmt: skip
GOOD = {
    "string": "x", "text": "x", "email": "x@acme.example", "integer": 3, "float": 1.5,
    "datetime": "2026-01-01T00:00:00Z", "date": "2026-01-01", "percent": 4,
    "currency": 5.5, "boolean": True, "score": 6,
}  # fmt: skip


@pytest.fixture
def write(marketo: Any) -> Any:
    """Write one value; what reads back, or the reason of the refusal."""
    marketo.post(
        "leads/schema/fields.json",
        {"input": [{"displayName": "E", "name": "engagement", "dataType": "score"}]},
    )

    def written(kind: str, value: Any) -> Any:
        name = FIELDS[kind]
        (result,) = marketo.update({"id": 318582, name: value})
        if result["status"] == "updated":
            return marketo.lead(318582, name)[name]
        (reason,) = result["reasons"]
        return reason["code"], reason["message"]

    return written


@pytest.mark.parametrize("kind", FIELDS)
@pytest.mark.parametrize("empty", [None, ""])
def test_null_and_empty_text_clear_a_field(write: Any, kind: str, empty: Any) -> None:
    assert write(kind, GOOD[kind]) == GOOD[kind]
    # A cleared boolean reads false.
    assert write(kind, empty) is (False if kind == "boolean" else None)


@pytest.mark.parametrize(
    ("kind", "value"),
    [
        ("boolean", "other"), ("email", "bademail"), ("integer", 14.1),
        ("float", "14c"), ("datetime", "yesterday"), ("percent", "100%"),
        ("integer", "42"), ("boolean", 1), ("boolean", "true"), ("integer", True),
        ("date", "11/02/2026"), ("date", "2026-02-30"),
        ("date", "2026-01-01T00:00:00Z"),
        ("datetime", "2026-01-01 00:00:00"), ("datetime", "2026-01-01"),
        ("string", 5), ("string", ["a"]), ("text", {"a": 1}), ("integer", 2**63),
        ("email", "zoë@acme.example"), ("percent", 1.5), ("currency", "12"),
        ("string", "x" * 256), ("text", "é" * 15_001),
    ],
)  # fmt: skip
def test_other_values_skip_the_record_with_1003(
    write: Any, kind: str, value: Any
) -> None:
    shown = str(value).lower() if isinstance(value, bool) else value
    words = f"Invalid value for field '{FIELDS[kind]}' and value '{shown}'"
    assert write(kind, value) == ("1003", words)


@pytest.mark.parametrize(
    ("kind", "value", "back"),
    [
        ("datetime", "2020-08-30T05:49:48.000Z", "2020-08-30T05:49:48Z"),
        ("datetime", "2026-11-23T11:15:30+01:00", "2026-11-23T10:15:30Z"),
        ("date", "2020-08-30", "2020-08-30"), ("score", 10, 10), ("percent", 99, 99),
        ("currency", 34.66, 34.66), ("float", 5.4, 5.4), ("boolean", True, True),
        ("integer", -7, -7), ("integer", 2**53, 2**53),
        ("string", "x" * 255, "x" * 255),
        ("currency", 123456789, 123457000), ("currency", 12603100, 12603100),
    ],
)  # fmt: skip
def test_values_read_back_as_recorded(
    write: Any, kind: str, value: Any, back: Any
) -> None:
    found = write(kind, value)
    assert (found, type(found)) == (back, type(back))


def test_long_texts_can_be_truncated_instead(control: Any, write: Any) -> None:
    control.config(marketo={"string_overflow": "truncate"})
    assert write("string", "x" * 300) == "x" * 255
    assert write("text", "é" * 15_001) == "é" * 15_000


@pytest.mark.parametrize(
    ("kind", "value", "back"),
    [
        ("integer", "42", 42), ("boolean", "TRUE", True), ("string", 5, "5"),
        ("currency", "12.5", 12.5),
        ("datetime", "2026-01-01 00:00:00", "2026-01-01T00:00:00Z"),
    ],
)  # fmt: skip
def test_lenient_types_take_the_unconfirmed_forms(
    control: Any, write: Any, kind: str, value: Any, back: Any
) -> None:
    control.config(marketo={"lenient_types": True})
    assert write(kind, value) == back


def test_an_absent_key_leaves_the_field_alone(marketo: Any) -> None:
    marketo.update({"id": 318581, "sixsenseIntent": 5})
    assert marketo.lead(318581, "sixsenseEmployees")["sixsenseEmployees"] == 40
