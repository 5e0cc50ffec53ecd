"""The action "Send a webhook" of a workflow, for records of the sandbox.

One call for each record, signed with v2 or not at all. A 4xx is final but for
429, which waits for its Retry-After, in milliseconds; any other failure is sent
again, too, if retries are asked for.
"""

from __future__ import annotations

import json
import time
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import requests

from sandbox import options
from sandbox.hubspot.legacy import legacy_contact
from sandbox.options import RequestInvalid
from sandbox.senders import sign_hubspot_v2

if TYPE_CHECKING:
    from sandbox.hubspot.state import HubSpotState, Record
    from sandbox.state import World

OPEN_CALLS = 10
CONNECT_S, READ_S = 3.0, 30.0


@dataclass(frozen=True)
class Action:
    """The action as it is set up, and the records that reach it."""

    url: str
    ids: Sequence[Any]
    #: Those that go into the customised body, besides `hs_object_id`.
    properties: Sequence[str] = ()
    #: What stands in the body as it is.
    extra: Mapping[str, Any] = field(default_factory=dict)
    method: str = "POST"
    auth: str = "signature"
    #: "Include all properties": a contact as the API of v1 showed it.
    legacy: bool = False
    retries: int = 0
    connect_s: float = CONNECT_S
    read_s: float = READ_S


_CHECKS: dict[str, options.Check] = {
    "url": options.text,
    "ids": lambda value: None if isinstance(value, list) and value else "a list of ids",
    "properties": options.texts,
    "extra": options.table,
    "method": options.one_of("POST", "GET"),
    "auth": options.one_of("signature", "none"),
    "legacy": options.yes_or_no,
    "retries": options.count,
    "connect_s": options.seconds,
    "read_s": options.seconds,
}


def call_workflow(world: World, body: object) -> list[dict[str, Any]]:
    """Send the webhook for the ids given; one entry of a log for each, in order.

    Raises:
        RequestInvalid: what is wrong with `body`, before any call.
    """
    with world.lock:
        action = _read(world.hubspot, body)
        records = [world.hubspot.records[str(own)] for own in action.ids]
        bodies = [_content(world.hubspot, action, record) for record in records]
        secret = world.hubspot.options.client_secret
        wait_ms = world.hubspot.options.retry_ms

    def one(content: dict[str, Any]) -> dict[str, Any]:
        return _called(action, content, secret, wait_ms)

    with ThreadPoolExecutor(OPEN_CALLS) as pool:
        results = list(pool.map(one, bodies))
    return [
        {"id": str(own), **result}
        for own, result in zip(action.ids, results, strict=True)
    ]


def _read(state: HubSpotState, body: object) -> Action:
    """The action, once its records and properties are there."""
    action = _action(body)
    if lost := [str(own) for own in action.ids if str(own) not in state.records]:
        raise RequestInvalid(f"no record has the id {', '.join(lost)}")
    kinds = {state.records[str(own)].kind for own in action.ids}
    problems = [
        options.unknown(name, state.properties[kind], f"property of a {kind}")
        for kind in sorted(kinds)
        for name in action.properties
        if name not in state.properties[kind]
    ]
    if action.legacy and (kinds != {"contact"} or action.method != "POST"):
        problems.append("legacy is for contacts, and for POST")
    if problems:
        raise RequestInvalid(*problems)
    return action


def _action(body: object) -> Action:
    if not isinstance(body, dict):
        raise RequestInvalid("the body must be {url, ids: [...], properties: [...]}")
    problems = [f"{name} is missing" for name in ("url", "ids") if name not in body]
    for name, value in body.items():
        if name not in _CHECKS:
            problems.append(options.unknown(name, _CHECKS, "key"))
        elif wrong := _CHECKS[name](value):
            problems.append(f"{name} must be {wrong}, not {value!r}")
    if problems:
        raise RequestInvalid(*problems)
    action = Action(**body)
    try:
        requests.Request(action.method, action.url).prepare()
    except requests.RequestException as error:
        raise RequestInvalid(f"url can not be called: {error}") from error
    return action


def _content(state: HubSpotState, action: Action, record: Record) -> dict[str, Any]:
    """What the call is to say of one record."""
    if action.legacy:
        return legacy_contact(record, state.options.portal_id)
    shown = record.as_json(list(action.properties))["properties"]
    found: dict[str, Any] = {"hs_object_id": record.id}
    for name in action.properties:
        value = shown[name]
        if value is not None:
            found[name] = value
        elif state.options.workflow_nulls != "absent":
            found[name] = None if state.options.workflow_nulls == "null" else ""
    return {**found, **action.extra}


def _called(
    action: Action, content: dict[str, Any], secret: str, wait_ms: int
) -> dict[str, Any]:
    """One call and its repeats: every status, None standing for no answer."""
    statuses: list[int | None] = []
    with requests.Session() as session:
        # No proxy and no .netrc of this machine.
        session.trust_env = False
        while True:
            made = _request(action, content, secret)
            result, retry_after = _once(session, action, made)
            statuses.append(result["status"])
            if _is_final(result["status"]) or len(statuses) > action.retries:
                return {**result, "statuses": statuses}
            doubled = wait_ms * 2 ** min(len(statuses) - 1, 6)
            time.sleep((doubled if retry_after is None else retry_after) / 1000)


def _request(action: Action, content: dict[str, Any], secret: str) -> Any:
    """The request, signed over the address and the body that go out."""
    own = requests.Request(action.method, action.url)
    if action.method == "GET":
        own.params = {n: "" if v is None else v for n, v in content.items()}
    else:
        text = json.dumps(content, ensure_ascii=False, separators=(",", ":"))
        own.data = text.encode(errors="replace")
        own.headers = {"Content-Type": "application/json"}
    made = own.prepare()
    if action.auth == "signature":
        sent = made.body if isinstance(made.body, bytes) else b""
        signed = sign_hubspot_v2(action.method, str(made.url), sent, secret)
        made.headers.update(signed)
    return made


def _once(
    session: requests.Session, action: Action, made: Any
) -> tuple[dict[str, Any], int | None]:
    """How one call ended, and the milliseconds of its Retry-After."""
    started = time.monotonic()
    status, response, error, wait_ms = None, "", "", None
    try:
        waits = (action.connect_s, action.read_s)
        answer = session.send(made, timeout=waits, allow_redirects=False)
    except requests.Timeout:
        error = "timeout"
    except requests.RequestException:
        error = "no connection"
    else:
        status = answer.status_code
        response = answer.content.decode("utf-8", errors="replace")
        error = "" if answer.ok else answer.reason or str(status)
        told = answer.headers.get("Retry-After", "")
        wait_ms = int(told) if status == 429 and told.isdecimal() else None
    ms = round((time.monotonic() - started) * 1000)
    result = {"status": status, "response": response, "error": error, "ms": ms}
    return result, wait_ms


def _is_final(status: int | None) -> bool:
    """Taken, or refused for good."""
    return status in range(200, 300) or (status in range(400, 500) and status != 429)
