"""The converters of `as:`. One function each; its docstring is its reference entry.

English notation only: a comma, a blank or an apostrophe between groups of three, a
point before decimals; K, M, B; one % is dropped and nothing scaled; $ and USD are
allowed. What could mean two things is refused, never guessed.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import UTC, date, datetime, tzinfo
from decimal import ROUND_HALF_UP, Decimal
from typing import Any, NoReturn, TypeVar

from app.errors import ConversionFailed
from app.mapping.findings import shorten
from app.values import moment, plain_boolean, read_time, stamp, text_form

Function = TypeVar("Function", bound=Callable[..., Any])

#: By the name that stands after `as:`.
CONVERTERS: dict[str, Callable[..., Any]] = {}
#: Those whose outcome is a number, and those that read a time in a zone.
NUMERIC = ("integer", "number", "currency", "range-low", "range-high")
ZONED = ("date", "datetime")
#: Signs that `{currency: EUR}` may name; other currencies go by their code alone.
SIGNS = {"USD": "$", "EUR": "€", "GBP": "£", "JPY": "¥", "INR": "₹"}

_SCALE = {"": 1, "K": 10**3, "M": 10**6, "B": 10**9}
_GROUPED = re.compile(
    r"[0-9]{1,3}(?:([, '\u2019\u00a0\u202f])[0-9]{3}(?:\1[0-9]{3})*)?"
)
_NUMBER = re.compile(r"([+-]?)([0-9][0-9, '\u2019\u00a0\u202f]*)(\.[0-9]+)?\s?([KMB]?)")
_RANGE = re.compile(r"(\S.*?)\s*[-\u2013]\s*([^-\u2013]*\S)")


def converter(name: str) -> Callable[[Function], Function]:
    """Register a function under the name that stands after `as:`."""

    def register(function: Function) -> Function:
        CONVERTERS[name] = function
        return function

    return register


@converter("integer")
def to_integer(value: Any) -> int:
    """`12,500` → 12500; `$12,603,100` → 12603100; `1.5M` → 1500000; `45%` → 45.

    Raises ConversionFailed for `41.5`, `10,000+`, `1,000 - 4,999`, `12,5`, `1e3`,
    `about 50` and for yes or no.
    """
    number = _number(value, "a whole number")
    if number != number.to_integral_value():
        _refuse(value, "has a fraction and is not a whole number")
    return int(number)


@converter("number")
def to_number(value: Any) -> int | float:
    """`1,234.50` → 1234.5; `1.234` → 1.234; `45%` → 45; whole ones are integers.

    Raises ConversionFailed for what `integer` refuses, fractions apart.
    """
    return _slim(_number(value, "a number"))


@converter("currency")
def to_currency(value: Any, currency: str = "USD") -> int | float:
    """`$1,234.565` → 1234.57 (two decimals, half up); `12,603,100 USD` → 12603100.

    `{currency: EUR}` reads `€1,200.505` → 1200.51. Raises ConversionFailed for
    an amount in another currency and for what `number` refuses.
    """
    number = _number(value, "an amount", currency)
    return _slim(number.quantize(Decimal("0.01"), ROUND_HALF_UP))


@converter("range-low")
def to_range_low(value: Any) -> int | float:
    """`1,000 - 4,999` → 1000; `10,000+` → 10000; `$5B+` → 5000000000; `1192` → 1192.

    Raises ConversionFailed for `10 - 25M` (does the M belong to both?), `< 10` and
    `250 to 499`.
    """
    return _slim(_range(value)[0])


@converter("range-high")
def to_range_high(value: Any) -> int | float:
    """`1,000 - 4,999` → 4999; `$100M - $250M` → 250000000; `0 - 9` → 9.

    Raises ConversionFailed for `10,000+`, which has no upper end, and for what
    `range-low` refuses.
    """
    high = _range(value)[1]
    if high is None:
        _refuse(value, "has no upper end")
    return _slim(high)


@converter("boolean")
def to_boolean(value: Any) -> bool:
    """true yes y t 1 on → true; false no n f 0 off → false; any capitals.

    Raises ConversionFailed for `maybe` and `ja`. Blank is empty, not false.
    """
    flag = plain_boolean(value)
    if flag is None:
        _refuse(value, "is neither yes nor no")
    return flag


@converter("date")
def to_date(value: Any, zone: tzinfo = UTC) -> str:
    """`2026-11-02`; `2026-11-02T23:30:00Z` in Europe/Berlin → `2026-11-03`.

    `1793577600000` (milliseconds) → `2026-11-02`. Raises ConversionFailed for
    `11/02/2026` (day or month first?), `2026-02-30` and `tomorrow`.
    """
    read = _time(value, zone)
    if isinstance(read, datetime):
        read = moment(read).astimezone(zone).date()
    return read.isoformat()


@converter("datetime")
def to_datetime(value: Any, zone: tzinfo = UTC) -> str:
    """`2026-03-01 14:28:16` (in `timezone`) → `2026-03-01T14:28:16Z`.

    A date → its midnight. Raises ConversionFailed for what `date` refuses.
    """
    return stamp(moment(_time(value, zone), zone))


@converter("text")
def to_text(value: Any) -> str:
    """12.0 → `12`; true → `true`; trimmed."""
    return text_form(value)


def number_of(value: Any) -> Decimal | None:
    """What `number` reads, for comparisons; None instead of a refusal."""
    if isinstance(value, int) and not isinstance(value, bool):
        return Decimal(value)
    try:
        return _number(value, "a number")
    except ConversionFailed:
        return None


def _number(value: Any, wanted: str, currency: str = "USD") -> Decimal:
    if isinstance(value, bool):
        _refuse(text_form(value), f"is yes or no, not {wanted}")
    if isinstance(value, int | float):
        return _finite(value, wanted)
    text = str(value).strip()
    number = _read(_bare(text, currency).removesuffix("%").rstrip())
    if number is None:
        _refuse(text, _why_not(text, wanted, currency))
    return number


def _finite(value: float, wanted: str) -> Decimal:
    # Beyond this no CRM has a field, and decimal arithmetic loses digits.
    if not abs(value) < 1e20:
        _refuse(value if isinstance(value, float) else "…", f"is not {wanted}")
    return Decimal(value) if isinstance(value, int) else Decimal(repr(value))


def _read(text: str) -> Decimal | None:
    found = _NUMBER.fullmatch(text) if len(text) <= 60 else None
    if not found:
        return None
    sign, whole, fraction, scale = found.groups()
    if not whole.isdigit() and not _GROUPED.fullmatch(whole):
        return None
    digits = re.sub(r"[^0-9]", "", whole)
    number = Decimal(f"{sign}{digits}{fraction or ''}") * _SCALE[scale]
    return number if abs(number) < 10**20 else None


def _bare(text: str, currency: str) -> str:
    """The text without the one sign or code that says the expected currency."""
    for mark in (SIGNS.get(currency, currency), currency):
        if text.startswith(mark):
            return text.removeprefix(mark).lstrip()
        if text.endswith(mark):
            return text.removesuffix(mark).rstrip()
        if text.startswith(f"-{mark}"):
            return f"-{text.removeprefix(f'-{mark}').lstrip()}"
    return text


def _why_not(text: str, wanted: str, currency: str) -> str:
    if len(text) > 80:
        return f"is not {wanted}"
    if text.endswith("+"):
        return f"is open-ended, not {wanted}"
    parts = _RANGE.fullmatch(text)
    if parts and all(
        _read(_bare(part, currency)) is not None for part in parts.groups()
    ):
        return f"is a range, not {wanted}"
    if re.fullmatch(r"[0-9.]*[0-9],[0-9]{1,2}", text):
        return f"has a decimal comma? That is not {wanted} in English notation"
    if re.fullmatch(r"[0-9]{1,3}(,[0-9]{2,3})+(\.[0-9]+)?", text):
        return "is not grouped by threes"
    if re.search(r"[€£¥₹$]|\b[A-Z]{3}\b", text):
        return f"is not in {currency}"
    return f"is not {wanted}"


def _range(value: Any) -> tuple[Decimal, Decimal | None]:
    text = str(value).strip()
    if isinstance(value, bool | int | float) or _read(_bare(text, "USD")) is not None:
        number = _number(value, "a range")
        return number, number
    if text.endswith("+"):
        low = _read(_bare(text[:-1].rstrip(), "USD"))
        return (low, None) if low is not None else _no_range(text)
    found = _RANGE.fullmatch(text) if len(text) <= 80 else None
    if not found:
        _no_range(text)
    low, high = (_read(_bare(part, "USD")) for part in found.groups())
    if low is None or high is None:
        _no_range(text)
    if high > low and found[2][-1:] in "KMB" and found[1][-1:] not in "KMB":
        _refuse(text, f"could mean two ranges: does the {found[2][-1]} belong to both?")
    if high < low:
        _refuse(text, "is a range that runs backwards")
    return low, high


def _no_range(text: str) -> NoReturn:
    _refuse(text, "is not a range like 1,000 - 4,999")


def _time(value: Any, zone: tzinfo) -> date | datetime:
    read = read_time(value, zone)
    if read is None:
        text = text_form(value)
        _refuse(text, _why_no_time(text))
    return read


def _why_no_time(text: str) -> str:
    if re.fullmatch(r"[0-9]{1,2}[/.][0-9]{1,2}[/.][0-9]{2,4}", text):
        return "could be two dates: day or month first?"
    if re.match(r"[0-9]{4}-[0-9]{2}-[0-9]{2}", text):
        return "is not in the calendar"
    if re.fullmatch(r"-?[0-9]+", text):
        return "is not a time in milliseconds since 1970"
    return "is not a date like 2026-11-02"


def _slim(number: Decimal) -> int | float:
    return int(number) if number == number.to_integral_value() else float(number)


def _refuse(value: Any, why: str) -> NoReturn:
    end = "" if why.endswith("?") else "."
    raise ConversionFailed(f"'{shorten(value)}' {why}{end}")
