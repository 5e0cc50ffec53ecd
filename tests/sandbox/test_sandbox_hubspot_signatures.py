"""How HubSpot signs, against published and computed vectors."""

from __future__ import annotations

import time

import pytest
from hubspot.exceptions import InvalidSignatureTimestampError
from hubspot.utils.signature import Signature

from sandbox.senders import sign_hubspot, sign_hubspot_v2

SECRET = "4f1c2a90-7d3e-4b58-9e6a-0c5d8b7e1a23"
URL = "https://hooks.example.com/hubspot/webhook"
WORKFLOW = "https://hooks.example.com/hubspot/workflow"
AT = 1793610901000
B1 = (
    '[{"eventId":3911720045,"subscriptionId":2904411,"portalId":48210077,'
    '"appId":7315529,"occurredAt":1793610900000,'
    '"subscriptionType":"contact.creation","attemptNumber":0,'
    '"objectId":218840001733,"changeFlag":"CREATED","changeSource":"CRM_UI",'
    '"sourceId":"userId:71120938"},{"eventId":3911720046,"subscriptionId":2904411,'
    '"portalId":48210077,"appId":7315529,"occurredAt":1793610900412,'
    '"subscriptionType":"contact.creation","attemptNumber":0,'
    '"objectId":218840001734,"changeFlag":"CREATED","changeSource":"FORM"}]'
)
B2 = (
    '[{"eventId":7,"subscriptionId":2904412,"portalId":48210077,"appId":7315529,'
    '"occurredAt":1793610900000,"subscriptionType":"contact.propertyChange",'
    '"attemptNumber":2,"objectId":218840001733,"propertyName":"city",'
    '"propertyValue":"Zürich 東京","changeSource":"CRM_UI"}]'
)
RECEIVED = f"{URL}?tenant=acme%2Feu&tag=a%20b&mail=ada%40example.com"
DECODED = f"{URL}?tenant=acme/eu&tag=a%20b&mail=ada@example.com"
#: HubSpot's own.
PUBLISHED = "yyyyyyyy-yyyy-yyyy-yyyy-yyyyyyyyyyyy"
PUBLISHED_URL = "https://www.example.com/webhook_uri"


def test_the_bodies_have_the_lengths_that_were_signed() -> None:
    assert (len(B1.encode()), len(B2.encode())) == (504, 268)


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        (B1, "fd6d5dd73710623377881c374031f608a1b88d72f26a03e7ac561873d9bf822b"),
        (B2, "25d48dd47aebafed392a27571d7d9188febc0e520898c224720092ab1b4c7700"),
    ],
)
def test_v1_is_over_secret_and_body(body: str, expected: str) -> None:
    headers = sign_hubspot("POST", URL, body.encode(), SECRET, AT)
    assert headers["X-HubSpot-Signature"] == expected
    assert headers["X-HubSpot-Signature-Version"] == "v1"


@pytest.mark.parametrize(
    ("secret", "method", "url", "body", "expected"),
    [
        (SECRET, "POST", URL, B1,
         "ab1fd12fe9b6fce3c4a1f3f6553e25bc3fc299a1215b6f25896d64a77dca842b"),
        (SECRET, "GET", f"{WORKFLOW}?email=ada@example.com", "",
         "2441f5ef2b10013c0666c40d10ed8cc354d7408775e931f376238b155bc74ec3"),
        (SECRET, "POST", WORKFLOW,
         '{"hs_object_id":"218840001733","email":"ada@example.com"}',
         "f58e5cdbef8841cc0921e768d4cdbf7fe2ab6073c73aa129c80bea80a6e955a1"),
        (PUBLISHED, "GET", PUBLISHED_URL, "",
         "eee2dddcc73c94d699f5e395f4b9d454a069a6855fbfa152e91e88823087200e"),
        (PUBLISHED, "POST", PUBLISHED_URL, '{"example_field":"example_value"}',
         "9569219f8ba981ffa6f6f16aa0f48637d35d728c7e4d93d0d52efaa512af7900"),
    ],
)  # fmt: skip
def test_v2_is_over_the_address_too(
    secret: str, method: str, url: str, body: str, expected: str
) -> None:
    assert sign_hubspot_v2(method, url, body.encode(), secret) == {
        "X-HubSpot-Signature": expected,
        "X-HubSpot-Signature-Version": "v2",
    }


@pytest.mark.parametrize(
    ("secret", "url", "body", "at", "expected"),
    [
        (SECRET, URL, B1, AT, "6Ft6/3AOEVlCqMeA8/sfzuGKGpvJi476eh82m13TA1g="),
        (SECRET, URL, B2, AT, "yVzYEcGoXnH9MNnxZkLebn64nZ7F7EnmH+mimjrXSj0="),
        (SECRET, URL, "", AT, "aeP5mCmy3J4CNo7e3zo9vtvRonz+WX780OCLvuatt24="),
        (SECRET, RECEIVED, B2, AT, "+bmexJAuo8Uo9TDAQMT8eNY1V9wjdmIuOV24hNIj7HI="),
        (SECRET, DECODED, B2, AT, "+bmexJAuo8Uo9TDAQMT8eNY1V9wjdmIuOV24hNIj7HI="),
        (SECRET, RECEIVED.replace("%2F", "%2f"), B2, AT,
         "+bmexJAuo8Uo9TDAQMT8eNY1V9wjdmIuOV24hNIj7HI="),
        (PUBLISHED, PUBLISHED_URL, "{'example_field':'example_value'}", 1693657560000,
         "K36dawei4A+QBNolUOqo7s91KQDWQ5MXZ/QufNYuk/Y="),
    ],
)  # fmt: skip
def test_v3_is_over_the_decoded_address_and_the_time(
    secret: str, url: str, body: str, at: int, expected: str
) -> None:
    headers = sign_hubspot("POST", url, body.encode(), secret, at)
    assert headers["X-HubSpot-Signature-v3"] == expected
    assert headers["X-HubSpot-Request-Timestamp"] == str(at)


def test_the_public_client_decodes_nothing() -> None:
    naive = Signature.get_signature(SECRET, B2, "v3", RECEIVED, "POST", str(AT))
    assert naive == "eCH8+UKTFP4LRYbD7smp1L1xhe/vydH21OtG1M4l+c0="
    headers = sign_hubspot("POST", RECEIVED, B2.encode(), SECRET, AT)
    assert headers["X-HubSpot-Signature-v3"] != naive
    same = Signature.get_signature(SECRET, B2, "v3", DECODED, "POST", str(AT))
    assert headers["X-HubSpot-Signature-v3"] == same


def test_the_public_client_takes_what_is_signed_now() -> None:
    now = int(time.time() * 1000)
    headers = sign_hubspot("POST", URL, B2.encode(), SECRET)
    assert int(headers["X-HubSpot-Request-Timestamp"]) >= now

    def is_valid(headers: dict[str, str]) -> bool:
        return Signature.is_valid(
            signature=headers["X-HubSpot-Signature-v3"],
            client_secret=SECRET,
            request_body=B2,
            http_uri=URL,
            http_method="POST",
            signature_version="v3",
            timestamp=headers["X-HubSpot-Request-Timestamp"],
        )

    assert is_valid(headers)
    assert not is_valid(sign_hubspot("POST", URL, B2.encode(), "another"))
    stale = sign_hubspot("POST", URL, B2.encode(), SECRET, now - 301_000)
    with pytest.raises(InvalidSignatureTimestampError):
        is_valid(stale)
