"""What counts as empty. 0 and false never do."""

from __future__ import annotations

from typing import Any

from app.values import text_form


def is_empty(value: Any, words: frozenset[str] = frozenset()) -> bool:
    """Missing, blank, a list of such, or one of `words` (given without capitals)."""
    if value is None:
        return True
    if isinstance(value, str):
        text = value.strip()
        return not text or (bool(words) and text.casefold() in words)
    if isinstance(value, (list, tuple)):
        return all(is_empty(item, words) for item in value)
    if isinstance(value, dict):
        return not value
    return bool(words) and text_form(value).casefold() in words
