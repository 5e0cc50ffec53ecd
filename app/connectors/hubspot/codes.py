"""What HubSpot's answers mean to us: by status, policy and category. Tables.

Source: HubSpot, "Error handling" and "Usage guidelines" (docs/connectors/hubspot.md,
"When something fails").
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from app.errors import (
    AnswerUnexpected,
    CredentialsRefused,
    QuotaSpent,
    RateLimited,
    RemoteError,
    RemoteFault,
    RequestRefused,
)
from app.remote import Answer


@dataclass(frozen=True, slots=True)
class Meaning:
    """A status of a whole call."""

    kind: type[RemoteError]
    said: str
    retry_after: float | None = None


STATUSES: Final[Mapping[int, Meaning]] = {
    400: Meaning(RequestRefused, "it does not take the request"),
    401: Meaning(CredentialsRefused, "it does not know the access token"),
    403: Meaning(CredentialsRefused, "the app lacks a scope for this"),
    404: Meaning(RequestRefused, "there is no such resource"),
    409: Meaning(RequestRefused, "it conflicts with what is there"),
    414: Meaning(RequestRefused, "the address is too long"),
    423: Meaning(RemoteFault, "it is locked by a sync", 2.0),
    477: Meaning(RemoteFault, "the account moves between data centres"),
    # At the edge, and for somebody to look at.
    522: Meaning(RemoteFault, "its edge waited too long"),
    525: Meaning(RemoteFault, "its edge has a problem with TLS"),
    526: Meaning(RemoteFault, "its edge has a problem with TLS"),
}
#: `policyName` of a 429. The day ends at midnight of the account; where its zone is
#: not known, it is tried again an hour later.
POLICIES: Final[Mapping[str, Meaning]] = {
    "SECONDLY": Meaning(RateLimited, "the calls of this second are used up", 1.0),
    "TEN_SECONDLY_ROLLING": Meaning(
        RateLimited, "the calls of ten seconds are used up", 10.0
    ),
    "DAILY": Meaning(QuotaSpent, "the calls of the day are used up", 3600.0),
}
_BURST: Final = POLICIES["TEN_SECONDLY_ROLLING"]
_WORD: Final = re.compile(r"[A-Z_]{1,60}")
_NAME: Final = re.compile(r"[A-Za-z0-9_]{1,100}")
_SCOPE: Final = re.compile(r"[a-z0-9_.-]{1,100}")
_LISTED: Final = "Property values were not valid: "


@dataclass(frozen=True, slots=True)
class BadValue:
    """One property that a batch was refused for. HubSpot does not say whose it is."""

    name: str
    code: str
    #: Only to find the record by its value; never shown or kept.
    message: str = ""


#: Codes that hold for a property whatever its value.
OF_THE_PROPERTY: Final = frozenset({"PROPERTY_DOESNT_EXIST", "READ_ONLY_VALUE"})

VALUE_CODES: Final[Mapping[str, str]] = {
    "PROPERTY_DOESNT_EXIST": "there is no such property",
    "INVALID_OPTION": "it is none of the options, by their internal values",
    "INVALID_LONG": "it is no number",
    "INVALID_INTEGER": "it is no whole number",
    "INVALID_DECIMAL": "it is no number",
    "INVALID_DATE": "it is no date at midnight UTC",
    "INVALID_EMAIL": "it is no e-mail address",
    "READ_ONLY_VALUE": "the property is read-only",
    "MISSING_REQUIRED_PROPERTY": "a rule of the account wants this property filled",
    "MISSING_CONDITIONAL_REQUIRED_PROPERTY": (
        "a rule of the account wants this property filled"
    ),
}


def call_error(answer: Answer, day_left_s: float | None = None) -> RemoteError:
    """The error of a whole call. `day_left_s`: until the account's midnight."""
    body = _object(answer)
    category = _word(body.get("category")) or _word(body.get("errorType"))
    if answer.status == 429:
        policy = _word(body.get("policyName"))
        is_second = "secondly limit" in str(body.get("message"))
        meaning = POLICIES.get(policy or ("SECONDLY" if is_second else ""), _BURST)
        code = policy or "429"
    else:
        found = STATUSES.get(answer.status)
        if found is None:
            return answer.error()
        meaning, code = found, category or str(answer.status)
    wait_s = answer.retry_after()
    if answer.status == 404 and not body:
        said = f"{answer.looks_like}. Is the address right?"
        return answer.error(said, kind=AnswerUnexpected)
    is_daily = meaning.kind is QuotaSpent and day_left_s is not None
    own_s = day_left_s if is_daily else meaning.retry_after
    scopes = ", ".join(_scopes(body))
    return answer.error(
        f"{meaning.said} ({code}{': ' if scopes else ''}{scopes})",
        kind=meaning.kind,
        code=code,
        retry_after=wait_s if wait_s is not None else own_s,
    )


def _scopes(body: Mapping[str, Any]) -> list[str]:
    """Of which one is lacking, by a 403."""
    errors = body.get("errors")
    found = [
        scope
        for one in (errors if isinstance(errors, list) else ())
        if isinstance(one, dict) and isinstance(one.get("context"), dict)
        for scope in one["context"].get("requiredGranularScopes") or ()
        if isinstance(scope, str) and _SCOPE.fullmatch(scope)
    ]
    return list(dict.fromkeys(found))


def bad_values(answer: Answer) -> list[BadValue]:
    """The values that a 400 is about, from both places where it names them.

    One property may be there several times, each time for another value.
    """
    body = _object(answer)
    found = [
        bad
        for one in _listed(str(body.get("message") or ""))
        if (bad := _bad(one.get("name"), one.get("error"), one.get("message")))
    ]
    told = {one.name for one in found}
    errors = body.get("errors")
    for one in errors if isinstance(errors, list) else ():
        for name in _names(one.get("context")) if isinstance(one, dict) else ():
            bad = _bad(name, one.get("code"), one.get("message"))
            if bad and bad.name not in told:
                found.append(bad)
    return found


def _bad(name: object, code: object, message: object) -> BadValue | None:
    if not (isinstance(name, str) and _NAME.fullmatch(name)):
        return None
    return BadValue(name, _word(code), str(message or ""))


def _listed(message: str) -> Iterable[Mapping[str, Any]]:
    """The JSON that a message carries behind its first words."""
    _, is_there, rest = message.partition(_LISTED)
    if not is_there:
        return []
    try:
        given = json.loads(rest)
    except (ValueError, RecursionError):
        return []
    rows = given if isinstance(given, list) else []
    return [one for one in rows if isinstance(one, dict)]


def _names(context: object) -> list[str]:
    names = context.get("propertyName") if isinstance(context, dict) else None
    if isinstance(names, str):
        return [names]
    return [one for one in names or () if isinstance(one, str)]


def _object(answer: Answer) -> Mapping[str, Any]:
    try:
        body = answer.json()
    except AnswerUnexpected:
        return {}
    return body if isinstance(body, dict) else {}


def _word(value: object) -> str:
    return value if isinstance(value, str) and _WORD.fullmatch(value) else ""
