"""HubSpot keeps the contract of a connector."""

from __future__ import annotations

import base64
import hashlib
import hmac
import time
from typing import Any, ClassVar

import pytest
from connector_contract import SECRET, ConnectorContract

from app.connectors.hubspot import HubSpot, signatures
from app.domain import WebhookRequest
from app.errors import SignatureInvalid

PLATFORM_SECRET = "4f1c2a90-7d3e-4b58-9e6a-0c5d8b7e1a23"
URL = "https://hooks.example.com/hubspot/webhook"
TIME_MS = "1793610901000"
B1 = (
    b'[{"eventId":3911720045,"subscriptionId":2904411,"portalId":48210077,'
    b'"appId":7315529,"occurredAt":1793610900000,"subscriptionType":"contact.creation",'
    b'"attemptNumber":0,"objectId":218840001733,"changeFlag":"CREATED",'
    b'"changeSource":"CRM_UI","sourceId":"userId:71120938"},{"eventId":3911720046,'
    b'"subscriptionId":2904411,"portalId":48210077,"appId":7315529,'
    b'"occurredAt":1793610900412,"subscriptionType":"contact.creation",'
    b'"attemptNumber":0,"objectId":218840001734,"changeFlag":"CREATED",'
    b'"changeSource":"FORM"}]'
)
B2 = (
    '[{"eventId":7,"subscriptionId":2904412,"portalId":48210077,"appId":7315529,'
    '"occurredAt":1793610900000,"subscriptionType":"contact.propertyChange",'
    '"attemptNumber":2,"objectId":218840001733,"propertyName":"city",'
    '"propertyValue":"Zürich 東京","changeSource":"CRM_UI"}]'
).encode()
QUERY = "?tenant=acme%2Feu&tag=a%20b&mail=ada%40example.com"


class TestHubSpot(ConnectorContract):
    connector_class = HubSpot
    url = "https://api.hubapi.com"
    raw_settings: ClassVar = {
        "ACCESS_TOKEN": "pat-na1-11111111-2222",
        "CLIENT_SECRET": SECRET,
        "APP_ID": "7315529",
    }
    secret_setting = "CLIENT_SECRET"
    secret_keys = ("ACCESS_TOKEN", "CLIENT_SECRET")
    not_offered = ("request_campaign",)
    object = "contact"
    by = "id"
    keys = ("218840001733", "218840001734")
    field = "city"

    @staticmethod
    def sign(body: bytes, secret: str) -> dict[str, str]:
        """v3 over the request of these tests, whose address is empty; now."""
        now = str(int(time.time() * 1000))
        text = b"POST" + body + now.encode()
        key = secret.encode("utf-8", "backslashreplace")
        digest = hmac.new(key, text, hashlib.sha256).digest()
        return {
            "X-HubSpot-Signature-v3": base64.b64encode(digest).decode(),
            "X-HubSpot-Request-Timestamp": now,
        }


# The vectors of HubSpot's own signing code.


@pytest.mark.parametrize(
    ("made", "expected"),
    [
        (
            signatures.v1(PLATFORM_SECRET, B1),
            "fd6d5dd73710623377881c374031f608a1b88d72f26a03e7ac561873d9bf822b",
        ),
        (
            signatures.v2(PLATFORM_SECRET, "POST", URL, B1),
            "ab1fd12fe9b6fce3c4a1f3f6553e25bc3fc299a1215b6f25896d64a77dca842b",
        ),
        (
            signatures.v3(PLATFORM_SECRET, "POST", URL, B1, TIME_MS),
            "6Ft6/3AOEVlCqMeA8/sfzuGKGpvJi476eh82m13TA1g=",
        ),
        (
            signatures.v1(PLATFORM_SECRET, B2),
            "25d48dd47aebafed392a27571d7d9188febc0e520898c224720092ab1b4c7700",
        ),
        (
            signatures.v3(PLATFORM_SECRET, "POST", URL, B2, TIME_MS),
            "yVzYEcGoXnH9MNnxZkLebn64nZ7F7EnmH+mimjrXSj0=",
        ),
        (
            signatures.v3(PLATFORM_SECRET, "POST", URL, b"", TIME_MS),
            "aeP5mCmy3J4CNo7e3zo9vtvRonz+WX780OCLvuatt24=",
        ),
        (
            signatures.v3(
                PLATFORM_SECRET,
                "POST",
                signatures.signed_address(URL + QUERY),
                B2,
                TIME_MS,
            ),
            "+bmexJAuo8Uo9TDAQMT8eNY1V9wjdmIuOV24hNIj7HI=",
        ),
        (
            signatures.v2(
                PLATFORM_SECRET,
                "GET",
                "https://hooks.example.com/hubspot/workflow?email=ada@example.com",
                b"",
            ),
            "2441f5ef2b10013c0666c40d10ed8cc354d7408775e931f376238b155bc74ec3",
        ),
        (
            signatures.v2(
                PLATFORM_SECRET,
                "POST",
                "https://hooks.example.com/hubspot/workflow",
                b'{"hs_object_id":"218840001733","email":"ada@example.com"}',
            ),
            "f58e5cdbef8841cc0921e768d4cdbf7fe2ab6073c73aa129c80bea80a6e955a1",
        ),
        (
            signatures.v3(
                "yyyyyyyy-yyyy-yyyy-yyyy-yyyyyyyyyyyy",
                "post",
                "https://www.example.com/webhook_uri",
                b"{'example_field':'example_value'}",
                "1693657560000",
            ),
            "K36dawei4A+QBNolUOqo7s91KQDWQ5MXZ/QufNYuk/Y=",
        ),
    ],
)
def test_signatures_are_hubspots_own(made: str, expected: str) -> None:
    assert made == expected


def connector(at_ms: int = int(TIME_MS), **settings: Any) -> HubSpot:
    given = {"ACCESS_TOKEN": "a", "CLIENT_SECRET": PLATFORM_SECRET, **settings}
    return HubSpot("hubspot", given, now_ms=lambda: float(at_ms))


def signed(**changed: Any) -> WebhookRequest:
    headers = {
        "x-hubspot-signature-v3": "yVzYEcGoXnH9MNnxZkLebn64nZ7F7EnmH+mimjrXSj0=",
        "x-hubspot-request-timestamp": TIME_MS,
    }
    request = {
        "method": "POST",
        "path": "/hubspot/webhook",
        "query": "",
        "headers": {**headers, **changed.pop("headers", {})},
        "body": B2,
        "url": URL,
    }
    return WebhookRequest(**{**request, **changed})


def test_each_altered_byte_of_a_signed_request_is_refused() -> None:
    hubspot = connector()
    hubspot.verify(signed())
    for place in range(len(B2)):
        altered = bytearray(B2)
        altered[place] ^= 1
        with pytest.raises(SignatureInvalid):
            hubspot.verify(signed(body=bytes(altered)))
    for place in range(len(URL)):
        url = URL[:place] + "~" + URL[place + 1 :]
        with pytest.raises(SignatureInvalid):
            hubspot.verify(signed(url=url))
    for changed in (
        {"method": "PUT"},
        {"headers": {"x-hubspot-request-timestamp": "1793610901001"}},
        {"headers": {"x-hubspot-request-timestamp": ""}},
        {"headers": {"x-hubspot-request-timestamp": "²"}},
        {"headers": {"x-hubspot-signature-v3": ""}},
    ):
        with pytest.raises(SignatureInvalid):
            hubspot.verify(signed(**changed))


@pytest.mark.parametrize(
    ("age_ms", "is_good"),
    [(0, True), (300_000, True), (300_001, False), (-60_000, True), (-60_001, False)],
)
def test_a_request_is_good_for_five_minutes(age_ms: int, is_good: bool) -> None:
    hubspot = connector(int(TIME_MS) + age_ms)
    if is_good:
        hubspot.verify(signed())
    else:
        with pytest.raises(SignatureInvalid, match="five minutes"):
            hubspot.verify(signed())


def test_older_signatures_are_taken_only_if_a_setting_says_so() -> None:
    headers = {
        "x-hubspot-signature": signatures.v1(PLATFORM_SECRET, B2),
        "x-hubspot-signature-version": "v1",
    }
    old = WebhookRequest("POST", "/x", "", headers, B2, URL)
    with pytest.raises(SignatureInvalid, match="v3"):
        connector().verify(old)
    connector(SIGNATURES="all").verify(old)
    with pytest.raises(SignatureInvalid):
        connector(SIGNATURES="all").verify(
            WebhookRequest("POST", "/x", "", headers, B1, URL)
        )
