"""Scripted faults: what is to go wrong, for which calls, how often.

A fault is one JSON object, checked by `read_faults`; docs/sandbox.md lists
the kinds. `FaultScript` keeps them in order and hands out those that fit a
call. Faults act after the system's own gate (token, rate, quota), so a call
that a real limit refuses uses none up.
"""

from __future__ import annotations

import itertools
import random
import threading
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from sandbox import options
from sandbox.journal import Call
from sandbox.options import RequestInvalid

SYSTEMS = ("sixsense", "marketo")

#: No fault holds a connection longer than this, in seconds.
LONGEST_HOLD_S = 600


def _status(value: object) -> str | None:
    good = isinstance(value, int) and not isinstance(value, bool)
    return None if good and 200 <= value <= 599 else "an HTTP status, 200 to 599"


def _body(value: object) -> str | None:
    return None if isinstance(value, str | dict | list) else "a text or JSON"


def _code(value: object) -> str | None:
    good = isinstance(value, str) and value.isdigit()
    return None if good else 'a code in quotes, such as "606"'


def _hold(value: object) -> str | None:
    good = options.seconds(value) is None and value <= LONGEST_HOLD_S
    return None if good else f"seconds above 0, up to {LONGEST_HOLD_S}"


@dataclass(frozen=True)
class Kind:
    """What a kind of fault needs and may have."""

    needs: Mapping[str, options.Check] = field(default_factory=dict)
    may: Mapping[str, options.Check] = field(default_factory=dict)
    systems: tuple[str, ...] = SYSTEMS


KINDS: dict[str, Kind] = {
    "status": Kind({"status": _status}, {"body": _body, "retry_after": options.count}),
    "code": Kind({"code": _code}, {"message": options.text}, ("marketo",)),
    "record": Kind(
        {"code": _code}, {"field": options.text, "message": options.text}, ("marketo",)
    ),
    "latency": Kind({"ms": options.delay_ms}),
    "hold": Kind(may={"hold_s": _hold}),
    "timeout_after_work": Kind(may={"hold_s": _hold}),
    "drop_connection": Kind(),
    "html": Kind(may={"status": _status}),
    "broken_json": Kind(),
    "expired_token": Kind(),
}

_WHERE: dict[str, options.Check] = {
    "operation": options.text,
    "path": options.text,
    "method": options.text,
}


def _email_or_id(value: object) -> str | None:
    good = isinstance(value, str | int) and not isinstance(value, bool) and value != ""
    return None if good else "an e-mail address or a record id"


def _percent(value: object) -> str | None:
    good = isinstance(value, int | float) and not isinstance(value, bool)
    return None if good and 0 < value <= 100 else "a number above 0, up to 100"


def _every(value: object) -> str | None:
    good = options.count(value) is None and value != 0
    return None if good else "a whole number above 0"


_MATCH: dict[str, options.Check] = {
    "email": _email_or_id,
    "id": _email_or_id,
    "percent": _percent,
    "seed": options.count,
    "every": _every,
}


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
            return (self.seen - self.after) % self.match["every"] == 0
        if "percent" in self.match:
            return self._random.random() * 100 < self.match["percent"]
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
        """The faults that hit this call, oldest first; each is used once."""
        return self._used(
            call, lambda fault: fault.kind != "record" and fault.use(call)
        )

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
        """Let every held call go on; the number of faults that held."""
        holding = [fault for fault in self.faults if not fault.released.is_set()]
        for fault in holding:
            fault.released.set()
        return len(holding)

    def _used(self, call: Call, hits: Callable[[Fault], bool]) -> list[Fault]:
        found = [fault for fault in self.faults if hits(fault)]
        call.faults.extend(fault.name for fault in found)
        return found


def read_faults(
    body: object, operations: Mapping[str, Iterable[str]]
) -> list[dict[str, Any]]:
    """Check a list of faults; the keyword arguments of `Fault`, in order.

    `operations` names the operations of each system.

    Raises:
        RequestInvalid: everything that is wrong, each with its place, such as
            "faults[0]: kind 'latencyy' is no kind of fault; did you mean ...".
    """
    if not isinstance(body, list) or not body:
        raise RequestInvalid("faults must be a list with at least one fault")
    problems: list[str] = []
    found = []
    for place, item in enumerate(body):
        reader = _Reader(f"faults[{place}]", operations)
        found.append(reader.read(item))
        problems.extend(reader.problems)
    if problems:
        raise RequestInvalid(*problems)
    return found


class _Reader:
    """Reads one fault and collects what is wrong with it."""

    def __init__(self, place: str, operations: Mapping[str, Iterable[str]]) -> None:
        self.place = place
        self.operations = operations
        self.problems: list[str] = []

    def read(self, item: object) -> dict[str, Any]:
        if not isinstance(item, dict):
            self._say("must be an object")
            return {}
        rest = dict(item)
        # As text, for anything may stand there.
        system, kind = str(rest.pop("system", "")), str(rest.pop("kind", ""))
        times = rest.pop("times", 1)
        parts = {
            "system": system,
            "kind": kind,
            "times": None if times == "forever" else times,
            "after": rest.pop("after", 0),
            "match": rest.pop("match", {}),
            "where": {key: rest.pop(key) for key in _WHERE if key in rest},
            "settings": rest,
        }
        self._check(parts)
        return parts

    def _check(self, parts: dict[str, Any]) -> None:
        system, kind = parts["system"], parts["kind"]
        if system not in SYSTEMS:
            self._say(f"system must be one of {', '.join(SYSTEMS)}, not {system!r}")
        if parts["times"] is not None and _every(parts["times"]):
            self._say('times must be a whole number above 0, or "forever"')
        if options.count(parts["after"]):
            self._say("after must be a whole number, 0 or more")
        self._keys(parts["where"], {}, _WHERE, "place")
        operation = parts["where"].get("operation")
        if operation and system in self.operations:
            known = list(self.operations[system])
            if operation not in known:
                self._say(options.unknown(operation, known, f"operation of {system}"))
        if isinstance(parts["match"], dict):
            self._keys(parts["match"], {}, _MATCH, "key of match")
        else:
            self._say("match must be an object")
        if kind not in KINDS:
            self._say(options.unknown(kind, KINDS, "kind of fault"))
            return
        if system in SYSTEMS and system not in KINDS[kind].systems:
            self._say(f"kind {kind!r} exists for {KINDS[kind].systems[0]} only")
        spec = KINDS[kind]
        self._keys(parts["settings"], spec.needs, spec.may, f"key of kind {kind!r}")

    def _keys(
        self,
        given: Mapping[str, Any],
        needs: Mapping[str, options.Check],
        may: Mapping[str, options.Check],
        what: str,
    ) -> None:
        checks = {**needs, **may}
        for name in needs:
            if name not in given:
                self._say(f"{name} is missing")
        for name, value in given.items():
            if name not in checks:
                self._say(options.unknown(name, checks, what))
            elif wrong := checks[name](value):
                self._say(f"{name} must be {wrong}, not {value!r}")

    def _say(self, problem: str) -> None:
        self.problems.append(f"{self.place}: {problem}")
