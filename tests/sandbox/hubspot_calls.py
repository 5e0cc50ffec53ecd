"""Calls of HubSpot, and what its webhooks brought to a receiver."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import requests

from tests.sandbox.receiver import Receiver, until

if TYPE_CHECKING:
    from tests.sandbox.conftest import Control

TOKEN = "sandbox-hubspot-token"
SECRET = "sandbox-hubspot-secret"
APP = "7315529"
#: The demo's contacts.
JANE, LI = "218840000101", "218840000102"


class HubSpot:
    """Calls with a good token, and what people do in HubSpot."""

    def __init__(self, control: Control) -> None:
        self.control, self.url, self.session = control, control.url, control.session

    def call(
        self,
        method: str,
        path: str,
        body: Any = None,
        token: str = TOKEN,
        **more: Any,
    ) -> requests.Response:
        headers = {"Authorization": f"Bearer {token}"}
        return self.session.request(
            method, self.url + path, json=body, headers=headers, timeout=10, **more
        )

    def post(self, path: str, body: Any, **more: Any) -> requests.Response:
        """Something about contacts."""
        return self.call("POST", f"/crm/v3/objects/contacts{path}", body, **more)

    def get(self, key: str, **query: str) -> requests.Response:
        path = f"/crm/v3/objects/contacts/{key}"
        return self.call("GET", path, params=query)

    def read(self, *ids: str, **more: Any) -> requests.Response:
        inputs = [{"id": own} for own in ids]
        return self.post("/batch/read", {"inputs": inputs, **more})

    def update(self, *rows: tuple[str, dict[str, Any]]) -> requests.Response:
        inputs = [{"id": own, "properties": values} for own, values in rows]
        return self.post("/batch/update", {"inputs": inputs})

    def upsert(self, *rows: tuple[str, dict[str, Any]]) -> requests.Response:
        inputs = [
            {"id": email, "idProperty": "email", "properties": values}
            for email, values in rows
        ]
        return self.post("/batch/upsert", {"inputs": inputs})

    def search(self, *filters: dict[str, Any], **more: Any) -> requests.Response:
        groups = [{"filters": list(filters)}] if filters else []
        return self.post("/search", {"filterGroups": groups, **more})

    def token(self, **form: str) -> requests.Response:
        data = {
            "grant_type": "refresh_token",
            "client_id": "sandbox-hubspot-client",
            "client_secret": SECRET,
            "refresh_token": "sandbox-hubspot-refresh",
            **form,
        }
        return self.session.post(f"{self.url}/oauth/v3/token", data=data, timeout=10)

    def create(self, **values: Any) -> str:
        """A contact made by hand."""
        body = {"contacts": [values]}
        (own,) = self.control.send("POST", "/hubspot/contacts", body)["ids"]
        return str(own)

    def change(self, own: str, **what: Any) -> str:
        """What a person does to a record; the id that stays."""
        body = {"id": own, **what}
        return str(self.control.send("POST", "/hubspot/change", body)["changed"])

    def kept(self, own: str) -> dict[str, Any]:
        """The properties of a contact as they are now."""
        found = self.control.state(calls=0, contacts=own)["contacts"]
        return dict(found[own])


class Hooks:
    """Subscriptions of the receiver, and what it got."""

    def __init__(self, control: Control, receiver: Receiver) -> None:
        self.control, self.receiver = control, receiver

    def subscribe(self, *subscriptions: Any) -> list[int]:
        """The ids of the subscriptions."""
        body = {"url": self.receiver.url, "subscriptions": subscriptions}
        answer = self.control.send("POST", "/hubspot/webhooks", body)
        return [int(own) for own in answer["ids"]]

    def state(self) -> dict[str, Any]:
        found = self.control.state(calls=0)["hubspot"]["webhooks"]
        return dict(found)

    def rest(self) -> list[dict[str, Any]]:
        """Wait until nothing is outstanding; the log of attempts."""
        until(lambda: not self.state()["outstanding"])
        return list(self.state()["deliveries"])

    def arrays(self) -> list[list[dict[str, Any]]]:
        self.rest()
        return [json.loads(body) for _, _, _, body in self.receiver.got]

    def events(self) -> list[dict[str, Any]]:
        return [event for array in self.arrays() for event in array]
