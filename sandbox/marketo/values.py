"""What each field type accepts and how it reads back, as recorded.

Recorded traffic decides where it exists (Sync Leads, 2021); otherwise exact
JSON types are wanted, and `lenient` takes the forms whose acceptance nobody
has confirmed: numeric strings, "true", numbers for texts, times without zone.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from datetime import UTC, date, datetime
from typing import Any

from sandbox.marketo.fields import Field

#: `text` fields hold this many bytes.
TEXT_BYTES = 30_000

_EMAIL = re.compile(r"[^@\s,;<>()]+@[^@\s,;<>()]+\.[^@\s.,;<>()]+")


class ValueRefused(Exception):
    """A value that the field does not take; the record is skipped with 1003."""


def stored(field: Field, value: Any, *, lenient: bool, truncate: bool) -> Any:
    """The value as Marketo keeps it; None clears the field.

    Raises:
        ValueRefused: wrong type, form or length.
    """
    if value is None or value == "":
        return None
    if lenient:
        value = _unquoted(field, value)
    try:
        return _BY_TYPE[field.type](field, value, truncate)
    except (ValueError, OverflowError) as error:
        raise ValueRefused(message(field, value)) from error


def message(field: Field, value: Any) -> str:
    """The recorded words of 1003."""
    shown = str(value).lower() if isinstance(value, bool) else value
    return f"Invalid value for field '{field.name}' and value '{shown}'"


def read(field: Field, value: Any) -> Any:
    """The value as an answer shows it: an unset boolean reads false."""
    return False if value is None and field.type == "boolean" else value


def same(first: Any, second: Any) -> bool:
    """Whether a write changes anything: 1 and true differ, 1 and 1.0 do not."""
    return first == second and isinstance(first, bool) == isinstance(second, bool)


def _unquoted(field: Field, value: Any) -> Any:
    """The exact JSON type that a lenient reader would see in `value`."""
    kind = field.type
    if isinstance(value, str):
        word = value.strip()
        if kind == "boolean" and word.lower() in ("true", "false", "1", "0"):
            return word.lower() in ("true", "1")
        if kind in ("integer", "score", "percent", "float", "currency"):
            if re.fullmatch(r"[+-]?\d+", word):
                return int(word)
            if re.fullmatch(r"[+-]?\d+\.\d+", word):
                return float(word)
        if kind == "datetime" and re.fullmatch(r"[\d-]{10}[ T][\d:.]{8,}", word):
            return f"{word}Z"
    elif isinstance(value, int | float) and kind in _TEXTS:
        return str(value).lower() if isinstance(value, bool) else str(value)
    return value


def _text(field: Field, value: Any, truncate: bool) -> str:
    if not isinstance(value, str):
        raise ValueError(field.type)
    length = field.length or 255
    if len(value) > length:
        if not truncate:
            raise ValueError(f"longer than {length}")
        return value[:length]
    return value


def _long_text(field: Field, value: Any, truncate: bool) -> str:
    if not isinstance(value, str):
        raise ValueError(field.type)
    raw = value.encode()
    if len(raw) > TEXT_BYTES:
        if not truncate:
            raise ValueError(f"more than {TEXT_BYTES} bytes")
        return raw[:TEXT_BYTES].decode(errors="ignore")
    return value


def _email(field: Field, value: Any, truncate: bool) -> str:
    # The main address is ASCII only.
    if not isinstance(value, str) or not value.isascii() or not _EMAIL.fullmatch(value):
        raise ValueError("not an e-mail address")
    return _text(field, value, truncate)


def _whole(field: Field, value: Any, _: bool) -> int:
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise ValueError("not a number")
    if value != int(value) or abs(value) >= 2**63:
        raise ValueError("not a whole 64-bit number")
    return int(value)


def _fraction(field: Field, value: Any, _: bool) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise ValueError("not a number")
    if not math.isfinite(value):
        raise ValueError("no JSON number")
    # Single precision: six digits survive, so money is off from about 100,000.
    kept = float(f"{value:.6g}")
    return int(kept) if kept.is_integer() and isinstance(value, int) else kept


def _boolean(field: Field, value: Any, _: bool) -> bool:
    if not isinstance(value, bool):
        raise ValueError("not a boolean")
    return value


def _date(field: Field, value: Any, _: bool) -> str:
    if not isinstance(value, str) or len(value) != len("2026-11-23"):
        raise ValueError("not a date")
    return date.fromisoformat(value).isoformat()


def _datetime(field: Field, value: Any, _: bool) -> str:
    if not isinstance(value, str) or "T" not in value.replace(" ", "T"):
        raise ValueError("not a time")
    moment = datetime.fromisoformat(value)
    if moment.tzinfo is None:
        raise ValueError("no offset")
    # Milliseconds are accepted and dropped.
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _refuse(field: Field, value: Any, _: bool) -> Any:
    raise ValueError("cannot be written")


_TEXTS = frozenset({"string", "phone", "url", "text"})

_BY_TYPE: dict[str, Callable[[Field, Any, bool], Any]] = {
    "string": _text,
    "phone": _text,
    "url": _text,
    "text": _long_text,
    "email": _email,
    "integer": _whole,
    "score": _whole,
    "percent": _whole,
    "float": _fraction,
    "currency": _fraction,
    "boolean": _boolean,
    "date": _date,
    "datetime": _datetime,
    "reference": _refuse,
    "formula": _refuse,
}
