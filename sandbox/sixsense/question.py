"""One request that passed the gate, and what most operations do with it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from flask import Response

from sandbox import people
from sandbox.journal import Call
from sandbox.sixsense import answers
from sandbox.sixsense.state import SixsenseOptions
from sandbox.state import World

FORM = "application/x-www-form-urlencoded"
JSON = "application/json"


@dataclass(frozen=True)
class Operation:
    """One row of 6sense's API list."""

    name: str  #: the contract's operationId
    method: str
    path: str
    encoding: str | None  #: content type of the body; None: the query
    pool: str | None  #: credit pool, or None when the answer is free
    work: Callable[[Question], Response]
    #: Another path, which some of 6sense's own samples have; by switch.
    short_paths: tuple[str, ...] = ()


@dataclass(frozen=True)
class Question:
    """What was asked, by whom, of which operation."""

    world: World
    call: Call
    token: str
    operation: Operation
    inputs: dict[str, Any]  #: trimmed texts; lists and numbers where JSON has them

    @property
    def options(self) -> SixsenseOptions:
        """The switches, as they are now."""
        return self.world.sixsense.options

    def text(self, name: str) -> str:
        """An input; "" for none, and for what is no text."""
        value = self.inputs.get(name, "")
        return value if isinstance(value, str) else ""

    def entitlement(self, key: str, default: Any) -> Any:
        """What the token may, else the default."""
        return self.world.sixsense.entitlement(self.token, key, default)

    def may_spend(self, record: str) -> bool:
        """False when the answer has to be 402."""
        world, pool = self.world, self.operation.pool
        if pool is None:
            return True
        with world.lock:
            record = self._paid_as(record)
            now = world.clock.now()
            return world.sixsense.may_spend(self.token, pool, record, now)

    def charge(self, record: str) -> None:
        """Take what this record costs now."""
        world, pool = self.world, self.operation.pool
        if pool is None:
            return
        with world.lock:
            self.call.credits = world.sixsense.charge(
                self.token, pool, self._paid_as(record), world.clock.now()
            )

    def _paid_as(self, record: str) -> str:
        """A record is paid for once in its pool, or by switch once in each API."""
        each = self.options.credit_window_of == "api"
        return f"{self.operation.name} {record}" if each else record

    def note_no_match(self) -> None:
        """Count it for the state."""
        with self.world.lock:
            self.world.sixsense.no_match[self.operation.name] += 1

    def scores_are_on(self) -> bool:
        """Whether the token, and the settings, let scores be seen."""
        return bool(self.options.scores and self.entitlement("scores", True))

    def segments(self, domain: str) -> dict[str, list[Any]]:
        """The company's published segments, as far as they are switched on."""
        form = self.entitlement("segments", self.options.segments)
        return answers.segments(people.segments_for(domain), form)


def no_content() -> Response:
    """204: zero bytes and no Content-Type."""
    response = Response(status=204)
    del response.headers["Content-Type"]
    return response


def is_address(email: str) -> bool:
    """One @ with something on both sides."""
    name, at, domain = email.partition("@")
    return bool(name and at and domain) and "@" not in domain and " " not in email
