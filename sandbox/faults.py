"""Scripted faults: what is to go wrong, for which calls, how often.

A fault comes from one JSON object (`fault_kinds`). `FaultScript` keeps them in
order and hands out those that fit a call. Faults act after the system's own
gate (token, rate, quota), so a call that a real limit refuses uses none up.
"""

from __future__ import annotations

import itertools
import random
import threading
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from sandbox.fault_kinds import KINDS
from sandbox.journal import Call


@dataclass
class Fault:
    """One scripted fault and what is left of it."""

    name: str  #: `fault-1` ..., shown in the journal of calls it touched
    system: str
    kind: str
    settings: dict[str, Any]
    where: dict[str, str] = field(default_factory=dict)
    match: dict[str, Any] = field(default_factory=dict)
    times: int | None = 1  #: how many more uses; None is for ever
    after: int = 0  #: this many fitting calls pass untouched first
    used: int = 0
    seen: int = 0
    holding: int = 0  #: calls held at this moment

    def __post_init__(self) -> None:
        self._random = random.Random(self.match.get("seed", 1))  # noqa: S311  repeatable
        self.released = threading.Event()

    def use(self, call: Call, subjects: Iterable[str] | None = None) -> bool:
        """Whether the fault strikes; counts the use. Caller holds the lock.

        `subjects` narrows a call to one record of it.
        """
        if self.times == 0 or not self._fits(call, subjects):
            return False
        self.seen += 1
        if self.seen <= self.after or not self._drawn():
            return False
        self.used += 1
        if self.times is not None:
            self.times -= 1
        return True

    def _fits(self, call: Call, subjects: Iterable[str] | None) -> bool:
        if call.system != self.system:
            return False
        facts = {
            "operation": call.operation,
            "path": call.path,
            "method": call.method,
        }
        if any(facts[name] != wanted for name, wanted in self.where.items()):
            return False
        if call.operation == "token" and not self.where.keys() & {"operation", "path"}:
            # "The next call" means one that does something.
            return False
        about = call.subjects if subjects is None else set(subjects)
        wanted = [self.match[key] for key in ("email", "id") if key in self.match]
        return all(str(value).lower() in about for value in wanted)

    def _drawn(self) -> bool:
        if "every" in self.match:
            return bool((self.seen - self.after) % self.match["every"] == 0)
        if "percent" in self.match:
            return bool(self._random.random() * 100 < self.match["percent"])
        return True

    def as_json(self) -> dict[str, Any]:
        """The fault as `/_sandbox/faults` lists it."""
        return {
            "name": self.name,
            "system": self.system,
            "kind": self.kind,
            **self.settings,
            **self.where,
            "match": self.match,
            "left": "forever" if self.times is None else self.times,
            "used": self.used,
            "holding": self.holding,
        }


class FaultScript:
    """All faults, oldest first. Callers hold the world's lock."""

    def __init__(self) -> None:
        self.faults: list[Fault] = []
        self._names = itertools.count(1)

    def add(self, found: list[dict[str, Any]]) -> list[Fault]:
        """Take over what `read_faults` returned."""
        new = [Fault(name=f"fault-{next(self._names)}", **parts) for parts in found]
        self.faults.extend(new)
        return new

    def strike(self, call: Call) -> list[Fault]:
        """The faults that hit this call, oldest first; each is used once.

        The first that decides how the call ends is the last.
        """
        found: list[Fault] = []
        for fault in self.faults:
            if fault.kind == "record" or not fault.use(call):
                continue
            found.append(fault)
            if KINDS[fault.kind].ends:
                break
        call.faults.extend(fault.name for fault in found)
        return found

    def strike_record(self, call: Call, subjects: Iterable[str]) -> Fault | None:
        """The record-level fault that hits one record of a call, or None."""
        about = list(subjects)
        for fault in self.faults:
            if fault.kind == "record" and fault.use(call, about):
                if fault.name not in call.faults:
                    call.faults.append(fault.name)
                return fault
        return None

    def clear(self) -> None:
        """Forget all faults and let every held call go."""
        self.release()
        self.faults.clear()

    def release(self) -> int:
        """Let every held call go on; the number of calls that were held.

        Later calls are held again, as long as the fault lasts.
        """
        for fault in self.faults:
            fault.released.set()
            fault.released = threading.Event()
        return sum(fault.holding for fault in self.faults)
