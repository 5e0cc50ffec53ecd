"""Calls to 6sense: tokens, addresses, one `call()`; the outcome of every status."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final
from urllib.parse import quote

from app.domain import LookupResult
from app.errors import (
    AnswerUnexpected,
    ConfigurationError,
    RequestRefused,
)
from app.remote import Answer, Remote
from app.sixsense import PRODUCTS
from app.sixsense.product import SYSTEM, Product, trimmed

#: 6sense's public hosts.
HOSTS: Final[Mapping[str, str]] = {
    "scribe": "https://scribe.6sense.com",
    "api": "https://api.6sense.com",
    "epsilon": "https://epsilon.6sense.com",
}
#: The token of every product that has none of its own.
DEFAULT: Final = "default"

_TOKEN: Final = re.compile(r"[!-~]+")
#: As 6sense describes its own; another one is used all the same, after a warning.
_USUAL_TOKEN: Final = re.compile(r"[A-Za-z0-9]{40}")
_EMAIL: Final = re.compile(r"[^\s@<>\"']{1,320}(?:@|%40)[^\s@<>\"']{1,320}", re.I)
#: Anything as long as a token, wherever it came from.
_TOKENS: Final = re.compile(r"[A-Za-z0-9_\-]{32,}")
_LONGEST_MESSAGE: Final = 200
_NO_DATA: Final = "no data found"
#: Read as data; 201 is in 6sense's list, though nothing is ever created.
_DATA: Final = frozenset({200, 201})


@dataclass(frozen=True, slots=True)
class Partner:
    """On whose behalf a partner of 6sense asks; nobody else needs it."""

    name: str
    #: Empty: for data of no customer.
    customer: str = ""

    def header(self, token: str) -> str:
        """`X-6s-CustomID`. Names may hold hyphens, so it cannot be read back."""
        return "-".join(filter(None, (self.name, self.customer, token)))


@dataclass(frozen=True, slots=True)
class Answered:
    """What one call came to."""

    result: LookupResult
    status: int
    #: The body as it came; "" for a 204.
    text: str = field(repr=False)
    #: Estimated: 1 for a match of a product that takes credits, whichever its pool.
    #: 6sense reports none.
    credits: int
    ms: float
    #: 6sense's own words for a no-match, if it had any.
    message: str | None = None
    #: `text` in canonical form, so that it need not be read twice.
    data: Mapping[str, Any] | None = field(default=None, repr=False)


class SixsenseClient:
    """All products of one customer. Safe for threads; it keeps no limit itself."""

    def __init__(
        self,
        tokens: Mapping[str, str],
        *,
        url: str | None = None,
        partner: Partner | None = None,
        connect_timeout_s: float = 5.0,
        read_timeout_s: float = 30.0,
        pool_size: int = 32,
        allow_http: bool = False,
    ) -> None:
        """`tokens`: by `token_name`. `url`: one origin for all products.

        Raises:
            ConfigurationError: an address or a token that cannot be used.
        """
        self._tokens = dict(tokens)
        self._partner = partner
        bad = [name for name, one in tokens.items() if not _TOKEN.fullmatch(one)]
        if bad:
            raise ConfigurationError(
                "6sense tokens must be visible ASCII without blanks",
                [f"the token of {name} is not" for name in bad],
            )

        def remote(address: str) -> Remote:
            return Remote(
                SYSTEM,
                address,
                connect_timeout_s=connect_timeout_s,
                read_timeout_s=read_timeout_s,
                pool_size=pool_size,
                allow_http=allow_http,
            )

        one = remote(url) if url else None
        self._remotes = {host: one or remote(a) for host, a in HOSTS.items()}

    def __repr__(self) -> str:
        return f"<SixsenseClient tokens: {', '.join(sorted(self._tokens)) or 'none'}>"

    @property
    def odd_tokens(self) -> list[str]:
        """Names of tokens that do not look as 6sense's do: 40 letters and digits."""
        found = self._tokens.items()
        return [name for name, one in found if not _USUAL_TOKEN.fullmatch(one)]

    def token_name(self, product: str, source: str = "") -> str:
        """The token under which a source asks a product, by its name.

        The most particular there is: of that source for that product, of that source,
        of that product or of one whose token opens it, `default`.
        """
        for name in (f"{source}-{product}", source, product):
            if name in self._tokens:
                return name
        spec = PRODUCTS.get(product)
        opener = spec.opened_by if spec else None
        return self.token_name(opener, source) if opener else DEFAULT

    @property
    def token_names(self) -> list[str]:
        """Every token there is: `default`, products, sources, and both joined."""
        return sorted(self._tokens)

    def limit_name(self, token: str) -> str:
        """Name of the rate ring of a token, by the token's name."""
        return _limit_name(self._tokens[token])

    def token_limit_name(self, product: str, source: str = "") -> str:
        """Name of the rate ring that this product's calls share.

        Made of the token's value, one way: two names for one token share its limit,
        and the same token in another process has the same name.
        """
        return _limit_name(self._token(product, source))

    def call(
        self,
        product: str,
        inputs: Mapping[str, Any],
        *,
        source: str = "",
        read_timeout_s: float | None = None,
    ) -> Answered:
        """Ask one product once; blank inputs are not sent.

        Inputs are texts; People Search takes lists and numbers as well. `source`: on
        whose behalf, which decides about the token.

        Raises:
            RequestRefused: refused here or there; sending it again will not help.
            CredentialsRefused, QuotaSpent, RateLimited, RemoteFault: by status.
            AnswerUnexpected: a 202, a page instead of JSON, a wrong address.
            Unreachable: no answer; a credit may have been taken.

        Source: 6sense's API document, "Response codes" (docs/6sense.md).
        """
        spec = PRODUCTS[product]
        asked = trimmed(inputs)
        spec.check(asked)
        token = self._token(product, source)
        method, body = spec.request(asked)
        headers = {"Authorization": f"Token {token}", **body.get("headers", {})}
        if spec.is_for_partners and self._partner is not None:
            headers["X-6s-CustomID"] = self._partner.header(token)
        answer = self._remotes[spec.host].call(
            method,
            spec.path,
            operation=product,
            read_timeout_s=read_timeout_s,
            **{**body, "headers": headers},
        )
        return _judged(spec, answer, (*_texts(asked), token))

    def parse(self, product: str, text: str) -> dict[str, Any]:
        """A stored answer in canonical form; "" is an answer in which all is blank.

        Raises:
            AnswerUnexpected: it is not JSON, or not this product's.
        """
        spec = PRODUCTS[product]
        if not text:
            return spec.canonical({})
        stored = Answer(200, {}, text.encode(), 0.0, SYSTEM, product)
        return spec.canonical(stored.json())

    def _token(self, product: str, source: str) -> str:
        try:
            return self._tokens[self.token_name(product, source)]
        except KeyError:
            raise ConfigurationError(
                f"There is no 6sense token for {product}"
            ) from None


def _limit_name(token: str) -> str:
    digest = hashlib.blake2b(token.encode(), digest_size=6, person=b"leadbridge-ring")
    return f"6sense:{digest.hexdigest()}"


def _judged(spec: Product, answer: Answer, hidden: tuple[str, ...]) -> Answered:
    """The answer as an outcome, or the error that it is."""
    if answer.status == 204:
        return _answered(spec, answer, None)
    if answer.status in _DATA:
        raw = answer.json()
        if not _is_error_form(raw):
            return _answered(spec, answer, spec.canonical(raw))
        message = _message(raw, hidden)
        if message.casefold().startswith(_NO_DATA):
            return _answered(spec, answer, None, message)
        raise answer.error(message, kind=RequestRefused)
    raw = _error_body(answer)
    message = _message(raw, hidden)
    if answer.status in spec.no_match and _is_error_form(raw):
        return _answered(spec, answer, None, message)
    if answer.status == 404:
        # Not 6sense's own form of "not known": perhaps not 6sense at all.
        said = f"{answer.looks_like} instead of its error form. Is the address right?"
        raise answer.error(said, kind=AnswerUnexpected)
    if answer.status == 202:
        message = "the data is not ready yet"
    raise answer.error(message)


def _answered(
    spec: Product,
    answer: Answer,
    data: Mapping[str, Any] | None,
    message: str | None = None,
) -> Answered:
    result = spec.outcome(answer.status, data)
    is_charged = result is LookupResult.MATCHED and spec.info.pool is not None
    return Answered(
        result,
        answer.status,
        answer.body.decode("utf-8", "replace"),
        int(is_charged),
        answer.ms,
        message or None,
        data,
    )


def _texts(inputs: Mapping[str, Any]) -> list[str]:
    """Every text that we sent."""
    found: list[str] = []
    for value in inputs.values():
        found += value if isinstance(value, list) else [str(value)]
    return found


def _is_error_form(raw: Any) -> bool:
    """`{"status": "error", "message": ...}`; the message may be absent."""
    return isinstance(raw, dict) and raw.get("status") == "error"


def _error_body(answer: Answer) -> Any:
    """JSON, or the text it is: 401s of one host are plain text."""
    try:
        return answer.json()
    except AnswerUnexpected:
        if answer.looks_like == "a text":
            return answer.body[:1000].decode("utf-8", "replace")
        return None


def _message(raw: Any, hidden: tuple[str, ...]) -> str:
    """6sense's words: bounded, on one line, without anything that we sent."""
    said = raw.get("message") if isinstance(raw, dict) else raw
    if not isinstance(said, str):
        return ""
    said = _TOKENS.sub("…", _EMAIL.sub("…", said[:1000]))
    for value in hidden:
        # `US` is no secret, and would punch holes into words.
        if len(value) > 3:
            for spelling in (value, quote(value)):
                said = re.sub(re.escape(spelling), "…", said, flags=re.IGNORECASE)
    said = " ".join("".join(c if c.isprintable() else " " for c in said).split())
    return said[:_LONGEST_MESSAGE]
