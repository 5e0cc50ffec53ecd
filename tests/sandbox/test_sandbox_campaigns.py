"""Campaigns that call webhooks by themselves when something happens to a lead."""

from __future__ import annotations

import json
import threading
from typing import Any

import pytest

from sandbox.senders import OPEN_CALLS
from tests.sandbox.receiver import Receiver, until

TEMPLATE = (
    '{"id": {{lead.Id}}, "country": {{lead.Country}}, "campaign": {{campaign.id}}}'
)


class Campaigns:
    """Defines campaigns that call the receiver, and waits for their calls."""

    def __init__(self, control: Any, receiver: Receiver) -> None:
        self.control, self.receiver = control, receiver

    def define(self, trigger: str, number: int = 7, **more: Any) -> None:
        webhook = {"url": self.receiver.url, "template": TEMPLATE}
        webhook |= more.pop("webhook", {})
        body = {"id": number, "trigger": trigger, "webhook": webhook, **more}
        self.control.send("POST", "/marketo/campaigns", body)

    def state(self) -> dict[str, Any]:
        return self.control.state(calls=0)["marketo"]

    def rest(self) -> list[dict[str, Any]]:
        """Wait until nothing is under way; the log of calls."""

        def is_quiet() -> bool:
            calls = self.state()["webhook_calls"]
            return not (calls["waiting"] or calls["open"] or calls["settling"])

        until(is_quiet)
        return self.state()["webhooks"]

    def bodies(self) -> list[dict[str, Any]]:
        self.rest()
        found = [json.loads(got[3]) for got in self.receiver.got]
        return sorted(found, key=lambda one: (one["campaign"], one["id"]))


@pytest.fixture
def campaigns(control: Any, receiver: Receiver) -> Campaigns:
    return Campaigns(control, receiver)


def test_a_new_lead_starts_the_campaign_however_it_came(
    campaigns: Campaigns, control: Any, marketo: Any
) -> None:
    campaigns.define("lead_created")
    control.send("POST", "/leads", {"leads": [{"id": 5, "email": "a@new.example"}]})
    created = marketo.sync({"email": "b@new.example"})["result"][0]["id"]
    marketo.update({"id": 5, "country": "Norway"})
    assert [one["id"] for one in campaigns.bodies()] == [5, created]


def test_a_changed_value_starts_the_campaign_once_for_each_field_that_really_changed(
    campaigns: Campaigns, control: Any, marketo: Any
) -> None:
    campaigns.define("data_value_changes")
    marketo.update({"id": 318581, "country": "Norway", "title": "CFO", "leadScore": 42})
    control.send(
        "POST", "/marketo/change-leads", {"leads": [{"id": 318582, "country": "GB"}]}
    )
    bodies = campaigns.bodies()
    assert [one["id"] for one in bodies] == [318581, 318581, 318582]
    assert [one["country"] for one in bodies] == ["Norway", "Norway", "GB"]


def test_fields_and_sources_narrow_the_trigger(
    campaigns: Campaigns, control: Any, marketo: Any
) -> None:
    campaigns.define("data_value_changes", 1, fields=["country"])
    campaigns.define("data_value_changes", 2, source_not="Web service API")
    campaigns.define("data_value_changes", 3, active=False)
    marketo.update({"id": 318581, "country": "Norway", "title": "CFO"})
    by_hand = {"leads": [{"id": 318582, "title": "CEO"}], "source": "Someone"}
    assert control.send("POST", "/marketo/change-leads", by_hand) == {
        "changed": [318582]
    }
    found = [(one["campaign"], one["id"]) for one in campaigns.bodies()]
    assert found == [(1, 318581), (2, 318582)]
    started = {one["id"]: one["started"] for one in campaigns.state()["campaigns"]}
    assert started == {1: 1, 2: 1, 3: 0}


def test_the_request_does_not_wait_for_the_calls_it_starts(
    campaigns: Campaigns, marketo: Any, receiver: Receiver
) -> None:
    receiver.gate.clear()
    campaigns.define("data_value_changes", fields=["country"])
    marketo.update({"id": 318581, "country": "Norway"})
    until(lambda: receiver.open == 1)
    assert campaigns.state()["webhook_calls"]["open"] == 1
    receiver.gate.set()
    assert len(campaigns.rest()) == 1


def test_twenty_connections_are_open_and_the_others_wait(
    campaigns: Campaigns, control: Any, receiver: Receiver
) -> None:
    receiver.gate.clear()
    campaigns.define("lead_created", 1)
    campaigns.define("lead_created", 2)
    like = {"email": "p{n}@bulk.example"}
    control.send("POST", "/leads", {"count": 30, "first_id": 1, "like": like})
    until(lambda: receiver.open == OPEN_CALLS)
    assert campaigns.state()["webhook_calls"] == {
        "waiting": 40, "open": 20, "settling": 0, "most_open": 20,
    }  # fmt: skip
    receiver.gate.set()
    assert len(campaigns.rest()) == len(receiver.got) == 60
    assert receiver.most == OPEN_CALLS
    assert all(entry["ok"] for entry in campaigns.state()["webhooks"])


def test_mapped_values_are_written_after_the_call_with_their_own_source(
    campaigns: Campaigns, marketo: Any, receiver: Receiver
) -> None:
    receiver.answer = (200, b'{"stage": "Decision"}')
    mapping = {"mappings": {"stage": "sixsenseStage"}}
    campaigns.define("data_value_changes", fields=["country"], webhook=mapping)
    marketo.update({"id": 318581, "country": "Norway"})
    (entry,) = campaigns.rest()
    assert entry["writes"] == {"sixsenseStage": "Decision"}
    assert marketo.lead(318581, "sixsenseStage")["sixsenseStage"] == "Decision"
    since = marketo.get("activities/pagingtoken.json", sinceDatetime="2020-01-01T00Z")
    changes = marketo.get(
        "activities/leadchanges.json",
        nextPageToken=since["nextPageToken"], fields="country,sixsenseStage",
        leadIds="318581",
    )["result"]  # fmt: skip
    found = [
        (change["fields"][0]["name"], change["attributes"][1]["value"])
        for change in changes
        if "fields" in change
    ]
    assert found == [("country", "Web service API"), ("sixsenseStage", "Webhook")]


def test_a_campaign_without_a_guard_goes_round_until_nothing_changes(
    campaigns: Campaigns, marketo: Any, receiver: Receiver
) -> None:
    receiver.answer = (200, b'{"stage": "Decision"}')
    mapping = {"mappings": {"stage": "sixsenseStage"}}
    campaigns.define("data_value_changes", webhook=mapping)
    marketo.update({"id": 318581, "country": "Norway"})
    # The change, then what the first answer wrote; the second writes nothing new.
    assert len(campaigns.rest()) == 2


def test_values_of_a_call_that_is_not_2xx_are_not_written_and_nothing_is_repeated(
    campaigns: Campaigns, marketo: Any, receiver: Receiver
) -> None:
    receiver.answer = (503, b'{"stage": "Decision"}')
    mapping = {"mappings": {"stage": "sixsenseStage"}}
    campaigns.define("data_value_changes", fields=["country"], webhook=mapping)
    marketo.update({"id": 318581, "country": "Norway"})
    (entry,) = campaigns.rest()
    assert (entry["status"], entry["reason"]) == (503, "Service Unavailable")
    assert (entry["error"], entry["ok"]) == ("Service Unavailable", False)
    assert entry["response"] == '{"stage": "Decision"}'
    assert (entry["webhook"], entry["campaign"]) == ("Webhook", 7)
    assert marketo.lead(318581, "sixsenseStage")["sixsenseStage"] is None
    assert len(receiver.got) == 1


@pytest.mark.parametrize(
    ("answer", "webhook", "more", "error", "calls"),
    [
        ((200, b""), {}, {}, "1001", 1),
        ((200, b"{}"), {}, {"batch": True}, "1000", 0),
        ((200, b"{}"), {"url": "http://127.0.0.1:1"}, {}, "no connection", 0),
        ((200, b"{}"), {}, {}, "ok", 1),
    ],
)
def test_how_a_call_ended_is_counted(
    campaigns: Campaigns, marketo: Any, receiver: Receiver,
    answer: Any, webhook: Any, more: Any, error: str, calls: int,
) -> None:  # fmt: skip
    receiver.answer = answer
    campaigns.define("data_value_changes", fields=["country"], webhook=webhook, **more)
    marketo.update({"id": 318581, "country": "Norway"})
    assert len(campaigns.rest()) == 1
    assert campaigns.state()["webhook_counts"] == {error: 1}
    assert len(receiver.got) == calls


def test_a_call_that_takes_too_long_is_given_up(
    campaigns: Campaigns, marketo: Any, receiver: Receiver
) -> None:
    receiver.gate.clear()
    campaigns.define("data_value_changes", webhook={"timeout_s": 0.05})
    marketo.update({"id": 318581, "country": "Norway"})
    (entry,) = campaigns.rest()
    assert (entry["error"], entry["status"]) == ("timeout", None)


def test_every_call_is_an_activity(
    campaigns: Campaigns, marketo: Any, receiver: Receiver
) -> None:
    campaigns.define("data_value_changes", webhook={"name": "Enrich"})
    marketo.update({"id": 318581, "country": "Norway"})
    campaigns.rest()
    since = marketo.get("activities/pagingtoken.json", sinceDatetime="2020-01-01T00Z")
    (called,) = marketo.get(
        "activities.json", nextPageToken=since["nextPageToken"], activityTypeIds=110
    )["result"]
    assert (called["leadId"], called["primaryAttributeValue"]) == (318581, "Enrich")
    assert {"name": "Response", "value": "{}"} in called["attributes"]


def test_a_requested_campaign_calls_its_webhook(
    campaigns: Campaigns, marketo: Any
) -> None:
    campaigns.define("requested", 1207)
    leads = {"input": {"leads": [{"id": 318581}, {"id": 318582}]}}
    assert marketo.post("campaigns/1207/trigger.json", leads)["result"] == [
        {"id": 1207}
    ]
    found = [(one["campaign"], one["id"]) for one in campaigns.bodies()]
    assert found == [(1207, 318581), (1207, 318582)]


@pytest.mark.parametrize(
    "more", [{"trigger": "lead_created"}, {"batch": True}, {"active": False}]
)
def test_a_campaign_that_cannot_be_requested_is_refused(
    campaigns: Campaigns, marketo: Any, more: dict[str, Any]
) -> None:
    campaigns.define(**{"trigger": "requested", "number": 1207, **more})
    leads = {"input": {"leads": [{"id": 318581}]}}
    answer = marketo.post("campaigns/1207/trigger.json", leads)
    assert answer["errors"][0]["code"] == "1003"
    assert campaigns.rest() == []


def test_a_reset_forgets_campaigns_and_waits_for_open_calls(
    campaigns: Campaigns, control: Any, marketo: Any, receiver: Receiver
) -> None:
    receiver.answer = (200, b'{"stage": "Decision"}')
    receiver.gate.clear()
    mapping = {"mappings": {"stage": "sixsenseStage"}}
    campaigns.define("data_value_changes", fields=["country"], webhook=mapping)
    marketo.update({"id": 318581, "country": "Norway"})
    until(lambda: receiver.open == 1)
    resetting = threading.Thread(target=control.reset)
    resetting.start()
    until(lambda: campaigns.state()["campaigns"] == [])
    receiver.gate.set()
    resetting.join()
    assert campaigns.rest() == []
    change = {"leads": [{"id": 318581, "country": "Norway"}]}
    assert control.send("POST", "/marketo/change-leads", change)["changed"]
    assert campaigns.rest() == []
    assert "sixsenseStage" not in control.state(ids=318581)["leads"]["318581"]
    assert len(receiver.got) == 1


def test_forgotten_campaigns_no_longer_start(
    campaigns: Campaigns, control: Any, marketo: Any, receiver: Receiver
) -> None:
    campaigns.define("data_value_changes")
    control.send("DELETE", "/marketo/campaigns")
    assert control.send("GET", "/marketo/campaigns") == {"campaigns": []}
    marketo.update({"id": 318581, "country": "Norway"})
    assert campaigns.rest() == []


def test_what_is_wrong_with_campaigns_is_said_at_once(control: Any) -> None:
    hook = {"url": "http://x.invalid"}
    bodies = [
        {"id": 1, "trigger": "lead_created"},
        {"trigger": "lead_updated", "webhook": hook, "activ": True},
        {"id": 3, "trigger": "data_value_changes", "fields": ["county"],
         "webhook": hook},
        {"id": 4, "trigger": "requested", "webhook": {"verb": "GOT"}},
        5,
    ]  # fmt: skip
    answer = control.send("POST", "/marketo/campaigns", bodies, expect=400)
    assert answer["problems"] == [
        "campaigns[0]: webhook is missing",
        "campaigns[1]: id is missing",
        "campaigns[1]: trigger must be 'lead_created' or 'data_value_changes' or "
        "'requested', not 'lead_updated'",
        "campaigns[1]: 'activ' is no key of a campaign; did you mean 'active'?",
        "campaigns[2]: 'county' is no field; did you mean 'country'?",
        "campaigns[3]: webhook: url is missing",
        "campaigns[4]: must be an object",
    ]
    assert control.send("GET", "/marketo/campaigns") == {"campaigns": []}


@pytest.mark.parametrize(
    ("body", "problem"),
    [
        ({"leads": [{"id": 318581, "county": "x"}]},
         "leads[0]: 'county' is no field; did you mean 'country'?"),
        ({"leads": [{"country": "x"}]}, "leads[0]: no lead has the id None"),
        ({"leads": 5}, "leads must be a list of {id, field: value ...}"),
        ({"leads": [], "sourc": "x"}, "'sourc' is no key; did you mean 'source'?"),
    ],
)  # fmt: skip
def test_a_bad_change_by_hand_is_refused_in_words(
    control: Any, body: Any, problem: str
) -> None:
    answer = control.send("POST", "/marketo/change-leads", body, expect=400)
    assert answer["problems"] == [problem]
