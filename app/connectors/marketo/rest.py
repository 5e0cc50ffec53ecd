"""Marketo's REST calls: the access token, the envelope, the codes in it."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any, Final
from urllib.parse import urlencode

from app.connectors.auth import AccessToken, Issued
from app.connectors.base import note_call
from app.connectors.marketo.codes import TOKEN_CODES, call_error, plain_code
from app.errors import AnswerUnexpected, CredentialsRefused, RemoteError
from app.remote import Answer, Remote

_TOKEN: Final = re.compile(r"[!-~]{1,1000}")
_WORD: Final = re.compile(r"[a-z_]{1,40}")
#: The identity endpoint says 401, and OAuth's own rules say 400.
_WRONG_CREDENTIALS: Final = frozenset({400, 401, 403})
#: Addresses over 8 KB are HTTP 414; our own part of one is about 1 KB at most.
_LONGEST_QUERY: Final = 7_000
#: If a token does not say how long it lives.
_SHORT_LIFE_S: Final = 300.0


class Rest:
    """One Marketo account's REST API. Safe for threads."""

    def __init__(
        self,
        remote: Remote,
        client_id: str,
        client_secret: str,
        *,
        now: Callable[[], float],
        sleep: Callable[[float], None],
    ) -> None:
        self._remote = remote
        self._credentials = (client_id, client_secret)
        self._token = AccessToken(self._issue, now=now, sleep=sleep)

    def __repr__(self) -> str:
        return f"<Rest {self._remote.base_url}>"

    def call(
        self,
        method: str,
        path: str,
        *,
        operation: str,
        params: Mapping[str, str] | None = None,
        form: Mapping[str, str] | None = None,
        body: bytes | None = None,
        read_timeout_s: float | None = None,
    ) -> dict[str, Any]:
        """One call; the envelope of a success. `body` is JSON, ready made.

        A GET whose address would be too long goes as a form, by POST.

        A token that is refused is replaced and the call repeated, once: with these
        codes nothing was done, and Marketo does not count them.

        Raises:
            RemoteError: by RESPONSE_CODES, or by status where there is no envelope.
        """
        if method == "GET" and len(urlencode(params or {})) > _LONGEST_QUERY:
            method, form, params = "POST", params, {"_method": "GET"}
        data: Mapping[str, str] | bytes | None = form if body is None else body
        kind = {} if body is None else {"Content-Type": "application/json"}

        def ask(token: str) -> tuple[dict[str, Any], list[str], Answer]:
            answer = self._remote.call(
                method,
                path,
                operation=operation,
                headers={"Authorization": f"Bearer {token}", **kind},
                params=params,
                data=data,
                read_timeout_s=read_timeout_s,
            )
            envelope = _envelope(answer)
            return envelope, _codes(envelope), answer

        token = self._token.current()
        note_call()
        envelope, codes, answer = ask(token)
        if codes and codes[0] in TOKEN_CODES:
            envelope, codes, answer = ask(self._token.replace(token))
        if not codes:
            return envelope
        raise call_error(
            codes,
            operation=operation,
            status=answer.status,
            request_id=_request_id(envelope),
            now=datetime.now(UTC),
            message=_message(envelope),
        )

    def _issue(self) -> Issued:
        """Ask for an access token. A POST, so that the secret is in no address."""
        client_id, client_secret = self._credentials
        answer = self._remote.call(
            "POST",
            "/identity/oauth/token",
            operation="identity",
            data={
                "grant_type": "client_credentials",
                "client_id": client_id,
                "client_secret": client_secret,
            },
        )
        if answer.status != 200:
            raise _identity_error(answer)
        given = answer.json()
        token = given.get("access_token") if isinstance(given, dict) else None
        if not isinstance(token, str) or not _TOKEN.fullmatch(token):
            raise answer.error("there is no access token in it", kind=AnswerUnexpected)
        life = given.get("expires_in")
        is_number = isinstance(life, int | float) and not isinstance(life, bool)
        return Issued(token, float(life) if is_number else _SHORT_LIFE_S)


def _identity_error(answer: Answer) -> RemoteError:
    if answer.status == 404:
        said = "there is no identity endpoint. Is the address right?"
        return answer.error(said, kind=AnswerUnexpected)
    if answer.status not in _WRONG_CREDENTIALS:
        return answer.error()
    try:
        given = answer.json()
    except AnswerUnexpected:
        given = None
    code = str(given.get("error")) if isinstance(given, dict) else ""
    return answer.error(
        "client id or client secret is wrong",
        kind=CredentialsRefused,
        code=code if _WORD.fullmatch(code) else None,
    )


def _envelope(answer: Answer) -> dict[str, Any]:
    """The JSON object with `success`; an error by status if there is none."""
    try:
        envelope = answer.json()
    except AnswerUnexpected:
        if answer.status == 200:
            raise
        envelope = None
    if isinstance(envelope, dict) and isinstance(envelope.get("success"), bool):
        return envelope
    if answer.status == 404:
        said = f"{answer.looks_like}. Is the address right?"
        raise answer.error(said, kind=AnswerUnexpected)
    if answer.status == 200:
        raise answer.error("there is no envelope around it", kind=AnswerUnexpected)
    raise answer.error()


def _codes(envelope: Mapping[str, Any]) -> list[str]:
    """The codes of a call that failed, in order; of one without codes: [""]."""
    if envelope["success"]:
        return []
    errors = envelope.get("errors")
    given = errors if isinstance(errors, list) else []
    codes = [plain_code(one.get("code")) for one in given if isinstance(one, dict)]
    return codes or [""]


def _message(envelope: Mapping[str, Any]) -> str:
    """Of the first error; it may quote a person's value, so it goes no further."""
    errors = envelope.get("errors")
    first = errors[0] if isinstance(errors, list) and errors else None
    return str(first.get("message", "")) if isinstance(first, dict) else ""


def _request_id(envelope: Mapping[str, Any]) -> str | None:
    given = envelope.get("requestId")
    return given[:64] if isinstance(given, str) else None
