"""HubSpot's limits, its day, and what `doctor` looks at in an account."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from app import errors
from app.connectors.base import Examined, seconds_to_midnight
from app.connectors.hubspot import HubSpot, HubSpotSettings
from app.connectors.hubspot.examine import NOBODY
from app.domain import Update

URL = "https://api.hubapi.com"
UPDATE = f"{URL}/crm/v3/objects/contacts/batch/update"


def hubspot(**settings: Any) -> HubSpot:
    return HubSpot("hubspot", {"ACCESS_TOKEN": "a", **settings})


def ask(name: str, **settings: str) -> Examined:
    connector = hubspot(**settings)
    (found,) = (one for one in connector.examine("contact") if one.name == name)
    return found.ask()


def test_writing_is_tried_on_nobody(requests_mock: Any) -> None:
    missing = {"category": "OBJECT_NOT_FOUND", "context": {"ids": [NOBODY]}}
    requests_mock.post(
        UPDATE, status_code=207, json={"results": [], "errors": [missing]}
    )
    assert ask("writing") == Examined("contacts may be written")
    (sent,) = requests_mock.last_request.json()["inputs"]
    assert (sent["id"], sent["properties"]) == (NOBODY, {})
    requests_mock.post(UPDATE, json={"results": [{"id": NOBODY}]})
    assert ask("writing").advice
    requests_mock.post(UPDATE, status_code=403, json={"category": "MISSING_SCOPES"})
    with pytest.raises(errors.CredentialsRefused):
        ask("writing")


@pytest.mark.parametrize(
    ("headers", "said", "is_much"),
    [
        ({"Daily": "1000", "Daily-Remaining": "201"}, "799 of 1,000", False),
        ({"Daily": "1000", "Daily-Remaining": "200"}, "800 of 1,000", True),
        ({"Max": "190"}, "no limit of calls a day", False),
    ],
)
def test_everybodys_calls_are_told_by_the_headers(
    requests_mock: Any, headers: dict[str, str], said: str, is_much: bool
) -> None:
    requests_mock.get(
        f"{URL}/account-info/v3/details",
        json={"portalId": 48210077},
        headers={f"X-HubSpot-RateLimit-{k}": v for k, v in headers.items()},
    )
    found = ask("account")
    assert said in found.said
    assert "48210077" in found.said
    assert bool(found.advice) is is_much


@pytest.mark.parametrize(("zone", "is_told"), [("", True), ("Europe/Oslo", False)])
def test_the_account_s_zone_is_told_if_it_is_not_set(
    requests_mock: Any, zone: str, is_told: bool
) -> None:
    requests_mock.get(
        f"{URL}/account-info/v3/details",
        json={"portalId": 48210077, "timeZone": "Europe/Oslo"},
        headers={
            "X-HubSpot-RateLimit-Daily": "1000",
            "X-HubSpot-RateLimit-Daily-Remaining": "900",
        },
    )
    found = ask("account", TIME_ZONE=zone)
    assert ("midnight in Europe/Oslo: set TIME_ZONE" in found.advice) is is_told


def test_an_account_that_is_not_the_one_of_the_settings_is_told(
    requests_mock: Any,
) -> None:
    path = f"{URL}/account-info/v3/details"
    requests_mock.get(path, json={"portalId": 48210077})
    found = ask("account", PORTAL_ID="48210070")
    assert "of account 48210077, and PORTAL_ID is 48210070" in found.said
    assert found.advice
    assert not ask("account", PORTAL_ID="48210077").advice


@pytest.mark.parametrize(
    ("body", "kind"),
    [
        ({"message": "You have reached your daily limit."}, errors.QuotaSpent),
        ({"policyName": "daily"}, errors.QuotaSpent),
        (
            {"message": "You have reached your ten_secondly_rolling limit."},
            errors.RateLimited,
        ),
    ],
)
def test_a_limit_is_known_by_its_message_as_well(
    requests_mock: Any, body: Any, kind: type[errors.RemoteError]
) -> None:
    requests_mock.post(UPDATE, status_code=429, json=body)
    with pytest.raises(errors.RemoteError) as caught:
        hubspot().send([Update("contact", "id", "1001", {"size": "1"})])
    assert type(caught.value) is kind


def test_a_token_with_signs_that_no_token_has_is_refused() -> None:
    for token in ("\u201cpat-na1\u201d", "pat na1", "pat\n", ""):
        problems = HubSpotSettings().validate({"ACCESS_TOKEN": token})
        assert "ACCESS_TOKEN" in problems, repr(token)


def test_a_day_ends_at_midnight_over_there_however_long_it_is() -> None:
    oslo = ZoneInfo("Europe/Oslo")
    evening = datetime(2026, 11, 2, 22, tzinfo=UTC)
    assert seconds_to_midnight(evening, oslo) == 3600
    # The clocks go back on this one.
    assert seconds_to_midnight(datetime(2026, 10, 25, tzinfo=oslo), oslo) == 25 * 3600


def test_a_day_that_is_used_up_ends_with_the_account_s_own(requests_mock: Any) -> None:
    requests_mock.post(UPDATE, status_code=429, json={"policyName": "DAILY"})
    connector, tokyo = hubspot(TIME_ZONE="Asia/Tokyo"), ZoneInfo("Asia/Tokyo")
    before = seconds_to_midnight(datetime.now(UTC), tokyo)
    with pytest.raises(errors.QuotaSpent) as caught:
        connector.send([Update("contact", "id", "1001", {"size": "1"})])
    after = seconds_to_midnight(datetime.now(UTC), tokyo)
    # And a minute, for clocks differ.
    assert caught.value.retry_after is not None
    assert after <= caught.value.retry_after - 60 <= before
    assert connector.day_zone == "Asia/Tokyo"
    assert hubspot().day_zone == "UTC"


@pytest.mark.parametrize("name", ["Oslo", "Europe/Oslo/", "../etc", "Europe/"])
def test_a_zone_that_is_none_is_refused(name: str) -> None:
    problems = HubSpotSettings().validate({"ACCESS_TOKEN": "a", "TIME_ZONE": name})
    assert problems["TIME_ZONE"] == ["Must be a time zone, such as Europe/Berlin."]


def test_no_call_is_made_when_the_last_answer_had_none_left(requests_mock: Any) -> None:
    headers = {
        "X-HubSpot-RateLimit-Remaining": "0",
        "X-HubSpot-RateLimit-Interval-Milliseconds": "10000",
    }
    done = {"status": "COMPLETE", "results": []}
    path = f"{URL}/crm/v3/objects/contacts/batch/read"
    requests_mock.post(path, [{"json": done, "headers": headers}, {"json": done}])
    clock = [100.0]
    connector = HubSpot("hubspot", {"ACCESS_TOKEN": "a"}, now=lambda: clock[0])
    connector.read("contact", "id", ["1"], ["city"])
    clock[0] += 4
    with pytest.raises(errors.RateLimited) as caught:
        connector.read("contact", "id", ["1"], ["city"])
    assert (caught.value.retry_after, requests_mock.call_count) == (6.0, 1)
    clock[0] += 6
    connector.read("contact", "id", ["1"], ["city"])
    assert requests_mock.call_count == 2
