"""Time spans as mapping files write them: `8 s`, `30 days`."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import Any

_SPAN = re.compile(r"([0-9]{1,6})\s*(s|seconds?|minutes?|hours?|days?|weeks?)", re.I)
_SECONDS = {"s": 1, "m": 60, "h": 3600, "d": 86400, "w": 604800}

#: What a finding says of a span that cannot be read.
FORM = "A number and seconds, minutes, hours, days or weeks: 30 days."


def span_of(value: Any) -> timedelta | None:
    """`30 days` as a timedelta; None if it is not a span. A bare number is none."""
    found = _SPAN.fullmatch(value.strip()) if isinstance(value, str) else None
    if found is None:
        return None
    return timedelta(seconds=int(found[1]) * _SECONDS[found[2][0].lower()])
