"""What may leave in a log line or an error report: no person, no secret.

Two nets: a key that is called like a secret loses its whole value; and in every
text e-mail addresses, tokens and passwords are replaced wherever they stand.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

GONE = "[redacted]"

_SENSITIVE = (
    r"(?:authorization|cookie|secret|token|passw(?:or)?d|api[-_]?key|private[-_]?key"
    r"|person[-_]?key|data[-_]?keys|credential|assertion|sentry[-_]?dsn|database[-_]?url)"
)
_SECRET_KEY = re.compile(_SENSITIVE, re.IGNORECASE)
#: Payloads have no place in a log line, whatever is in them.
_BODY_KEYS = frozenset({"body", "payload", "e-mail", "email", "lead", "answer"})


_Rule = tuple[re.Pattern[str], str]


def _rule(pattern: str, instead: str) -> _Rule:
    return re.compile(pattern, re.IGNORECASE), instead


# Lengths are bounded so that a megabyte without a blank costs no more than it must.
_NAMED = (
    # Query strings and form bodies: client_secret=...&
    _rule(rf"([\w-]{{0,40}}{_SENSITIVE}[\w-]{{0,40}}=)[^&\s\"',;)\]}}]+", rf"\1{GONE}"),
    # {"access_token": "..."} and {'client_secret': '...'}
    _rule(
        rf"([\"'][\w-]{{0,40}}{_SENSITIVE}[\w-]{{0,40}}[\"']\s*:\s*[\"'])[^\"']*",
        rf"\1{GONE}",
    ),
    # Authorization: Token ...
    _rule(rf"({_SENSITIVE}\s*:\s*)(?!\[)[^\s\"',]+(?: [^\s\"',]+)?", rf"\1{GONE}"),
)
#: Needle → rules for texts that have it, in small letters. Most have none.
_RULES: dict[str, tuple[_Rule, ...]] = {
    "://": (_rule(r"(://)[^/\s@\"']{1,256}@", rf"\1{GONE}@"),),
    **{
        word: (_rule(rf"\b({word})\s+(?=\S*[\d=])[\w.~+/=:-]{{8,}}", rf"\1 {GONE}"),)
        for word in ("bearer", "basic", "token")
    },
    # /webhooks/crm/k/<secret>/mapping: the one secret that is in a path
    "/k/": (_rule(r"(/webhooks/[^/\s]{1,100}/k/)[^/?\s\"']+", rf"\1{GONE}"),),
    # What SQLAlchemy and PostgreSQL quote of the row they could not store.
    "[parameters": (_rule(r"(\[parameters: )[^\n]*", rf"\1{GONE}]"),),
    "context:": (_rule(r"(\bCONTEXT:\s+)[^\n]*", rf"\1{GONE}"),),
    "detail:": (_rule(r"(\bDETAIL:\s+)[^\n]*", rf"\1{GONE}"),),
    **{
        at: (
            _rule(
                rf"[^\s@<>\"'(),:;=&?/\\|\[\]{{}}]{{1,64}}{at}[\w-]{{1,63}}"
                r"(?:\.[\w-]{1,63}){1,8}",
                "[e-mail]",
            ),
        )
        for at in ("@", "%40")
    },
}


def redact_text(text: str) -> str:
    """The text without e-mail addresses, tokens, passwords and path secrets."""
    small = text.lower()
    rules = list(_NAMED if _SECRET_KEY.search(small) else ())
    for needle, more in _RULES.items():
        if needle in small:
            rules += more
    for pattern, instead in rules:
        text = pattern.sub(instead, text)
    return text


def redact(value: Any, key: str = "", depth: int = 12) -> Any:
    """`value` made of plain types only, with nothing in it that must stay here.

    `key` is the name it stands under. Numbers, flags and None tell nothing.
    """
    if value is None or isinstance(value, bool | int | float):
        return value
    if key and (_SECRET_KEY.search(key) or key.lower() in _BODY_KEYS):
        return GONE
    if isinstance(value, str):
        return redact_text(value)
    if isinstance(value, bytes | bytearray | memoryview):
        return f"<{len(value)} bytes>"
    if depth == 0:
        return "…"
    if isinstance(value, Mapping):
        return {
            redact_text(str(name)): redact(one, str(name), depth - 1)
            for name, one in value.items()
        }
    if isinstance(value, list | tuple | set | frozenset):
        return [redact(one, "", depth - 1) for one in value]
    return redact_text(str(value))
