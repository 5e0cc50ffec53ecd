"""HubSpot's webhooks API: the address of an app, and its subscriptions."""

from __future__ import annotations

from typing import Any

import pytest
import requests

from tests.sandbox.hubspot_calls import APP, Hooks, HubSpot
from tests.sandbox.receiver import Receiver

KEY = "sandbox-hubspot-developer"
NEW = {"eventType": "contact.creation", "active": True}


class Developer:
    """Calls of the webhooks API with a good key."""

    def __init__(self, hubspot: HubSpot) -> None:
        self.hubspot = hubspot

    def call(
        self, method: str, path: str, body: Any = None, key: str = KEY, app: str = APP
    ) -> requests.Response:
        return self.hubspot.call(
            method, f"/webhooks/v3/{app}{path}", body, params={"hapikey": key}
        )

    def target(self, url: str, most: Any = 6) -> requests.Response:
        limits = {"period": "SECONDLY", "maxConcurrentRequests": most}
        return self.call(
            "PUT", "/settings", {"targetUrl": url, "throttling": limits}
        )

    def subscribe(self, **given: Any) -> requests.Response:
        return self.call("POST", "/subscriptions", given)


@pytest.fixture
def developer(hubspot: HubSpot) -> Developer:
    return Developer(hubspot)


def test_the_address_and_the_places_are_set(
    developer: Developer, control: Any
) -> None:
    assert developer.call("GET", "/settings").status_code == 404
    put = developer.target("https://hooks.example.com/hubspot/webhook", 20)
    assert put.status_code == 200
    body = developer.call("GET", "/settings").json()
    assert body == put.json()
    assert body["targetUrl"] == "https://hooks.example.com/hubspot/webhook"
    assert body["throttling"]["maxConcurrentRequests"] == 20
    assert control.send("GET", "/config")["hubspot"]["max_concurrent"] == 20
    control.config(clock={"advance_s": 60})
    later = developer.target("https://hooks.example.com/other").json()
    assert later["createdAt"] == body["createdAt"] < later["updatedAt"]


@pytest.mark.parametrize(
    ("body", "problem"),
    [
        ([], "Invalid input JSON"),
        ({"throttling": {"maxConcurrentRequests": 10}}, "targetUrl"),
        ({"targetUrl": "https://x.example"}, "maxConcurrentRequests"),
        (
            {"targetUrl": "https://x.example",
             "throttling": {"maxConcurrentRequests": 5}},
            "must be greater than 5",
        ),
    ],
)  # fmt: skip
def test_settings_that_make_no_sense_are_refused(
    developer: Developer, body: Any, problem: str
) -> None:
    answer = developer.call("PUT", "/settings", body)
    assert answer.status_code == 400
    assert problem in answer.json()["message"]
    assert developer.call("GET", "/settings").status_code == 404


def test_a_subscription_is_paused_until_it_is_active(
    developer: Developer, hubspot: HubSpot, control: Any, receiver: Receiver
) -> None:
    hooks = Hooks(control, receiver)
    developer.target(receiver.url)
    made = developer.subscribe(eventType="contact.creation")
    assert (made.status_code, made.json()["active"]) == (201, False)
    own = made.json()["id"]
    hubspot.create(email="a@example.com")
    assert hooks.events() == []
    for method in ("PATCH", "PUT"):
        answer = developer.call(method, f"/subscriptions/{own}", {"active": True})
        assert (answer.status_code, answer.json()["active"]) == (200, True)
    made = hubspot.create(email="b@example.com")
    (event,) = hooks.events()
    assert (event["subscriptionId"], event["objectId"]) == (int(own), int(made))


def test_subscriptions_are_listed_shown_and_deleted(
    developer: Developer, hubspot: HubSpot, control: Any, receiver: Receiver
) -> None:
    developer.target(receiver.url)
    rows = [
        NEW,
        {"eventType": "contact.propertyChange", "propertyName": "city"},
        {"eventType": "object.creation", "objectTypeId": "0-2"},
    ]
    made = [developer.subscribe(**row).json() for row in rows]
    assert developer.call("GET", "/subscriptions").json()["results"] == made
    shown = [
        {name: one.get(name) for name in ("eventType", "propertyName", "objectTypeId")}
        for one in made
    ]
    assert [{k: v for k, v in one.items() if v} for one in shown] == [
        {"eventType": "contact.creation"}, *rows[1:],
    ]  # fmt: skip
    path = f"/subscriptions/{made[0]['id']}"
    assert developer.call("GET", path).json() == made[0]
    gone = developer.call("DELETE", path)
    assert (gone.status_code, gone.content) == (204, b"")
    for method in ("GET", "DELETE"):
        assert developer.call(method, path).status_code == 404
    hubspot.create(email="a@example.com")
    assert Hooks(control, receiver).events() == []


def test_several_are_paused_at_once_or_none(developer: Developer) -> None:
    ids = [int(developer.subscribe(**NEW).json()["id"]) for _ in range(2)]
    path = "/subscriptions/batch/update"
    rows = [{"id": own, "active": False} for own in ids]
    for wrong, status in (
        ([rows[0], {"id": ids[1]}], 400),
        ([rows[0], {"id": 9, "active": False}], 404),
        ("all", 400),
    ):
        assert developer.call("POST", path, {"inputs": wrong}).status_code == status
    known = developer.call("GET", "/subscriptions").json()["results"]
    assert [one["active"] for one in known] == [True, True]
    body = developer.call("POST", path, {"inputs": rows}).json()
    assert body["status"] == "COMPLETE"
    assert [one["active"] for one in body["results"]] == [False, False]


@pytest.mark.parametrize(
    ("row", "problem"),
    [
        ({"eventType": "contact.birth"}, "contact.birth is no type of subscription"),
        ({"eventType": "deal.creation"}, "deal.creation is no type of subscription"),
        ({"eventType": "object.creation"}, "object.creation is no type"),
        ({"eventType": "contact.propertyChange"}, "propertyName is needed"),
        (
            {"eventType": "contact.propertyChange",
             "propertyName": "num_unique_conversion_events"},
            "can not be subscribed",
        ),
        ({**NEW, "propertyName": "city"}, "contact.creation has no propertyName"),
        ({**NEW, "active": "yes"}, "active true or false"),
        ({**NEW, "url": "https://x.example"}, "'url' is no key"),
    ],
)  # fmt: skip
def test_what_can_not_be_subscribed_to_is_refused(
    developer: Developer, row: Any, problem: str
) -> None:
    answer = developer.subscribe(**row)
    assert (answer.status_code, answer.json()["category"]) == (400, "VALIDATION_ERROR")
    assert problem in answer.json()["message"]


def test_an_app_has_a_thousand_subscriptions_at_most(
    developer: Developer, control: Any
) -> None:
    body = {"url": "http://x.example", "subscriptions": ["contact.creation"] * 1000}
    control.send("POST", "/hubspot/webhooks", body)
    answer = developer.subscribe(**NEW)
    assert answer.status_code == 400
    assert answer.json()["message"] == (
        "Couldn't create another subscription. You've reached the maximum number "
        "allowed per application (1000)."
    )


def test_it_takes_the_key_of_the_developer_and_the_own_app(
    developer: Developer, control: Any
) -> None:
    assert developer.call("GET", "/subscriptions", key="x").status_code == 401
    assert developer.call("GET", "/subscriptions", app="8").status_code == 404
    assert developer.call("GET", "/settings", app="8").status_code == 404
    # It takes no place in the limits of the account.
    control.config(hubspot={"burst_calls": 1, "daily_calls": 1})
    answers = [developer.call("GET", "/subscriptions") for _ in range(3)]
    assert [one.status_code for one in answers] == [200] * 3
    assert "X-HubSpot-RateLimit-Max" not in answers[0].headers
    assert KEY not in str(control.state())
