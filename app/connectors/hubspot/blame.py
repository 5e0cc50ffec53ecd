"""Whose value it was that a whole batch was refused for.

HubSpot names the property and quotes the value, and does not say whose it was. Only
what is sure is told: who is not sure to blame keeps all properties, and the batch is
halved until it is one record alone.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any, Final

from app.connectors.hubspot.codes import (
    OF_THE_PROPERTY,
    OF_THE_RECORD,
    VALUE_CODES,
    BadValue,
)
from app.connectors.hubspot.wire import wire
from app.domain import Update
from app.errors import RecordRefused

#: How its messages quote a value. What follows may be a list of options.
_QUOTED: Final = (
    re.compile(r"(.*?) was not (?:one of the allowed|a valid)\b", re.DOTALL),
    re.compile(r"Email address (.*) is invalid", re.DOTALL),
)


def guilty(
    bad: Sequence[BadValue], going: Mapping[int, Update]
) -> dict[int, RecordRefused]:
    """The records whose refused properties these are, as far as it is sure.

    A property that is not there, or read-only, is everybody's who sent it. Any other
    is one record's, if only one sent that property, or it is whose value is quoted.
    """
    found: dict[int, RecordRefused] = {}
    for one in bad:
        if one.code in OF_THE_RECORD:
            continue
        senders = [n for n, update in going.items() if one.name in update.values]
        if one.code not in OF_THE_PROPERTY and len(senders) > 1:
            quoted = _quoted(one.message)
            senders = [n for n in senders if _has(going[n].values[one.name], quoted)]
        for n in senders:
            found.setdefault(n, refused(one))
    return found


def _quoted(message: str) -> str:
    """The value that a message is about; "" if it quotes none that we can tell."""
    found = next((hit for form in _QUOTED if (hit := form.match(message))), None)
    return found[1].strip() if found else ""


def _has(value: Any, quoted: str) -> bool:
    """Whether this value, or one item of it, is the one that is quoted."""
    whole = wire(value)
    mine = {whole, *(item.strip() for item in whole.split(";"))} - {""}
    return not mine.isdisjoint({quoted, quoted.strip("\"'")})


def refused(bad: BadValue) -> RecordRefused:
    """The error of a record; of one of its fields, if the field is to blame."""
    said = VALUE_CODES.get(bad.code, "its value is not valid")
    code = bad.code or "VALIDATION_ERROR"
    return RecordRefused(
        f"hubspot did not take it, property {bad.name}: {said} ({code})",
        code=code,
        field=None if bad.code in OF_THE_RECORD else bad.name,
    )
