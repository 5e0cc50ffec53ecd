"""The kinds of faults, and the reading of a script of them.

`KINDS` has the keys of each kind; docs/sandbox.md says what each does.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from sandbox import options
from sandbox.options import RequestInvalid

SYSTEMS = ("sixsense", "marketo", "hubspot")

#: No fault holds a connection longer than this, in seconds.
LONGEST_HOLD_S = 600


def _status(value: Any) -> str | None:
    good = isinstance(value, int) and not isinstance(value, bool)
    return None if good and 200 <= value <= 599 else "an HTTP status, 200 to 599"


def _body(value: Any) -> str | None:
    return None if isinstance(value, str | dict | list) else "a text or JSON"


def _code(value: Any) -> str | None:
    good = isinstance(value, str) and value.isdigit()
    return None if good else 'a code in quotes, such as "606"'


def _hold(value: Any) -> str | None:
    good = options.seconds(value) is None and value <= LONGEST_HOLD_S
    return None if good else f"seconds above 0, up to {LONGEST_HOLD_S}"


@dataclass(frozen=True)
class Kind:
    """What a kind of fault needs and may have."""

    needs: Mapping[str, options.Check] = field(default_factory=dict)
    may: Mapping[str, options.Check] = field(default_factory=dict)
    systems: tuple[str, ...] = SYSTEMS
    #: decides how the call ends, so no later fault is used up by it
    ends: bool = True


KINDS: dict[str, Kind] = {
    "status": Kind(
        {"status": _status},
        {
            "body": _body,
            "retry_after": options.count,
            "after_work": options.yes_or_no,
        },
    ),
    "code": Kind(
        {"code": _code},
        {"message": options.text, "after_work": options.yes_or_no},
        ("marketo",),
    ),
    "policy": Kind(
        {"policy": options.one_of("TEN_SECONDLY_ROLLING", "SECONDLY", "DAILY")},
        {"after_work": options.yes_or_no},
        ("hubspot",),
    ),
    "record": Kind(
        {"code": _code}, {"field": options.text, "message": options.text}, ("marketo",)
    ),
    "latency": Kind({"ms": options.delay_ms}, ends=False),
    "hold": Kind(may={"hold_s": _hold}, ends=False),
    "timeout_after_work": Kind(may={"hold_s": _hold}),
    "drop_connection": Kind(),
    "html": Kind(may={"status": _status, "after_work": options.yes_or_no}),
    "broken_json": Kind(ends=False),
    "expired_token": Kind(),
}

_WHERE: dict[str, options.Check] = {
    "operation": options.text,
    "path": options.text,
    "method": options.text,
}


def _email_or_id(value: Any) -> str | None:
    good = isinstance(value, str | int) and not isinstance(value, bool) and value != ""
    return None if good else "an e-mail address or a record id"


def _percent(value: Any) -> str | None:
    good = isinstance(value, int | float) and not isinstance(value, bool)
    return None if good and 0 < value <= 100 else "a number above 0, up to 100"


def _every(value: Any) -> str | None:
    good = options.count(value) is None and value != 0
    return None if good else "a whole number above 0"


_MATCH: dict[str, options.Check] = {
    "email": _email_or_id,
    "id": _email_or_id,
    "percent": _percent,
    "seed": options.count,
    "every": _every,
}


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
