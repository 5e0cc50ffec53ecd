"""The nouns that more than one part of the service speaks of.

Frozen dataclasses and enums, no behaviour beyond reading themselves. A vendor's
field keeps the vendor's spelling, as a string. `*_at` is an aware UTC datetime.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any, Protocol

from app.errors import RecordError


class RunState(StrEnum):
    """received → ready → enriched → sending → one of the five last."""

    #: Accepted; its inputs still have to be fetched.
    RECEIVED = "received"
    #: All inputs are here.
    READY = "ready"
    #: 6sense has said all it will say.
    ENRICHED = "enriched"
    #: A member of a batch whose outcome is not known yet.
    SENDING = "sending"
    WRITTEN = "written"
    #: Answered inside the webhook's own reply.
    REPLIED = "replied"
    #: Nothing had to change.
    KEPT = "kept"
    #: The mapping says not to.
    SKIPPED = "skipped"
    #: Waits for a person.
    FAILED = "failed"


#: A run in one of these is done; no pump touches it again.
FINAL_STATES = frozenset(
    {
        RunState.WRITTEN,
        RunState.REPLIED,
        RunState.KEPT,
        RunState.SKIPPED,
        RunState.FAILED,
    }
)


class LookupResult(StrEnum):
    """How one question to 6sense ended (mapping.md 3)."""

    MATCHED = "matched"
    NO_MATCH = "no-match"
    NOT_ASKED = "not-asked"
    #: The budget or the credits are used up.
    SPENT = "spent"
    #: Refused for good.
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class WebhookRequest:
    """One webhook as it came in: headers and raw bytes, untouched.

    Header names are lower-case; `path` and `query` are as sent, undecoded.
    """

    method: str
    path: str
    query: str
    headers: Mapping[str, str]
    body: bytes
    #: Scheme, host and path the sender called, from PUBLIC_URL when set.
    url: str = ""


@dataclass(frozen=True, slots=True)
class LeadEvent:
    """One thing that happened to one person's record."""

    #: The object and id of the record the event is about, in the CRM's words.
    object: str
    record_id: str | None
    #: `created` or `updated`.
    event: str
    #: The record's fields as they came, in the CRM's spelling.
    lead: Mapping[str, Any]
    #: The vendor's own id of this event, if it has one.
    event_id: str | None = None
    at: datetime | None = None
    changed_by: str | None = None
    #: True if the body can carry ids only, whatever the mapping reads.
    is_thin: bool = False
    #: What changed, field → new value; None: the event does not say.
    changed: Mapping[str, Any] | None = None
    #: The vendor marks the change as made by us.
    is_ours: bool = False


@dataclass(frozen=True, slots=True)
class Record:
    """One record as the CRM has it now; `values` None: there is no such record."""

    record_id: str
    values: Mapping[str, Any] | None


@dataclass(frozen=True, slots=True)
class Update:
    """What is sent for one record: absolute values, so that twice is harmless."""

    object: str
    #: The key field and its value: `id` and `318581`.
    by: str
    record_id: str
    values: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class RecordResult:
    """The CRM's answer for one update; `error` None: it was taken."""

    record_id: str
    error: RecordError | None = None


@dataclass(frozen=True, slots=True)
class CrmField:
    """One field of the CRM's object, as its schema call tells it."""

    name: str
    #: string text integer number currency float boolean date datetime picklist
    #: multipicklist email url phone reference
    type: str
    label: str = ""
    length: int | None = None
    #: Length counts bytes, not characters.
    length_in_bytes: bool = False
    read_only: bool = False
    values: tuple[str, ...] | None = None
    #: Beside each of `values` the word that people see, where there is another.
    labels: tuple[str, ...] | None = None
    #: The name that Marketo's response mappings use.
    soap_name: str | None = None


@dataclass(frozen=True, slots=True)
class AnswerField:
    """One field of a 6sense answer, by its canonical name.

    kind: text int flag enum list object object_list. `scale` is the documented
    order of an enum, lowest first, where there is one.
    """

    name: str
    kind: str
    aliases: tuple[str, ...] = ()
    members: tuple[AnswerField, ...] = ()
    scale: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class ProductInfo:
    """One 6sense product as mapping files name it."""

    name: str
    #: The URL path without its version: `people/full`.
    path_alias: str
    #: Input names, as 6sense spells them.
    inputs: tuple[str, ...]
    #: At least one input of each group is required: (("email",),).
    required: tuple[tuple[str, ...], ...]
    #: `enrichment`, `company-identification`, or None where no credit is taken.
    pool: str | None
    fields: tuple[AnswerField, ...]
    #: 6sense's version of it; its paths count otherwise.
    version: str = ""
    #: False: it lists an account's people, so no mapping file asks it about a lead.
    is_lookup: bool = True
    #: The product that 6sense has put in its place.
    successor: str | None = None


@dataclass(frozen=True, slots=True)
class Unreadable:
    """Stands in a canonical answer for a number or flag that could not be read."""

    raw: str


@dataclass(frozen=True, slots=True)
class LookupAnswer:
    """What one lookup of a run came to, as the mapping sees it.

    `data` is the canonical answer: nested dicts and lists under canonical names,
    numbers and flags as such, blanks as None or []. None unless 6sense answered.
    """

    result: LookupResult
    api: str
    at: datetime | None = None
    is_reused: bool = False
    data: Mapping[str, Any] | None = None


class LastValue(Protocol):
    """What we last wrote to one field of one record."""

    @property
    def at(self) -> datetime: ...

    def equals(self, value: Any) -> bool:
        """Whether `value`, as the CRM has it now, is still that value."""


@dataclass(frozen=True, slots=True)
class Decision:
    """One field of one run: a value to send, or the reason it is kept."""

    field: str
    is_write: bool
    #: The value to send; for a kept field what would have been sent, if known.
    value: Any = None
    current: Any = None
    #: A code of mapping.md 8 for a kept field, else None.
    reason: str | None = None
    #: That reason as a sentence, for people.
    sentence: str = ""
    #: Where the value came from: the path as the mapping has it.
    origin: str = ""


@dataclass(frozen=True, slots=True)
class Decisions:
    """All decisions of one run; `skipped` or `failed` say why there are none."""

    fields: tuple[Decision, ...] = ()
    skipped: str | None = None
    failed: str | None = None
    #: The word for `outcome`: matched, no-match, spent, failed, not-asked, skipped.
    result: str = ""

    @property
    def writes(self) -> dict[str, Any]:
        """The values to send, by field, in the mapping's order."""
        return {d.field: d.value for d in self.fields if d.is_write}


@dataclass(frozen=True, slots=True)
class Finding:
    """One complaint about a configuration file, with its place and its fix."""

    #: M101 and so on; W2.. are warnings.
    code: str
    message: str
    file: str = ""
    #: One-based; None where a finding is about the whole file.
    line: int | None = None
    column: int | None = None
    #: How many characters the caret underlines, and the line it stands under.
    width: int = 1
    source_line: str | None = None
    #: The entry's own keys: ("fields", "sixsenseIndustry", "from").
    at: tuple[str, ...] = field(default=())
    fix: str = ""

    @property
    def is_warning(self) -> bool:
        """Warnings are told, but stop nothing."""
        return self.code.startswith("W")

    def __str__(self) -> str:
        """The form of style.md 9: place, message, line, caret, path, fix."""
        place = ":".join(
            str(part) for part in (self.file, self.line, self.column) if part
        )
        kind = "warning" if self.is_warning else "error"
        head = f"{kind} {self.code}: {self.message}"
        lines = [f"{place}: {head}" if place else head]
        if self.source_line is not None and self.line and self.column:
            number = f"{self.line:>5}"
            lines.append(f"{number} | {self.source_line}")
            caret = " " * (self.column - 1) + "^" * max(1, self.width)
            lines.append(f"{'':>5} | {caret}")
        path = f"at {' → '.join(self.at)}. " if self.at else ""
        if path or self.fix:
            lines.append(f"  {path}{self.fix}".rstrip())
        return "\n".join(lines)


def system_of(source: str, known: Collection[str]) -> str | None:
    """`crm-eu` → crm: the longest of the known names that the source begins with."""
    parts = source.split("-")
    names = ("-".join(parts[:length]) for length in range(len(parts), 0, -1))
    return next((name for name in names if name in known), None)
