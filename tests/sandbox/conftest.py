"""One sandbox for all tests of this folder, reset before each; plain clients."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import requests
import yaml
from jsonschema import Draft202012Validator

from sandbox.server import Sandbox
from tests.sandbox.hubspot_calls import HubSpot
from tests.sandbox.receiver import Receiver

CONTRACT = Path(__file__).parents[1] / "contract" / "sixsense"
LAX = yaml.CSafeLoader if hasattr(yaml, "CSafeLoader") else yaml.SafeLoader
TOKEN = "a1" * 20
SYNC = "/rest/v1/leads.json"


class Control:
    """`/_sandbox/` with the status checked."""

    def __init__(self, url: str, session: requests.Session) -> None:
        self.url, self.session = url, session

    def send(
        self, method: str, path: str, body: Any = None, expect: int = 200
    ) -> dict[str, Any]:
        answer = self.session.request(method, f"{self.url}/_sandbox{path}", json=body)
        assert answer.status_code == expect, answer.text
        return answer.json()

    def reset(self, **config: Any) -> dict[str, Any]:
        return self.send("POST", "/reset", config)

    def config(self, **parts: Any) -> dict[str, Any]:
        return self.send("POST", "/config", parts)

    def fault(self, **fault: Any) -> dict[str, Any]:
        return self.send("POST", "/faults", [fault])["faults"][0]

    def state(self, **query: Any) -> dict[str, Any]:
        answer = self.session.get(f"{self.url}/_sandbox/state", params=query)
        assert answer.status_code == 200, answer.text
        return answer.json()


class Sixsense:
    """Calls of 6sense with a good token."""

    def __init__(self, url: str, session: requests.Session) -> None:
        self.url, self.session = url, session

    def full(self, email: str, token: str = TOKEN, **more: Any) -> requests.Response:
        return self.post("/v2/people/full", email, token, **more)

    def score(self, email: str, token: str = TOKEN, **more: Any) -> requests.Response:
        return self.post("/v2/people/score", email, token, **more)

    def post(
        self, path: str, email: str, token: str = TOKEN, **more: Any
    ) -> requests.Response:
        return self.session.post(
            self.url + path,
            data={"email": email, **more},
            headers={"Authorization": f"Token {token}"},
        )

    def call(
        self, method: str, path: str, token: str = TOKEN, **more: Any
    ) -> requests.Response:
        headers = {"Authorization": f"Token {token}", **more.pop("headers", {})}
        return self.session.request(method, self.url + path, headers=headers, **more)


class Marketo:
    """Calls of Marketo; a token is fetched when none is given."""

    def __init__(self, url: str, session: requests.Session) -> None:
        self.url, self.session = url, session
        self._token = ""

    def identity(self, verb: str = "GET", **values: str) -> requests.Response:
        wanted = {
            "grant_type": "client_credentials",
            "client_id": "sandbox-client",
            "client_secret": "sandbox-secret",
            **values,
        }
        where = "params" if verb == "GET" else "data"
        url = f"{self.url}/identity/oauth/token"
        return self.session.request(verb, url, **{where: wanted})

    def token(self) -> str:
        if not self._token:
            self._token = self.identity().json()["access_token"]
        return self._token

    def call(
        self, method: str, path: str, token: str | None = None, **more: Any
    ) -> requests.Response:
        headers = {"Authorization": f"Bearer {token or self.token()}"}
        headers.update(more.pop("headers", {}))
        return self.session.request(method, self.url + path, headers=headers, **more)

    def get(self, path: str, **query: Any) -> dict[str, Any]:
        return self.call("GET", f"/rest/v1/{path}", params=query).json()

    def post(self, path: str, body: Any) -> dict[str, Any]:
        return self.call("POST", f"/rest/v1/{path}", json=body).json()

    def sync(self, *records: Any, **settings: Any) -> dict[str, Any]:
        return self.post("leads.json", {**settings, "input": list(records)})

    def update(self, *records: Any) -> list[dict[str, Any]]:
        answer = self.sync(*records, action="updateOnly", lookupField="id")
        assert answer["success"], answer
        return answer["result"]

    def lead(self, lead_id: int, *fields: str) -> dict[str, Any]:
        answer = self.get(f"lead/{lead_id}.json", fields=",".join(fields))
        assert answer["success"], answer
        return answer["result"][0]


@pytest.fixture(scope="session")
def running() -> Iterator[Sandbox]:
    with Sandbox() as box:
        yield box


@pytest.fixture(scope="session")
def http() -> Iterator[requests.Session]:
    with requests.Session() as session:
        session.trust_env = False
        yield session


@pytest.fixture
def control(running: Sandbox, http: requests.Session) -> Control:
    client = Control(running.url, http)
    client.reset()
    return client


@pytest.fixture
def sixsense(control: Control) -> Sixsense:
    return Sixsense(control.url, control.session)


@pytest.fixture(scope="session")
def spec() -> dict[str, Any]:
    text = (CONTRACT / "openapi.yaml").read_text(encoding="utf-8")
    return yaml.load(text, Loader=LAX)  # noqa: S506  both loaders are safe ones


@pytest.fixture
def conforms(spec: dict[str, Any]) -> Any:
    """Checks an answer of 6sense against its OpenAPI document; gives its body."""

    def check(answer: requests.Response, path: str) -> Any:
        (operation,) = [o for m, o in spec["paths"][path].items() if m != "servers"]
        status = str(answer.status_code)
        found = operation["responses"].get(status) or operation["responses"]["5XX"]
        while "$ref" in found:
            name = found["$ref"].rpartition("/")[2]
            found = spec["components"]["responses"][name]
        if "content" not in found:
            assert (answer.content, status) == (b"", "204")
            assert "Content-Type" not in answer.headers
            return None
        schema = {
            **found["content"]["application/json"]["schema"],
            "components": spec["components"],
        }
        body = answer.json()
        errors = list(Draft202012Validator(schema).iter_errors(body))
        assert not errors, [f"{e.json_path}: {e.message}" for e in errors]
        assert answer.headers["Content-Type"] == "application/json"
        return body

    return check


@pytest.fixture
def marketo(control: Control) -> Marketo:
    return Marketo(control.url, control.session)


@pytest.fixture
def hubspot(control: Control) -> HubSpot:
    return HubSpot(control)


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with Receiver() as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        yield server
        server.gate.set()
        server.shutdown()
        thread.join()
