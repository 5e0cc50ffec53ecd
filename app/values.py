"""When two values of a field are the same: kinds and their normal forms.

A CRM gives back `"41"` for the 41 it was sent, and a datetime in another zone.
Two values are equal if their normal forms under one kind are equal (mapping.md 5);
what we last wrote is kept as a keyed hash of that same normal form.
"""

from __future__ import annotations

import re
import struct
from collections.abc import Callable, Mapping
from datetime import UTC, date, datetime, time, tzinfo
from decimal import Decimal
from typing import Any, Final

YES = frozenset({"true", "yes", "y", "t", "1", "on"})
NO = frozenset({"false", "no", "n", "f", "0", "off"})

#: Milliseconds since 1970 between these are a time; smaller ones are a number.
FIRST_MS, LAST_MS = 10**11, 5 * 10**12

#: The kind under which a CRM's field type is compared; others go by the value's own.
KINDS: Final[Mapping[str, str]] = {
    "string": "text",
    "text": "text",
    "email": "text",
    "url": "text",
    "phone": "text",
    "picklist": "text",
    "integer": "number",
    "number": "number",
    "currency": "number",
    "float": "number",
    "boolean": "boolean",
    "date": "date",
    "datetime": "datetime",
    "multipicklist": "multi",
}

_LISTS = (list, tuple, set, frozenset)
_NUMBERS = (int, float, Decimal)

_PLAIN_NUMBER = re.compile(
    r"[+-]?([0-9]{1,40}(\.[0-9]{0,40})?|\.[0-9]{1,40})(e[+-]?[0-9]{1,2})?", re.I
)
_DAY = re.compile(r"([0-9]{4})-([0-9]{2})-([0-9]{2})")
_MOMENT = re.compile(
    r"([0-9]{4}-[0-9]{2}-[0-9]{2})[T ]"
    r"([0-9]{2}:[0-9]{2}(?::[0-9]{2}(?:[.,][0-9]{1,9})?)?)"
    r"\s?(Z|[+-][0-9]{2}(?::?[0-9]{2})?)?",
    re.I,
)


def kind_of(value: Any) -> str:
    """number, boolean, date, datetime, multi or text: what a value is by itself."""
    if isinstance(value, bool):
        return "boolean"
    if isinstance(value, _NUMBERS):
        return "number"
    if isinstance(value, datetime):
        return "datetime"
    if isinstance(value, date):
        return "date"
    if isinstance(value, _LISTS):
        return "multi"
    if isinstance(value, str):
        text = value.strip()
        # Almost no text begins like a year; the cheap test spares the patterns.
        if text[4:5] == "-" and text[:4].isdigit():
            if _DAY.fullmatch(text):
                return "date"
            if _MOMENT.fullmatch(text):
                return "datetime"
    return "text"


def normal_form(kind: str, value: Any) -> str | None:
    """The one spelling of a value under a kind; None is empty.

    A value that cannot be read under the kind keeps its text, so that it equals
    only itself. `float6` is Marketo's float and currency: single precision.
    """
    if value is None or (isinstance(value, str) and not value.strip()):
        return None
    if isinstance(value, _LISTS) and not value:
        return None
    return _FORMS.get(kind, text_form)(value)


def same(sent: Any, read: Any, kind: str | None = None) -> bool:
    """Whether what was read equals what is sent, by kind or by the sent value's."""
    if type(sent) is type(read) and sent == read:
        return True
    kind = kind or kind_of(sent)
    return normal_form(kind, sent) == normal_form(kind, read)


def plain_number(value: Any) -> Decimal | None:
    """A number written plainly ("41", 41.0, "1e3"); None for all else, booleans too."""
    if isinstance(value, bool):
        return None
    if isinstance(value, int):
        return Decimal(value)
    text = repr(value) if isinstance(value, float) else str(value).strip()
    return Decimal(text) if _PLAIN_NUMBER.fullmatch(text) else None


def plain_boolean(value: Any) -> bool | None:
    """true yes y t 1 on, false no n f 0 off, any capitals; None for all else."""
    if isinstance(value, bool):
        return value
    if isinstance(value, _NUMBERS):
        return bool(value) if value in (0, 1) else None
    word = str(value).strip().lower()
    return True if word in YES else False if word in NO else None


def read_time(value: Any, zone: tzinfo = UTC) -> date | datetime | None:
    """A day or an aware moment; None if it is neither.

    Reads ISO 8601 with a blank or a T, and milliseconds since 1970. A time that
    was sent without a zone is taken to be in `zone`.
    """
    if isinstance(value, datetime):
        return value if value.tzinfo else value.replace(tzinfo=zone)
    if isinstance(value, date):
        return value
    if isinstance(value, bool) or value is None:
        return None
    text = str(value).strip()
    if text.isascii() and text.removesuffix(".0").isdigit():
        return _from_milliseconds(int(text.removesuffix(".0")[:20]))
    return _from_iso(text, zone)


def read_moment(value: Any, zone: tzinfo = UTC) -> datetime | None:
    """A moment in UTC, a day as its midnight in `zone`; None as in read_time."""
    read = read_time(value, zone)
    return None if read is None else moment(read, zone)


def moment(value: date | datetime, zone: tzinfo = UTC) -> datetime:
    """A day's midnight in `zone`, or the moment itself, in UTC."""
    if not isinstance(value, datetime):
        value = datetime.combine(value, time.min, tzinfo=zone)
    try:
        return value if value.tzinfo is UTC else value.astimezone(UTC)
    except OverflowError:  # the first and the last day there are
        return value.replace(tzinfo=UTC)


def stamp(value: datetime) -> str:
    """`2026-11-02T09:15:00Z`: how a moment is written, to the second."""
    plain = moment(value).replace(tzinfo=None, microsecond=0)
    return f"{plain.isoformat()}Z"


def _from_milliseconds(number: int) -> datetime | None:
    if not FIRST_MS <= number <= LAST_MS:
        return None
    return datetime.fromtimestamp(number / 1000, UTC)


def _from_iso(text: str, zone: tzinfo) -> date | datetime | None:
    try:
        if _DAY.fullmatch(text):
            return date.fromisoformat(text)
        found = _MOMENT.fullmatch(text)
        if not found:
            return None
        day, clock, offset = found.groups()
        clock = clock.replace(",", ".")[:15]
        read = datetime.combine(date.fromisoformat(day), time.fromisoformat(clock))
        if not offset:
            return read.replace(tzinfo=zone)
        return datetime.fromisoformat(f"{read.isoformat()}{_offset(offset)}")
    except ValueError:  # the thirtieth of February
        return None


def _offset(text: str) -> str:
    if text in "Zz":
        return "+00:00"
    digits = text[1:].replace(":", "").ljust(4, "0")
    return f"{text[0]}{digits[:2]}:{digits[2:]}"


def _number_form(value: Any) -> str:
    number = plain_number(value)
    return text_form(value) if number is None else _digits(number)


def _float6_form(value: Any) -> str:
    number = plain_number(value)
    if number is None:
        return text_form(value)
    try:
        # What single precision makes of it comes first: both sides went that way.
        single = struct.unpack("<f", struct.pack("<f", float(number)))[0]
    except OverflowError:
        return _digits(number)
    return _digits(Decimal(f"{single:.5e}"))


def _digits(number: Decimal) -> str:
    # Not normalize(): it rounds to 28 digits.
    text = f"{number:f}"
    if "." in text:
        text = text.rstrip("0").rstrip(".")
    return text if number else "0"


def _boolean_form(value: Any) -> str:
    flag = plain_boolean(value)
    return text_form(value) if flag is None else str(flag).lower()


def _date_form(value: Any) -> str:
    read = read_time(value)
    if read is None:
        return text_form(value)
    day = moment(read).date() if isinstance(read, datetime) else read
    return day.isoformat()


def _datetime_form(value: Any) -> str:
    read = read_moment(value)
    return text_form(value) if read is None else stamp(read)


def _multi_form(value: Any) -> str | None:
    items = value if isinstance(value, _LISTS) else [value]
    texts = {part.strip() for item in items for part in text_form(item).split(";")}
    return ";".join(sorted(texts - {""})) or None


def text_form(value: Any) -> str:
    """A value as text: trimmed, line ends unified, 12.0 as `12`, true as `true`."""
    if isinstance(value, str):
        return value.strip().replace("\r\n", "\n").replace("\r", "\n")
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, _NUMBERS):
        number = plain_number(value)
        return str(value) if number is None else _digits(number)
    if isinstance(value, datetime):
        return stamp(value)
    return str(value)


_FORMS: dict[str, Callable[[Any], str | None]] = {
    "number": _number_form,
    "float6": _float6_form,
    "boolean": _boolean_form,
    "date": _date_form,
    "datetime": _datetime_form,
    "multi": _multi_form,
    "text": text_form,
}
