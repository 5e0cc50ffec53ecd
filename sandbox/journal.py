"""What was asked and answered: one Call each, and counts over all of them."""

from __future__ import annotations

import hashlib
from collections import Counter, deque
from dataclasses import dataclass, field
from typing import Any

#: How many calls `last` remembers, bodies included.
REMEMBERED = 500


@dataclass(slots=True)
class Call:
    """One request, from arrival to answer."""

    system: str  #: `sixsense` or `marketo`
    operation: str
    method: str
    path: str
    at: float  #: epoch seconds on the sandbox's clock
    token: str = ""  #: masked, or the token's configured name
    request: Any = None  #: decoded body or query, without secrets
    #: lower-case e-mails and record ids that the request is about
    subjects: frozenset[str] = frozenset()
    status: int = 0  #: HTTP status; 0 while in flight, or cut without an answer
    code: str = ""  #: Marketo's code in `errors[0]`
    faults: list[str] = field(default_factory=list)
    credits: int = 0
    number: int = 0

    def as_json(self) -> dict[str, Any]:
        """The call as `/_sandbox/state` shows it."""
        shown = {name: getattr(self, name) for name in self.__slots__}
        shown["subjects"] = sorted(self.subjects)
        return shown


def masked(token: str) -> str:
    """'…9f3a#1f2e3d4c': its last characters and a hash, so that tests can tell.

    Nothing of a token shorter than 12 characters but the hash.
    """
    tail = token[-4:] if len(token) >= 12 else ""
    return f"…{tail}#{hashlib.sha256(token.encode()).hexdigest()[:8]}"


class Journal:
    """The last calls and running counts. Callers hold the world's lock."""

    def __init__(self) -> None:
        self.last: deque[Call] = deque(maxlen=REMEMBERED)
        self.total = 0
        self.by_operation: Counter[tuple[str, str]] = Counter()
        self.by_token: Counter[tuple[str, str]] = Counter()
        self.by_status: Counter[tuple[str, str]] = Counter()
        self.by_code: Counter[tuple[str, str]] = Counter()
        #: answers given because of a real limit, never a scripted fault
        self.refused: Counter[tuple[str, str]] = Counter()

    def begin(self, call: Call) -> None:
        """Count and remember a call that has just arrived."""
        self.total += 1
        call.number = self.total
        self.last.append(call)
        self.by_operation[call.system, call.operation] += 1

    def name_token(self, call: Call, label: str) -> None:
        """Note whose call it is, once the gate knows; a masked token or a name."""
        call.token = label
        self.by_token[call.system, label] += 1

    def finish(self, call: Call, status: int, code: str = "") -> None:
        """Note how a call was answered; status 0 means it was cut."""
        call.status, call.code = status, code
        self.by_status[call.system, str(status)] += 1
        if code:
            self.by_code[call.system, code] += 1

    def of(self, system: str) -> dict[str, Any]:
        """Counts of one system, as JSON."""
        return {
            "calls": sum(self._part(self.by_operation, system).values()),
            "operations": self._part(self.by_operation, system),
            "tokens": self._part(self.by_token, system),
            "statuses": self._part(self.by_status, system),
            "codes": self._part(self.by_code, system),
            "refused": self._part(self.refused, system),
        }

    @staticmethod
    def _part(counter: Counter[tuple[str, str]], system: str) -> dict[str, int]:
        return {name: n for (owner, name), n in counter.items() if owner == system}
