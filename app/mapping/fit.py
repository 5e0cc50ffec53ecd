"""A value and the CRM's field: what fits, what is changed to fit, what does not.

Text, number and yes/no are changed into each other if nothing is lost. Wire forms,
like HubSpot's texts or Dynamics' dates, are the connector's business.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from app.domain import CrmField
from app.errors import ConversionFailed
from app.mapping.converters import to_boolean, to_integer, to_number
from app.mapping.findings import shorten
from app.mapping.reasons import BAD_VALUE, NOT_ALLOWED, READ_ONLY, TOO_LONG, Keep
from app.values import read_time, text_form

DATES = ("date", "datetime")
NUMBERS = ("integer", "number", "currency", "float")


def fit(value: Any, crm: CrmField) -> Any:
    """The value as the field takes it.

    Raises:
        Keep: read-only, bad-value, not-allowed or too-long.
    """
    if crm.read_only:
        raise Keep(READ_ONLY, value=value)
    change: Callable[[Any], Any] = _CHANGES.get(crm.type, text_form)
    try:
        fitted = change(value)
    except ConversionFailed as error:
        raise Keep(BAD_VALUE, str(error)) from None
    if crm.values is not None:
        fitted = _allowed(fitted, crm)
    if isinstance(fitted, str):
        check_length(fitted, crm.length, in_bytes=crm.length_in_bytes)
    return fitted


def check_length(text: str, limit: int | None, *, in_bytes: bool = False) -> None:
    """Raise Keep `too-long` if a text does not go in."""
    size = length(text, in_bytes=in_bytes)
    if limit is not None and size > limit:
        unit = "bytes" if in_bytes else "characters"
        sentence = f"{size} {unit}, and the field takes {limit}."
        raise Keep(TOO_LONG, sentence, text)


def length(text: str, *, in_bytes: bool = False) -> int:
    """Characters, or bytes where the CRM counts them."""
    return len(text.encode("utf-8", "replace")) if in_bytes else len(text)


def _allowed(value: Any, crm: CrmField) -> Any:
    """The value as the list has it: a label stands for its internal value."""
    text = text_form(value)
    is_several = crm.type == "multipicklist"
    items = [item.strip() for item in (text.split(";") if is_several else [text])]
    values = crm.values or ()
    found = {**dict(zip(crm.labels or (), values, strict=False))}
    for item in items:
        if item not in values and item not in found:
            sentence = f"The CRM's list for this field has no '{shorten(item)}'."
            raise Keep(NOT_ALLOWED, sentence, value)
    if all(item in values for item in items):
        return value
    return ";".join(item if item in values else found[item] for item in items)


def _whole(value: Any) -> int:
    return to_integer(int(value) if isinstance(value, bool) else value)


def _number(value: Any) -> int | float:
    return to_number(int(value) if isinstance(value, bool) else value)


def _day(value: Any) -> Any:
    if read_time(value) is None:
        raise ConversionFailed(f"'{shorten(value)}' is not a date.")
    return value


_CHANGES: dict[str, Callable[[Any], Any]] = {
    "integer": _whole,
    "number": _number,
    "currency": _number,
    "float": _number,
    "boolean": to_boolean,
    "date": _day,
    "datetime": _day,
}
