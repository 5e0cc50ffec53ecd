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
    403: Meaning(CredentialsRefused, "it does not let the app do this"),
    404: Meaning(RequestRefused, "there is no such resource"),
    409: Meaning(RequestRefused, "it conflicts with what is there"),
    414: Meaning(RequestRefused, "the address is too long"),
    # For as long as the sync takes: our own table waits longer and longer.
    423: Meaning(RemoteFault, "it is locked by a sync"),
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
#: Of answers without a policy: what their message says → the policy.
_LIMITS: Final[Mapping[str, str]] = {
    "secondly limit": "SECONDLY",
    "daily limit": "DAILY",
}
_BURST: Final = POLICIES["TEN_SECONDLY_ROLLING"]
_WORD: Final = re.compile(r"[A-Z_]{1,60}")
_NAME: Final = re.compile(r"[A-Za-z0-9_]{1,100}")
_SCOPE: Final = re.compile(r"[a-z0-9_.-]{1,100}")
_REQUEST_ID: Final = re.compile(r"[A-Za-z0-9-]{1,64}")
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
#: Codes about a property that was not sent: they refuse the record.
OF_THE_RECORD: Final = frozenset(
    {"MISSING_REQUIRED_PROPERTY", "MISSING_CONDITIONAL_REQUIRED_PROPERTY"}
)
#: Categories of errors that another try will not change.
FINAL: Final = frozenset({"VALIDATION_ERROR", "CONFLICT", "OBJECT_ALREADY_EXISTS"})
NOT_FOUND: Final = "OBJECT_NOT_FOUND"

VALUE_CODES: Final[Mapping[str, str]] = {
    "PROPERTY_DOESNT_EXIST": "there is no such property",
    "INVALID_OPTION": "it is none of the options, by their internal values",
    "INVALID_LONG": "it is no number",
    "INVALID_INTEGER": "it is no whole number",
    "INVALID_DECIMAL": "it is no number",
    "INVALID_DATE": "it is no date at midnight UTC",
    "INVALID_EMAIL": "it is no e-mail address",
    "READ_ONLY_VALUE": "the property is read-only",
    "MISSING_REQUIRED_PROPERTY": "a rule of the account wants it filled",
    "MISSING_CONDITIONAL_REQUIRED_PROPERTY": "a rule of the account wants it filled",
}


def call_error(answer: Answer, day_left_s: float | None = None) -> RemoteError:
    """The error of a whole call. `day_left_s`: until the account's midnight."""
    body, request_id = error_of(answer), _correlation_id(answer)
    meaning, code = STATUSES.get(answer.status), category_of(body)
    if answer.status == 429:
        code = _policy(body)
        meaning = POLICIES.get(code, _BURST)
    if meaning is None:
        return answer.error(request_id=request_id)
    if answer.status == 404 and not body:
        said = f"{answer.looks_like}. Is the address right?"
        return answer.error(said, kind=AnswerUnexpected, request_id=request_id)
    code = code or str(answer.status)
    said, detail = meaning.said, code
    if code == "MISSING_SCOPES":
        said = "the app lacks a scope for this"
        detail = ": ".join(filter(None, [code, ", ".join(_scopes(body))]))
    is_daily = meaning.kind is QuotaSpent and day_left_s is not None
    wait_s = answer.retry_after()
    if wait_s is None:
        wait_s = day_left_s if is_daily else meaning.retry_after
    return answer.error(
        f"{said} ({detail})",
        kind=meaning.kind,
        code=code,
        retry_after=wait_s,
        request_id=request_id,
    )


def _correlation_id(answer: Answer) -> str | None:
    """What HubSpot's support asks for."""
    given = answer.headers.get("X-HubSpot-Correlation-Id", "").strip()
    return given if _REQUEST_ID.fullmatch(given) else None


def category_of(error: Mapping[str, Any]) -> str:
    """The one word for what kind of error it is; "" if there is none."""
    names = ("category", "errorType", "code")
    return next((word for name in names if (word := _word(error.get(name)))), "")


def _policy(body: Mapping[str, Any]) -> str:
    """Which limit a 429 is about; "" if it does not say."""
    message = str(body.get("message") or "").casefold()
    told = (policy for words, policy in _LIMITS.items() if words in message)
    return _word(str(body.get("policyName") or "").upper()) or next(told, "")


def _scopes(body: Mapping[str, Any]) -> list[str]:
    """Those that a call needs, by a 403."""
    found = [
        scope
        for one in errors_of(body)
        for scope in texts_of(context_of(one).get("requiredGranularScopes"))
        if _SCOPE.fullmatch(scope)
    ]
    return list(dict.fromkeys(found))


def bad_values(error: Mapping[str, Any]) -> list[BadValue]:
    """The values that an error is about, from all places where it may name them.

    One property may be there several times, each time for another value. `error`:
    the body of a 400, or the error of one record.
    """
    found = [
        bad
        for one in _listed(str(error.get("message") or ""))
        if (bad := _bad(one.get("name"), one.get("error"), one.get("message")))
    ]
    told = {one.name for one in found}
    for one in (*errors_of(error), error):
        for name in texts_of(context_of(one).get("propertyName")):
            bad = _bad(name, one.get("code"), one.get("message"))
            if bad and bad.name not in told:
                found.append(bad)
    return found


def errors_of(body: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """The list under `errors`, as far as it is one of objects."""
    given = body.get("errors")
    rows = given if isinstance(given, list) else []
    return [one for one in rows if isinstance(one, dict)]


def context_of(error: Mapping[str, Any]) -> Mapping[str, Any]:
    """What an error is about: lists of texts by name."""
    given = error.get("context")
    return given if isinstance(given, dict) else {}


def texts_of(value: object) -> list[str]:
    """The texts of a list, or the one text itself."""
    rows = value if isinstance(value, list) else [value]
    return [
        str(one)
        for one in rows
        if isinstance(one, str | int) and not isinstance(one, bool)
    ]


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
        # Options are listed over several lines, and words may follow.
        given, _ = json.JSONDecoder(strict=False).raw_decode(rest.lstrip())
    except (ValueError, RecursionError):
        return []
    rows = given if isinstance(given, list) else []
    return [one for one in rows if isinstance(one, dict)]


def error_of(answer: Answer) -> Mapping[str, Any]:
    """The body of a refusal; {} if it is no object."""
    try:
        body = answer.json()
    except AnswerUnexpected:
        return {}
    return body if isinstance(body, dict) else {}


def _word(value: object) -> str:
    return value if isinstance(value, str) and _WORD.fullmatch(value) else ""
