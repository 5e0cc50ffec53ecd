"""JSON bodies of webhooks: read, and without what the ledger cannot keep."""

from __future__ import annotations

import json
import math
from collections.abc import Callable
from typing import Any

from app.errors import PayloadInvalid


def storable_text(text: str) -> str:
    """The text without NUL, and without halves of surrogate pairs: legal JSON both."""
    if "\0" in text:
        text = text.replace("\0", "")
    return text if text.isascii() else text.encode("utf-8", "replace").decode()


def storable(value: Any, text: Callable[[str], str] = storable_text) -> Any:
    """The value with each text, and each key, as `text` makes it.

    Raises:
        PayloadInvalid: a number that is none, or too large; nested too deeply.
    """
    try:
        return _storable(value, text)
    except RecursionError:
        raise PayloadInvalid("The body is nested too deeply.") from None


def _storable(value: Any, text: Callable[[str], str]) -> Any:
    if isinstance(value, str):
        return text(value)
    if isinstance(value, dict):
        return {text(key): _storable(one, text) for key, one in value.items()}
    if isinstance(value, list):
        return [_storable(one, text) for one in value]
    if isinstance(value, float) and not math.isfinite(value):
        raise PayloadInvalid("A number in the body is too large.")
    return value


def read_json(body: bytes) -> Any:
    """A whole body that has to be JSON. Raises PayloadInvalid."""
    try:
        given = json.loads(body)
    except (ValueError, RecursionError):
        raise PayloadInvalid("The body is not JSON.") from None
    return storable(given)
