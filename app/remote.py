"""One HTTP session a system: time-outs, answer → error class, timing.

A `Remote` never retries, never sleeps, never follows a redirect and never logs:
only the ledger tries again, and an address or a body can hold a person's data.
"""

from __future__ import annotations

import ipaddress
import json as jsonlib
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from http.cookiejar import DefaultCookiePolicy
from typing import Any, Final
from urllib.parse import urlencode, urlsplit

import requests
import urllib3
from requests.adapters import HTTPAdapter

from app.errors import (
    AnswerTooLarge,
    AnswerUnexpected,
    ConfigurationError,
    CredentialsRefused,
    QuotaSpent,
    RateLimited,
    RemoteError,
    RemoteFault,
    RequestRefused,
    Unreachable,
)

#: No answer that we ask for comes near this; a page of 300 records has 2 MB at most.
MAX_ANSWER_BYTES: Final = 5_000_000
_CHUNK: Final = 65_536
#: Longest Retry-After that is believed: a day.
_LONGEST_WAIT_S: Final = 86_400.0

#: What a status means where a system does not say otherwise.
STATUS_ERRORS: Final[Mapping[int, type[RemoteError]]] = {
    401: CredentialsRefused,
    402: QuotaSpent,
    403: CredentialsRefused,
    # 408 and 425: the other side asks for another try.
    408: RemoteFault,
    425: RemoteFault,
    429: RateLimited,
}
_CLASS_ERRORS: Final[Mapping[int, type[RemoteError]]] = {
    4: RequestRefused,
    5: RemoteFault,
}


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back; never a 3xx. Headers are read in any case.

    Neither headers nor body are in repr(): they can hold what nobody should log.
    """

    status: int
    headers: Mapping[str, str] = field(repr=False)
    body: bytes = field(repr=False)
    #: From sending to the last byte.
    ms: float
    system: str = ""
    operation: str = ""
    #: HTTP's reason phrase, as it came.
    reason: str = ""

    def json(self) -> Any:
        """The body as JSON; AnswerUnexpected if it is anything else."""
        try:
            return jsonlib.loads(self.body)
        # A number of 5,000 digits is a ValueError, brackets without end are the other.
        except (ValueError, RecursionError):
            pass
        raise AnswerUnexpected(
            f"{self.system} answered {self.status} with {self.looks_like}, not JSON",
            system=self.system,
            operation=self.operation,
            status=self.status,
        )

    @property
    def looks_like(self) -> str:
        """The body in words, for messages: it is never quoted itself."""
        start = self.body[:64].lstrip()
        if not start:
            return "an empty body"
        return "an HTML page" if start.startswith(b"<") else "a text"

    def retry_after(self) -> float | None:
        """Seconds from Retry-After, a number or a date; None if it is unreadable.

        A date is counted from the answer's own Date: clocks differ.
        """
        said = self.headers.get("Retry-After", "").strip()
        if said.isascii() and said.isdigit():
            return min(float(said[:9]), _LONGEST_WAIT_S)
        until = _date(said)
        if until is None:
            return None
        now = _date(self.headers.get("Date", "")) or datetime.now(UTC)
        return min(max((until - now).total_seconds(), 0.0), _LONGEST_WAIT_S)

    def error(
        self,
        message: str = "",
        *,
        kind: type[RemoteError] | None = None,
        code: str | None = None,
        retry_after: float | None = None,
        request_id: str | None = None,
    ) -> RemoteError:
        """This answer as an error, of `kind` or of the class its status stands for.

        `message` completes "acme answered 429"; it must be free of bodies.
        """
        if kind is None:
            kind = STATUS_ERRORS.get(self.status) or _CLASS_ERRORS.get(
                self.status // 100, AnswerUnexpected
            )
        said = f"{self.system} answered {self.status}"
        return kind(
            f"{said}: {message}" if message else said,
            system=self.system,
            operation=self.operation,
            status=self.status,
            code=code,
            retry_after=self.retry_after() if retry_after is None else retry_after,
            request_id=request_id,
        )


class _Session(requests.Session):
    def get_redirect_target(self, resp: requests.Response) -> None:
        """None: otherwise requests reads the whole body and builds the next call,
        even if that is never made."""


class Remote:
    """One system's address and its pooled session; safe for threads."""

    def __init__(
        self,
        system: str,
        base_url: str,
        *,
        connect_timeout_s: float = 5.0,
        read_timeout_s: float = 30.0,
        pool_size: int = 32,
        allow_http: bool = False,
    ) -> None:
        """`system` is our own word, for errors. No connection is made yet.

        Raises:
            ConfigurationError: the address is none, or is not safe for a secret.
        """
        problem = address_problem(base_url, allow_http=allow_http)
        if problem:
            raise ConfigurationError(f"The address of {system} {problem}.")
        self.system = system
        self.base_url = base_url.rstrip("/")
        self._connect_timeout_s = connect_timeout_s
        self._read_timeout_s = read_timeout_s
        self._session = _Session()
        # No proxy, .netrc or CA bundle from the environment: a .netrc would put its
        # own Authorization in the place of ours, and looking costs 0.6 ms a call.
        self._session.trust_env = False
        self._session.cookies.set_policy(DefaultCookiePolicy(allowed_domains=[]))
        adapter = HTTPAdapter(
            pool_connections=1, pool_maxsize=pool_size, max_retries=0, pool_block=False
        )
        self._session.mount("https://", adapter)
        self._session.mount("http://", adapter)

    def __repr__(self) -> str:
        return f"<Remote {self.system} {self.base_url}>"

    def close(self) -> None:
        """Close the idle connections; a later call opens new ones."""
        self._session.close()

    def call(
        self,
        method: str,
        path: str,
        *,
        operation: str,
        headers: Mapping[str, str] | None = None,
        params: Mapping[str, str] | None = None,
        json: Any = None,
        data: Mapping[str, str] | bytes | None = None,
        read_timeout_s: float | None = None,
    ) -> Answer:
        """Send once and read the whole answer, whatever its status.

        `json` goes out as JSON, a `data` mapping as a form, `data` bytes as they
        are with the caller's Content-Type. The read time-out also bounds the whole
        answer, so that one that trickles in does not hold a thread for ever.

        Raises:
            Unreachable: no whole answer came; the outcome is unknown.
            AnswerUnexpected: a redirect, or an answer of more than 5 MB.
        """
        wait_s = self._read_timeout_s if read_timeout_s is None else read_timeout_s
        prepared = self._prepared(method, path, headers, params, json, data)
        started = time.perf_counter()
        deadline = started + self._connect_timeout_s + wait_s
        try:
            response = self._session.send(
                prepared,
                stream=True,
                timeout=(self._connect_timeout_s, wait_s),
                allow_redirects=False,
                verify=True,
                proxies={},
            )
            body = self._read(response, deadline, operation)
        except (requests.RequestException, urllib3.exceptions.HTTPError) as error:
            # `from None`: the texts of these errors hold the whole address.
            raise self._unreachable(error, operation, wait_s) from None
        status = response.status_code
        if 300 <= status < 400:
            raise AnswerUnexpected(
                f"{self.system} answered {status}, a redirect. It is not followed: "
                "check the address",
                system=self.system,
                operation=operation,
                status=status,
            )
        ms = (time.perf_counter() - started) * 1000
        reason = response.reason or ""
        return Answer(
            status, response.headers, body, ms, self.system, operation, reason
        )

    def _prepared(
        self,
        method: str,
        path: str,
        headers: Mapping[str, str] | None,
        params: Mapping[str, str] | None,
        json: Any,
        data: Mapping[str, str] | bytes | None,
    ) -> requests.PreparedRequest:
        """The request, without Session's merging: a quarter less work per call."""
        kind, body = None, None
        if json is not None:
            kind = "application/json"
            body = jsonlib.dumps(json, ensure_ascii=False, allow_nan=False).encode()
        elif isinstance(data, bytes):
            body = data
        elif data is not None:
            kind, body = "application/x-www-form-urlencoded", urlencode(data).encode()
        merged = {
            "User-Agent": "leadbridge",
            "Accept": "application/json",
            "Accept-Encoding": "gzip",
            **({"Content-Type": kind} if kind else {}),
            **(headers or {}),
        }
        if body is not None or method != "GET":
            merged["Content-Length"] = str(len(body or b""))
        prepared = requests.PreparedRequest()
        prepared.prepare_method(method)
        prepared.prepare_url(self.base_url + path, params)
        prepared.prepare_headers(merged)
        prepared.body = body
        return prepared

    def _read(
        self, response: requests.Response, deadline: float, operation: str
    ) -> bytes:
        parts, size = [], 0
        while part := response.raw.read1(_CHUNK, decode_content=True):
            parts.append(part)
            size += len(part)
            if size > MAX_ANSWER_BYTES:
                response.close()
                raise AnswerTooLarge(
                    f"{self.system} answered more than {MAX_ANSWER_BYTES:,} bytes",
                    system=self.system,
                    operation=operation,
                    status=response.status_code,
                )
            if time.perf_counter() > deadline:
                response.close()
                raise requests.exceptions.ReadTimeout
        return b"".join(parts)

    def _unreachable(
        self, error: Exception, operation: str, wait_s: float
    ) -> RemoteError:
        said = f"{self.system} could not be reached, or the connection broke"
        if isinstance(error, (requests.Timeout, urllib3.exceptions.TimeoutError)):
            said = f"{self.system} gave no answer within {wait_s:g} s"
        elif isinstance(error, (requests.exceptions.SSLError)):
            said = f"{self.system} could not prove who it is: its TLS was refused"
        elif isinstance(error, urllib3.exceptions.DecodeError):
            return AnswerUnexpected(
                f"{self.system} answered with a broken encoding",
                system=self.system,
                operation=operation,
            )
        return Unreachable(said, system=self.system, operation=operation)


def address_problem(url: str, *, allow_http: bool = False) -> str:
    """What is wrong with a base address, to complete "the address"; or nothing.

    Our secrets travel there: plain http is for this machine, or must be allowed.
    """
    try:
        parts = urlsplit(url)
        host, _ = parts.hostname or "", parts.port
    except ValueError:
        return "is not readable"
    if parts.scheme not in ("http", "https") or not host:
        return "must look like https://host"
    if "@" in parts.netloc or parts.query or parts.fragment or url != url.strip():
        return "must hold nothing but scheme, host, port and path"
    if parts.scheme == "http" and not (allow_http or _is_loopback(host)):
        return "must begin with https://"
    return ""


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost" or host.endswith(".localhost")


def _date(text: str) -> datetime | None:
    try:
        found = parsedate_to_datetime(text)
    except (TypeError, ValueError):
        return None
    return found if found.tzinfo else found.replace(tzinfo=UTC)
