"""Webhook templates: tokens by display name, three encodings, slash escapes."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Literal
from urllib.parse import quote_plus

from sandbox.marketo.fields import COMPANY_FIELDS, Field, bundled

Encoding = Literal["None", "JSON", "Form"]
ENCODINGS: tuple[Encoding, ...] = ("None", "JSON", "Form")

_TOKEN = re.compile(r"\{\{([a-zA-Z]+)\.([^{}:]+)(?::default=([^{}]*))?\}\}")
_ESCAPE = re.compile(r"\\(.?)", re.DOTALL)
_ESCAPES = {
    "b": "\b", "t": "\t", "n": "\n", "f": "\f", "r": "\r",
    "\\": "\\", '"': '"', "'": "'",
}  # fmt: skip
_NUMBERS = frozenset({"integer", "score", "percent", "float", "currency"})


class TemplateInvalid(ValueError):
    """The webhook editor would not save this template."""


@dataclass(frozen=True)
class Scope:
    """What tokens may refer to in one campaign's call.

    `my`, `program` and `trigger` tokens resolve only from what is given here.
    """

    campaign: Mapping[str, Any] = field(default_factory=dict)  #: id, name
    program: Mapping[str, Any] = field(default_factory=dict)
    my: Mapping[str, Any] = field(default_factory=dict)
    trigger: Mapping[str, Any] = field(default_factory=dict)
    munchkin_id: str = "123-ABC-456"
    now: datetime | None = None
    fields: Mapping[str, Field] | None = None  #: bundled ones by default
    #: how JSON encoding writes an empty number, date or boolean; unconfirmed
    empty_as: str = '""'


def unescape(template: str) -> str:
    r"""Turn `\n`, `\"` ... into the real characters, as the editor does on saving.

    A static `\n` inside a JSON text has to be written `\\n`.

    Raises:
        TemplateInvalid: any other sequence after a backslash.
    """

    def real(found: re.Match[str]) -> str:
        if found[1] not in _ESCAPES:
            raise TemplateInvalid(f"unknown sequence {found[0]!r} in the template")
        return _ESCAPES[found[1]]

    return _ESCAPE.sub(real, template)


def render(
    template: str,
    lead: Mapping[str, Any],
    encoding: Encoding = "JSON",
    scope: Scope | None = None,
) -> str:
    """The template with its tokens replaced: what Marketo puts on the wire.

    `lead` has REST names. `None` inserts values as they are, `JSON` as JSON
    values with their quotes, `Form` percent-encoded with `+` for blanks.
    Tokens that nothing resolves stay as they stand.

    Raises:
        TemplateInvalid: see `unescape`.
    """
    if encoding not in ENCODINGS:
        raise TemplateInvalid(f"encoding must be one of {', '.join(ENCODINGS)}")
    scope = scope or Scope()
    known = {f.display_name: f for f in (scope.fields or bundled()).values()}

    def value(found: re.Match[str]) -> str:
        kind, name, default = found[1], found[2].strip(), found[3]
        resolved = _resolve(kind, name, lead, scope, known)
        if resolved is None:
            return found[0]
        content, field_type = resolved
        if content in (None, "") and default is not None:
            content, field_type = default, "string"
        return _encoded(content, field_type, encoding, scope.empty_as)

    return _TOKEN.sub(value, unescape(template))


def _resolve(
    kind: str,
    name: str,
    lead: Mapping[str, Any],
    scope: Scope,
    known: Mapping[str, Field],
) -> tuple[Any, str] | None:
    """Value and field type of a token, or None when nothing is known of it."""
    if kind in ("lead", "company"):
        field = known.get(name)
        # {{lead.Company Name}} is written in vendors' guides, so it resolves.
        if field is None or (kind == "company" and field.name not in COMPANY_FIELDS):
            return None
        content = lead.get(field.name)
        if content is None and field.type == "boolean":
            content = False
        return content, field.type
    if kind == "system":
        return _system(name, scope)
    given = {
        "campaign": scope.campaign,
        "program": scope.program,
        "my": scope.my,
        "trigger": scope.trigger,
    }.get(kind, {})
    return (given[name], _type_of(given[name])) if name in given else None


def _system(name: str, scope: Scope) -> tuple[Any, str] | None:
    now = scope.now or datetime.now(UTC)
    return {
        "dateTime": (now.strftime("%Y-%m-%dT%H:%M:%SZ"), "datetime"),
        "date": (now.strftime("%Y-%m-%d"), "date"),
        "munchkinId": (scope.munchkin_id, "string"),
    }.get(name)


def _type_of(value: Any) -> str:
    if isinstance(value, bool):
        return "boolean"
    return "integer" if isinstance(value, int | float) else "string"


def _encoded(value: Any, kind: str, encoding: Encoding, empty_as: str) -> str:
    if encoding == "JSON":
        if value in (None, ""):
            is_text = kind not in _NUMBERS | {"date", "datetime", "boolean"}
            return '""' if is_text else empty_as
        if isinstance(value, bool | int | float):
            return json.dumps(value)
        return json.dumps(_plain(value, kind))
    text = _plain(value, kind)
    return quote_plus(text) if encoding == "Form" else text


def _plain(value: Any, kind: str) -> str:
    """The value as text; a time has a blank in the middle and no zone."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return str(value).lower()
    text = str(value)
    if kind == "datetime":
        return text.replace("T", " ").removesuffix("Z")
    return text
