"""The world: one lock, one clock, and what each system remembers."""

from __future__ import annotations

import random
import threading
import time
from collections.abc import Mapping
from typing import Any

from sandbox.clock import Clock
from sandbox.faults import Fault, FaultScript
from sandbox.hubspot.state import HubSpotState
from sandbox.hubspot.webhooks import Webhooks
from sandbox.journal import Journal
from sandbox.marketo.state import MarketoState
from sandbox.options import RequestInvalid, changed, unknown
from sandbox.sixsense.state import SixsenseState


class World:
    """Everything the sandbox knows; `reset` starts it afresh.

    Hold `lock` for every read or change of state, never while waiting.
    """

    def __init__(self) -> None:
        self.lock = threading.RLock()
        self.clock = Clock()
        self.faults = FaultScript()
        self.reset({})

    def reset(self, config: object) -> None:
        """Forget everything, then apply `config` (see `configure`) and the seeds.

        Options not named go back to their defaults. Extra keys: `leads`, a
        list of Marketo leads to create; `contacts`, of HubSpot contacts;
        `seed_demo`, false to leave out the demo records.

        Raises:
            RequestInvalid: and then nothing was changed.
        """
        if not isinstance(config, Mapping):
            raise RequestInvalid("the configuration must be an object")
        rest = dict(config)
        leads, contacts = rest.pop("leads", []), rest.pop("contacts", [])
        demo = rest.pop("seed_demo", True)
        if not isinstance(demo, bool):
            raise RequestInvalid("seed_demo must be true or false")
        former: MarketoState | None = getattr(self, "marketo", None)
        with self.lock:
            clock = Clock()
            fresh = SixsenseState(), MarketoState(clock, self.lock)
            hubspot = HubSpotState(clock)
            self._configure(rest, clock, *fresh, hubspot)
            if demo:
                fresh[1].seed_demo()
                hubspot.seed_demo()
            fresh[1].seed(leads)
            hubspot.seed("contact", contacts)
            self.faults.clear()
            self.faults = FaultScript()
            former_hooks: Webhooks | None = getattr(self, "hubspot_hooks", None)
            if former is not None and former_hooks is not None:
                former.campaigns.end()
                former_hooks.end()
            self.random = random.Random(6)  # noqa: S311  repeatable, not secret
            self.hubspot = hubspot
            self.hubspot_hooks = Webhooks(hubspot, self.lock, self.random)
            self.clock, (self.sixsense, self.marketo) = clock, fresh
            self.journal = Journal()
        if former is not None and former_hooks is not None:
            former.campaigns.await_end()
            former_hooks.deliveries.await_end()

    def configure(self, config: object) -> None:
        """Change options of the running world: a system's, or `clock`.

        Raises:
            RequestInvalid: and then nothing was changed.
        """
        if not isinstance(config, Mapping):
            raise RequestInvalid("the configuration must be an object")
        with self.lock:
            self._configure(
                config, self.clock, self.sixsense, self.marketo, self.hubspot
            )

    def _configure(
        self,
        config: Mapping[str, Any],
        clock: Clock,
        sixsense: SixsenseState,
        marketo: MarketoState,
        hubspot: HubSpotState,
    ) -> None:
        problems: list[str] = []
        new: dict[str, Any] = {}
        parts: dict[str, Any] = {
            "sixsense": sixsense,
            "marketo": marketo,
            "hubspot": hubspot,
        }
        for name, changes in config.items():
            try:
                if name == "clock":
                    new[name] = _offset(changes, clock.offset_s)
                elif name in parts:
                    new[name] = changed(parts[name].options, changes, name)
                else:
                    problems.append(unknown(name, [*parts, "clock"], "part"))
            except RequestInvalid as invalid:
                problems.extend(invalid.problems)
        if problems:
            raise RequestInvalid(*problems)
        clock.offset_s = new.pop("clock", clock.offset_s)
        for name, options in new.items():
            parts[name].options = options

    def wait(self, delay: Any) -> None:
        """Sleep for `delay`: milliseconds or [low, high]; not under the lock."""
        if isinstance(delay, list):
            with self.lock:
                delay = self.random.uniform(*delay)
        if delay:
            time.sleep(delay / 1000)

    def hold(self, fault: Fault, seconds: float) -> None:
        """Wait until the fault is released, at most `seconds`; not under the lock."""
        with self.lock:
            fault.holding += 1
            released = fault.released
        released.wait(seconds)
        with self.lock:
            fault.holding -= 1


def _offset(changes: object, present: float) -> float:
    if not isinstance(changes, Mapping) or len(changes) != 1:
        raise RequestInvalid("clock must be {offset_s: n} or {advance_s: n}")
    (name, value), *_ = changes.items()
    if name not in ("offset_s", "advance_s"):
        raise RequestInvalid(unknown(name, ["offset_s", "advance_s"], "clock key"))
    if not isinstance(value, int | float) or isinstance(value, bool):
        raise RequestInvalid(f"clock.{name} must be a number of seconds")
    return float(value) + (present if name == "advance_s" else 0.0)
