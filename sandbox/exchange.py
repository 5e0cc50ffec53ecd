"""One call from its gate to its answer, with the scripted faults in between."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any, Protocol

from flask import Response

from sandbox.fault_kinds import LONGEST_HOLD_S
from sandbox.faults import Fault
from sandbox.journal import Call
from sandbox.state import World
from sandbox.wire import ConnectionCut

MAINTENANCE = (
    "<!DOCTYPE html><html><head><title>Maintenance</title></head>"
    "<body><h1>We will be back soon</h1></body></html>"
)


class Dialect(Protocol):
    """How a system words its refusals."""

    def status(self, status: int) -> Response:
        """An HTTP-level error in the system's own form."""

    def code(self, code: str, message: str | None) -> Response:
        """A business error in the envelope; Marketo only."""

    def policy(self, call: Call, policy: str) -> Response:
        """A limit of an account is reached, by its name; HubSpot only."""

    def expired_token(self, call: Call) -> Response:
        """The caller's token has ended, from now on."""


def answer(
    world: World, call: Call, dialect: Dialect, work: Callable[[], Response]
) -> Response:
    """The answer to a call that passed its gate.

    A fault that replaces the answer prevents `work`, unless it is to strike
    after it; the others change what `work` returned.

    Raises:
        ConnectionCut: a fault ends the connection without an answer, or a reset came
            while it waited.
    """
    with world.lock:
        faults, begun_in = world.faults.strike(call), world.journal
    for fault in faults:
        _wait(world, fault)
        with world.lock:
            if world.journal is not begun_in:
                # All was forgotten meanwhile: nothing may be done to what is now.
                raise ConnectionCut
        if not _is_late(fault) and (other := _instead(fault, call, dialect)):
            return other
    response = work()
    for fault in faults:
        if _is_late(fault):
            response = _instead(fault, call, dialect) or response
        response = _spoiled(world, fault, response)
    return response


def _is_late(fault: Fault) -> bool:
    return bool(fault.settings.get("after_work"))


def _wait(world: World, fault: Fault) -> None:
    if fault.kind == "latency":
        world.wait(fault.settings["ms"])
    elif fault.kind == "hold":
        world.hold(fault, fault.settings.get("hold_s", LONGEST_HOLD_S))


def _instead(fault: Fault, call: Call, dialect: Dialect) -> Response | None:
    """The answer that a fault puts in place of the real one, if it is of that kind."""
    settings = fault.settings
    match fault.kind:
        case "drop_connection":
            raise ConnectionCut
        case "html":
            status = settings.get("status", 200)
            return Response(MAINTENANCE, status, mimetype="text/html")
        case "expired_token":
            return dialect.expired_token(call)
        case "code":
            return dialect.code(settings["code"], settings.get("message"))
        case "policy":
            return dialect.policy(call, settings["policy"])
        case "status":
            return _status(settings, dialect)
    return None


def _status(settings: dict[str, Any], dialect: Dialect) -> Response:
    response = dialect.status(settings["status"])
    body = settings.get("body")
    if isinstance(body, str):
        kind = "text/html" if body.startswith("<") else "text/plain"
        response = Response(body, settings["status"], mimetype=kind)
    elif body is not None:
        response = Response(
            json.dumps(body), settings["status"], mimetype="application/json"
        )
    if "retry_after" in settings:
        response.headers["Retry-After"] = str(settings["retry_after"])
    return response


def _spoiled(world: World, fault: Fault, response: Response) -> Response:
    if fault.kind == "timeout_after_work":
        world.hold(fault, fault.settings.get("hold_s", LONGEST_HOLD_S))
        raise ConnectionCut
    if fault.kind == "broken_json":
        whole = response.get_data()
        response.set_data(whole[: len(whole) // 2])
    return response
