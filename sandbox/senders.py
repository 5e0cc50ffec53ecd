"""Webhooks as the vendors send them: Marketo's, and how HubSpot signs.

Marketo calls once for each person, waits at most 30 s, never repeats, keeps
at most 20 calls open at a time, and applies response mappings to 2xx only.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import time
from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field
from typing import Any

import requests
from urllib3.util import SKIP_HEADER

from sandbox.marketo.fields import Field, bundled
from sandbox.marketo.mappings import mapped
from sandbox.marketo.template import (
    ENCODINGS,
    Encoding,
    Scope,
    TemplateInvalid,
    render,
    unescape,
)

__all__ = [
    "ENCODINGS",
    "OPEN_CALLS",
    "TIMEOUT_S",
    "VERBS",
    "MarketoWebhook",
    "Scope",
    "Sent",
    "TemplateInvalid",
    "render",
    "send",
    "send_all",
    "sign_hubspot",
    "sign_hubspot_v2",
]

TIMEOUT_S = 30.0
#: Open webhook calls of one instance, over all its webhooks; more wait.
OPEN_CALLS = 20
VERBS = ("GET", "POST", "PUT", "PATCH", "DELETE")
RESPONSE_TYPES = ("None", "JSON", "XML")


@dataclass(frozen=True)
class MarketoWebhook:
    """One webhook as configured in Admin > Integration > Webhooks.

    Tokens may stand in the URL, the template and the values of headers. No
    Content-Type is sent unless a header says it: what Marketo sends by itself
    is unconfirmed.

    Raises:
        TemplateInvalid: what the editor would refuse to save.
    """

    url: str
    template: str = ""
    encoding: Encoding = "JSON"
    verb: str = "POST"
    headers: Mapping[str, str] = field(default_factory=dict)
    response_type: str = "JSON"  #: None, JSON or XML
    #: path in the answer → SOAP name of the field
    mappings: Mapping[str, str] = field(default_factory=dict)
    name: str = "Webhook"
    timeout_s: float = TIMEOUT_S

    def __post_init__(self) -> None:
        if self.verb not in VERBS:
            raise TemplateInvalid(f"verb must be one of {', '.join(VERBS)}")
        if self.encoding not in ENCODINGS:
            raise TemplateInvalid(f"encoding must be one of {', '.join(ENCODINGS)}")
        if self.response_type not in RESPONSE_TYPES:
            words = ", ".join(RESPONSE_TYPES)
            raise TemplateInvalid(f"response_type must be one of {words}")
        unescape(self.template)


@dataclass(frozen=True)
class Sent:
    """How one call ended: an entry of Marketo's "Webhook is Called"."""

    webhook: str
    lead_id: int | None
    status: int | None = None  #: HTTP status; None without an answer
    response: str = ""  #: the literal body
    #: the HTTP reason phrase, `1000`, `1001`, `timeout` or `no connection`
    error: str = ""
    #: REST field name → value that the mappings write
    writes: Mapping[str, Any] = field(default_factory=dict)
    ms: int = 0
    reason: str = ""  #: the reason phrase, also of a 2xx

    @property
    def ok(self) -> bool:
        """2xx with a body."""
        return self.status is not None and not self.error


def send(
    webhook: MarketoWebhook,
    lead: Mapping[str, Any],
    scope: Scope | None = None,
    *,
    session: requests.Session | None = None,
    batch: bool = False,
) -> Sent:
    """Call the webhook once for one lead; nothing is ever raised or repeated.

    `lead` has REST names. `batch` is a batch campaign: error 1000, no call.
    """
    lead_id = lead.get("id")
    if batch:
        return Sent(webhook.name, lead_id, error="1000")
    scope = scope or Scope()
    fields = scope.fields or bundled()
    started = time.monotonic()
    try:
        if session is None:
            with _session() as own:
                answer = _call(webhook, lead, scope, own)
        else:
            answer = _call(webhook, lead, scope, session)
    except requests.Timeout:
        return Sent(webhook.name, lead_id, error="timeout", ms=_ms(started))
    except requests.RequestException:
        return Sent(webhook.name, lead_id, error="no connection", ms=_ms(started))
    return _sent(webhook, lead_id, answer, fields, _ms(started))


def send_all(
    webhook: MarketoWebhook,
    leads: Iterable[Mapping[str, Any]],
    scope: Scope | None = None,
    *,
    open_calls: int = OPEN_CALLS,
    sent: Callable[[Sent], None] | None = None,
    slots: AbstractContextManager[Any] | None = None,
) -> list[Sent]:
    """Call the webhook for many leads, at most `open_calls` at a time.

    One result for each lead, in the order given. `sent` is called with each
    result as it comes, from several threads. `slots`, a semaphore, is shared
    by everything that calls for one Marketo instance.
    """
    slots = slots or nullcontext()
    scope = scope or Scope(fields=bundled())

    def one(lead: Mapping[str, Any]) -> Sent:
        with slots:
            result = send(webhook, lead, scope, session=session)
        if sent is not None:
            sent(result)
        return result

    with _session(open_calls) as session, ThreadPoolExecutor(open_calls) as pool:
        return list(pool.map(one, leads))


def _session(connections: int = 1) -> requests.Session:
    session = requests.Session()
    # No proxy and no .netrc of this machine.
    session.trust_env = False
    adapter = requests.adapters.HTTPAdapter(pool_maxsize=connections)
    session.mount("http://", adapter)
    # What Marketo says of itself is unconfirmed, so nothing is said.
    session.headers.clear()
    session.headers["User-Agent"] = session.headers["Accept-Encoding"] = SKIP_HEADER
    return session


def _call(
    webhook: MarketoWebhook,
    lead: Mapping[str, Any],
    scope: Scope,
    session: requests.Session,
) -> requests.Response:
    body = None
    if webhook.verb != "GET" and webhook.template:
        body = render(webhook.template, lead, webhook.encoding, scope).encode()
    return session.request(
        webhook.verb,
        _inserted(webhook.url, lead, scope, "Form"),
        data=body,
        headers={
            # In UTF-8, for names of people may stand there.
            name: _inserted(value, lead, scope, "None").encode()
            for name, value in webhook.headers.items()
        },
        timeout=webhook.timeout_s,
        allow_redirects=False,
    )


def _inserted(
    text: str, lead: Mapping[str, Any], scope: Scope, encoding: Encoding
) -> str:
    # URLs and headers go out as written: no slash escapes there.
    return render(text.replace("\\", "\\\\"), lead, encoding, scope)


def _sent(
    webhook: MarketoWebhook,
    lead_id: int | None,
    answer: requests.Response,
    fields: Mapping[str, Field],
    ms: int,
) -> Sent:
    body = answer.content.decode("utf-8", errors="replace")
    ok = 200 <= answer.status_code < 300
    reason = answer.reason or str(answer.status_code)
    error = "" if ok and body else "1001" if ok else reason
    writes = {}
    if not error:
        writes = mapped(body, webhook.response_type, webhook.mappings, fields)
    return Sent(
        webhook.name, lead_id, answer.status_code, body, error, writes, ms, reason
    )


def _ms(started: float) -> int:
    return round((time.monotonic() - started) * 1000)


def sign_hubspot(
    method: str, url: str, body: bytes, secret: str, time_ms: int | None = None
) -> dict[str, str]:
    """The headers with which HubSpot signs a webhook: v1 and v3, of now.

    v3 is over the address with some of its escapes decoded.
    """
    sent = str(int(time.time() * 1000) if time_ms is None else time_ms)
    address = url
    for plain in ":/?@!$'()*,;":
        escape = f"%{ord(plain):02X}"
        address = address.replace(escape, plain).replace(escape.lower(), plain)
    text = f"{method}{address}".encode() + body + sent.encode()
    mac = hmac.new(secret.encode(), text, hashlib.sha256).digest()
    return {
        "X-HubSpot-Signature": hashlib.sha256(secret.encode() + body).hexdigest(),
        "X-HubSpot-Signature-Version": "v1",
        "X-HubSpot-Signature-v3": base64.b64encode(mac).decode(),
        "X-HubSpot-Request-Timestamp": sent,
    }


def sign_hubspot_v2(
    method: str, url: str, body: bytes, secret: str
) -> dict[str, str]:
    """The headers with which workflows and CRM cards sign: v2, the address as it is."""
    text = f"{secret}{method}{url}".encode() + body
    return {
        "X-HubSpot-Signature": hashlib.sha256(text).hexdigest(),
        "X-HubSpot-Signature-Version": "v2",
    }
