"""HubSpot's signatures: who sent a webhook, by the app's client secret.

v3 is an HMAC over method, address, body and time. v1 and v2 are plain hashes without
a time, so they can be played back for ever; they are taken only if a setting says so.

Source: HubSpot, "Validating requests" (docs/connectors/hubspot.md).
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import re
from collections.abc import Sequence
from typing import Final

from app.domain import WebhookRequest
from app.errors import SignatureInvalid

V3: Final = "x-hubspot-signature-v3"
TIME: Final = "x-hubspot-request-timestamp"
OLD: Final = "x-hubspot-signature"
OLD_VERSION: Final = "x-hubspot-signature-version"
#: A request is good for five minutes, and for clocks that are a minute ahead.
OLDEST_MS: Final = 300_000
AHEAD_MS: Final = 60_000

#: What HubSpot decodes in the address before it signs; everything else stays.
_DECODED: Final = {
    "%3A": ":",
    "%2F": "/",
    "%3F": "?",
    "%40": "@",
    "%21": "!",
    "%24": "$",
    "%27": "'",
    "%28": "(",
    "%29": ")",
    "%2A": "*",
    "%2C": ",",
    "%3B": ";",
}
_ENCODED: Final = re.compile("|".join(_DECODED), re.I)


def signed_address(url: str) -> str:
    """The address as HubSpot signs it: `%2F` is `/`, but `%20` stays."""
    return _ENCODED.sub(lambda found: _DECODED[found[0].upper()], url)


def v3(secret: str, method: str, url: str, body: bytes, time_ms: str) -> str:
    """base64 of HMAC-SHA256 over method, address, body and time, nothing between."""
    text = f"{method.upper()}{url}".encode() + body + time_ms.encode()
    digest = hmac.new(secret.encode(), text, hashlib.sha256).digest()
    return base64.b64encode(digest).decode()


def v2(secret: str, method: str, url: str, body: bytes) -> str:
    """Hex of SHA-256 over secret, method, address and body."""
    text = f"{secret}{method.upper()}{url}".encode() + body
    return hashlib.sha256(text).hexdigest()


def v1(secret: str, body: bytes) -> str:
    """Hex of SHA-256 over secret and body."""
    return hashlib.sha256(secret.encode() + body).hexdigest()


def verify(
    request: WebhookRequest,
    secrets: Sequence[str],
    *,
    now_ms: float,
    takes_old: bool,
) -> None:
    """SignatureInvalid unless the request is signed with one of these secrets.

    Every secret is compared, whichever fits: the time tells nothing.
    """
    given = request.headers.get(V3)
    if given is not None:
        time_ms = _fresh(request.headers.get(TIME, ""), now_ms)
        url = signed_address(request.url)
        made = [v3(one, request.method, url, request.body, time_ms) for one in secrets]
    elif takes_old:
        given = request.headers.get(OLD, "")
        is_v2 = request.headers.get(OLD_VERSION, "v1").strip().lower() == "v2"
        made = [
            v2(one, request.method, request.url, request.body)
            if is_v2
            else v1(one, request.body)
            for one in secrets
        ]
    else:
        raise SignatureInvalid("There is no X-HubSpot-Signature-v3.")
    offered = given.strip().encode("utf-8", "backslashreplace")
    fits = [hmac.compare_digest(offered, one.encode()) for one in made]
    if not (offered and any(fits)):
        raise SignatureInvalid("The signature is wrong.")


def _fresh(text: str, now_ms: float) -> str:
    """The time of a request as it was sent; SignatureInvalid if it is no good now."""
    sent = text.strip()
    if not (sent.isascii() and sent.isdigit() and len(sent) < 16):
        raise SignatureInvalid("The time of the request cannot be read.")
    age = now_ms - int(sent)
    if not -AHEAD_MS <= age <= OLDEST_MS:
        raise SignatureInvalid("The request is not of the last five minutes.")
    return sent
