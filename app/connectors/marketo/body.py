"""The body of a Marketo webhook: whatever a marketer's template made of it.

Marketo puts the values of tokens into a text that a person wrote, so both can be
wrong: quotation marks around tokens that bring their own, none of the encodings
chosen, tokens that nothing resolved. What can be read in one way only is read; the
rest is refused, for a wrong value in the right field is worse than none.

Source: Adobe, "Webhooks" and what senders report (docs/connectors/marketo.md).
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from typing import Any, Final
from urllib.parse import unquote_plus

from app.connectors.bodies import storable, storable_text
from app.errors import PayloadInvalid

_FIX_JSON: Final = (
    "Set Request Token Encoding to JSON, and put no quotation marks around tokens"
)
_FIX_FORM: Final = "Set Request Token Encoding to Form/Url"

#: A token that Marketo did not know: {{lead.Job Titel}}, {{my.Region:default=x}}.
_UNRESOLVED: Final = re.compile(r"\{\{\s*[A-Za-z]+\.[^{}]{0,200}\}\}")

# For salvage. No two neighbouring parts can match the same blanks, so that no body,
# however it is made, costs more than one look at each of its characters.
_KEY: Final = re.compile(r'\s*"([^"\\]{1,200})"\s*:\s*')
_BARE: Final = re.compile(
    r"(true|false|null|-?(?:0|[1-9][0-9]{0,17})(?:\.[0-9]{1,17})?"
    r'|\{\{[^{}"]{1,200}\}\})?\s*(?=[,}])',
    re.IGNORECASE,
)
_NEXT: Final = re.compile(r'\s*(?:,\s*(?:(?=")|\}\s*\Z)|\}\s*\Z)')
#: A quotation mark that can only be the end of a value: key or end come next.
_CLOSING: Final = re.compile(r'"(?=\s*(?:,\s*(?:"[^"\\]{1,200}"\s*:|\}\s*\Z)|\}\s*\Z))')
#: What an encoded value cannot hold.
_NOT_ENCODED: Final = re.compile(r"[^\x21-\x7e]|[@\"<>]")
_ENCODED: Final = re.compile(r"\+|%[0-9A-Fa-f]{2}")


def read_body(body: bytes) -> list[dict[str, Any]]:
    """The body's objects, keys trimmed: one, but for a list of them.

    Told by its content: the Content-Type of webhooks is often wrong. Empty values
    stay ""; unresolved tokens become "".

    Raises:
        PayloadInvalid: it cannot be read, or not in one way only.
    """
    try:
        # utf-8-sig: some editors put a byte order mark before the template.
        text = body.decode("utf-8-sig").strip()
    except UnicodeDecodeError:
        raise PayloadInvalid("The body is not UTF-8.") from None
    if not text:
        raise PayloadInvalid("The body is empty. Put a template into the webhook.")
    if text[0] in "{[":
        rows = _read_json(text)
    elif text[0] == "<" or "=" not in text:
        raise PayloadInvalid("The body is neither JSON nor a form.")
    else:
        rows = [_read_form(text)]
    return [storable(row, _resolved) for row in rows]


def _read_json(text: str) -> list[dict[str, Any]]:
    is_json = True
    try:
        # strict=False: raw line breaks inside of texts, from a field of many lines.
        raw = json.loads(text, strict=False, object_pairs_hook=_unique)
    except RecursionError:
        raise PayloadInvalid("The body is nested too deeply.") from None
    except ValueError:
        # Not salvaged here: this error holds the body, and would come along.
        is_json = False
    if not is_json:
        raw = _salvaged(text)
    rows = raw if isinstance(raw, list) else [raw]
    if not rows or not all(isinstance(row, dict) for row in rows):
        raise PayloadInvalid("The body is no JSON object.")
    return rows


def _unique(pairs: Iterable[tuple[str, Any]]) -> dict[str, Any]:
    """A key twice means a slip in the template, or a value that broke out of its
    quotation marks: a person could type themselves another id."""
    found: dict[str, Any] = {}
    for key, value in pairs:
        name = key.strip()
        if name in found:
            raise PayloadInvalid(f"A key is in the body twice. {_FIX_JSON}.")
        found[name] = value
    return found


def _salvaged(text: str) -> dict[str, Any]:
    """Read a flat object that is nearly JSON, if there is one way to read it.

    Covers empty tokens (`"score": ,`), tokens in quotation marks (`""x""`), and
    texts with quotation marks of their own (`"Jack & "JJ" Sons"`).
    """
    pairs: list[tuple[str, Any]] = []
    is_raw = has_escapes = False
    place = 1
    while place < len(text):
        key = _KEY.match(text, place)
        if key is None:
            raise _broken(place)
        place = key.end()
        if text.startswith('"', place):
            end = _closing(text, place + 1)
            inner = text[place + 1 : end]
            value = _text(inner, place)
            is_raw = is_raw or (value == inner and '"' in inner)
            has_escapes = has_escapes or "\\" in inner
            place = end + 1
        else:
            bare = _BARE.match(text, place)
            if bare is None:
                raise _broken(place)
            value, place = _bare(bare[1]), bare.end()
        pairs.append((key[1], value))
        following = _NEXT.match(text, place)
        if following is None:
            raise _broken(place)
        place = following.end()
    if not pairs:
        raise _broken(place)
    if is_raw and has_escapes:
        # Values came as they are; then a backslash is one, and not an escape.
        raise _broken(0)
    return _unique(pairs)


def _closing(text: str, place: int) -> int:
    for found in _CLOSING.finditer(text, place):
        before = text[place : found.start()]
        if (len(before) - len(before.rstrip("\\"))) % 2 == 0:
            return found.start()
    raise _broken(place)


def _text(inner: str, place: int) -> str:
    """The text between two outer quotation marks of the template."""
    if len(inner) > 1 and inner[0] == inner[-1] == '"':
        # A token in quotation marks: it brought its own, and is JSON by itself.
        try:
            return str(json.loads(inner, strict=False))
        except ValueError:
            pass
    try:
        return str(json.loads(f'"{inner}"', strict=False))
    except ValueError:
        if "\\" in inner:
            raise _broken(place) from None
        return inner


def _bare(word: str | None) -> Any:
    if word is None or word.startswith("{{"):
        return ""
    return json.loads(word.lower())


def _broken(place: int) -> PayloadInvalid:
    where = f" It breaks off near character {place}." if place else ""
    return PayloadInvalid(f"The body is not JSON.{where} {_FIX_JSON}.")


def _read_form(text: str) -> dict[str, Any]:
    pairs = []
    for part in text.split("&"):
        name, equals, value = part.partition("=")
        if not equals and part.strip():
            # The & was in a value that was not encoded: its rest is lost already.
            raise PayloadInvalid(f"A part of the form has no =. {_FIX_FORM}.")
        if equals:
            # Line breaks of the template end up around keys and values.
            pairs.append((name.strip(), value.strip()))
    values = [value for _, value in pairs]
    is_raw = any("@" in value for value in values)
    if is_raw and any(
        _ENCODED.search(v) and not _NOT_ENCODED.search(v) for v in values
    ):
        # Is the + of `A+B` a blank? With an @ as it is, nobody can say.
        raise PayloadInvalid(f"Some values are encoded and some are not. {_FIX_FORM}.")
    return _unique((_decoded(name), _decoded(value)) for name, value in pairs)


def _decoded(text: str) -> str:
    if _NOT_ENCODED.search(text):
        return text
    try:
        return unquote_plus(text, errors="strict").strip()
    except UnicodeDecodeError:
        raise PayloadInvalid(
            f"A value of the form is not UTF-8. {_FIX_FORM}."
        ) from None


def _resolved(text: str) -> str:
    """Without unresolved tokens, and without what the ledger cannot keep."""
    if "{{" in text and _UNRESOLVED.search(text):
        return ""
    return storable_text(text)
