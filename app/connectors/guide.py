"""Set-up of a system as a person reads it: what to click, paste and grant.

Plain data in both directions: a connector is told what its mapping files want, and
answers with texts, tables and blocks to copy. A command prints them.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from app.domain import CrmField


@dataclass(frozen=True, slots=True)
class Variables:
    """A source's variables in the environment, as far as they are set."""

    #: How their names begin: `CRM_EU_`.
    prefix: str
    #: By key, without the prefix; secrets among them, so not in repr().
    values: Mapping[str, str] = field(default_factory=dict, repr=False)

    def name(self, key: str) -> str:
        """The variable of a setting, as people write it."""
        return self.prefix + key

    def get(self, key: str) -> str:
        """The value as it stands, or nothing."""
        return self.values.get(key, "").strip()


@dataclass(frozen=True, slots=True)
class Route:
    """What set-up has to know of one mapping file."""

    source: str
    mapping: str
    object: str
    #: Where its webhooks go.
    url: str
    #: `created`, `updated`, or both, in that order.
    events: tuple[str, ...]
    #: What it reads under `lead.`, in the file's order.
    reads: tuple[str, ...]
    #: Fields whose current values the event has to bring as well.
    compares: tuple[str, ...] = ()
    #: The fields that are written, in the file's order; the outcome's are last.
    writes: tuple[str, ...] = ()
    #: The field with the word for how it went.
    result: str | None = None
    #: The sender of a webhook reads the values from its answer.
    is_answered: bool = False
    #: A campaign to go on with after the write.
    campaign: str | None = None
    #: The object's fields as they were pulled; empty: they never were.
    fields: Mapping[str, CrmField] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Words:
    """A paragraph."""

    text: str
    kind: Literal["words"] = "words"


@dataclass(frozen=True, slots=True)
class Steps:
    """Things to do, one after the other."""

    items: tuple[str, ...]
    kind: Literal["steps"] = "steps"


@dataclass(frozen=True, slots=True)
class Table:
    """Rows of as many cells as there are headings; what is set, and to what."""

    title: str
    headings: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    kind: Literal["table"] = "table"


@dataclass(frozen=True, slots=True)
class Block:
    """A text to copy as it stands: never wrapped, never indented."""

    title: str
    text: str
    kind: Literal["block"] = "block"


@dataclass(frozen=True, slots=True)
class Section:
    """One thing to set up."""

    title: str
    parts: tuple[Words | Steps | Table | Block, ...]


@dataclass(frozen=True, slots=True)
class Guide:
    """The whole set-up of one source."""

    title: str
    sections: tuple[Section, ...]


@dataclass(frozen=True, slots=True)
class Rehearsal:
    """One webhook as the system would send it, to be sent by us."""

    #: The system's word for the way it is written: an encoding, a format.
    way: str
    headers: Mapping[str, str] = field(repr=False)
    #: Names of headers whose values are nobody's to see, with where they come from.
    private: Mapping[str, str]
    body: bytes = field(repr=False)
