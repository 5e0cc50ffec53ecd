"""What to set up in a source's system: from mapping files to what connectors ask.

What to paste where, and which fields are still to be made; no call is made here.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final

from app.connectors.base import Connector
from app.connectors.guide import Guide, Route, Section, Steps, Variables, Words
from app.domain import CrmField
from app.errors import RecordRefused
from app.mapping.model import MappingFile

#: Stands in addresses as long as nobody has said ours.
UNKNOWN_URL: Final = "https://<your Leadbridge>"
_EVENTS: Final = ("created", "updated")
#: Names nearer than this may be slips of the pen.
_NEAR: Final = 0.92
#: Where a name's words begin: sixsenseBuyingStage, sixsense_Stage.
_WORD: Final = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|\d+[a-z]*")


def routes_of(mappings: Sequence[MappingFile], base_url: str | None) -> list[Route]:
    """The routes of one source; `mappings` are all its files.

    A source of one file has its webhooks at the source's own address.
    """
    base = (base_url or UNKNOWN_URL).rstrip("/")
    return [
        _route(each, f"{base}/webhooks/{each.source}", is_one=len(mappings) == 1)
        for each in mappings
    ]


def _route(mapping: MappingFile, url: str, *, is_one: bool) -> Route:
    outcome, is_answered = mapping.outcome, mapping.reply.values_within is not None
    compared = [f for f in mapping.current_fields if f in mapping.compared_fields]
    written = [*mapping.fields, *_outcome_fields(mapping)]
    return Route(
        source=mapping.source,
        mapping=mapping.name,
        object=mapping.object,
        url=url if is_one else f"{url}/{mapping.name}",
        events=tuple(one for one in _EVENTS if mapping.wants(mapping.object, one)),
        reads=tuple(mapping.lead_places),
        compares=tuple(compared) if is_answered and mapping.reads_current else (),
        writes=tuple(dict.fromkeys(written)),
        result=outcome.result if outcome else None,
        is_answered=is_answered,
        campaign=outcome.request_campaign if outcome else None,
        fields=mapping.schema,
    )


def _outcome_fields(mapping: MappingFile) -> dict[str, str]:
    """The outcome's fields, and the type of each."""
    if mapping.outcome is None:
        return {}
    given = {mapping.outcome.result: "string", mapping.outcome.at: "datetime"}
    return {name: kind for name, kind in given.items() if name}


def guide_of(
    kind: type[Connector],
    routes: Sequence[Route],
    variables: Variables,
    base_url: str | None,
) -> Guide:
    """The connector's guide for these routes, and what is missing for it here.

    Raises NotOffered if the connector has none.
    """
    guide = kind.setup(routes, variables)
    source, of = routes[0].source, f" {routes[0].mapping}" if len(routes) > 1 else ""
    steps = (
        "`leadbridge check --settings` tells what the settings still lack.",
        f"`leadbridge send {source}{of} {kind.record_key}=...` shows a test event as "
        "the other side would send it, and with --go sends it: a real one.",
        "`leadbridge runs` tells what became of it.",
    )
    sections = (*guide.sections, Section("Try it", (Steps(steps),)))
    guide = replace(guide, sections=sections)
    if base_url:
        return guide
    said = (
        f"PUBLIC_URL is not set, so addresses below begin with {UNKNOWN_URL}. Set it "
        "to the address under which the other side reaches Leadbridge, such as "
        "https://leads.example.com, and run this again."
    )
    first = Section("Address", (Words(said),))
    return replace(guide, sections=(first, *guide.sections))


@dataclass(frozen=True, slots=True)
class Lacking:
    """One field that mapping files write and the account does not have."""

    field: CrmField
    #: The system's word for its type; empty where it cannot be made.
    type: str
    #: Why it cannot be made, or what to look at before.
    note: str
    #: The files that write it.
    mappings: tuple[str, ...]


def lacking(
    kind: type[Connector], mappings: Iterable[MappingFile], live: Collection[str]
) -> list[Lacking]:
    """The fields that these files write and that are not among `live`, in order.

    `mappings`: of one object, and loaded without its schema.
    """
    wanted: dict[str, CrmField] = {}
    writers: dict[str, list[str]] = {}
    notes: dict[str, str] = {}
    for mapping in mappings:
        for field in written_fields(mapping):
            before = wanted.setdefault(field.name, field)
            writers.setdefault(field.name, []).append(mapping.name)
            wanted[field.name] = _both(before, field)
            if before.type != field.type:
                notes[field.name] = f"as {before.type} or {field.type}: text takes both"
    return [
        _lacking(kind, field, live, notes.get(name, ""), writers[name])
        for name, field in wanted.items()
        if name not in live
    ]


def written_fields(mapping: MappingFile) -> list[CrmField]:
    """The written fields, then the outcome's, as they would have to be made."""
    found = {
        entry.field: CrmField(
            entry.field,
            entry.kind,
            label_of(entry.field),
            length=entry.shorten.limit
            if entry.shorten and entry.kind == "string"
            else None,
        )
        for entry in mapping.entries
    }
    for name, kind in _outcome_fields(mapping).items():
        found.setdefault(name, CrmField(name, kind, label_of(name)))
    return list(found.values())


def _both(one: CrmField, other: CrmField) -> CrmField:
    longest = max(one.length or 0, other.length or 0) or None
    kind = one.type if one.type == other.type else "string"
    return replace(one, type=kind, length=longest)


def _lacking(
    kind: type[Connector],
    field: CrmField,
    live: Collection[str],
    note: str,
    mappings: Sequence[str],
) -> Lacking:
    near = _nearest(field.name, live)
    if near is not None and near.casefold() == field.name.casefold():
        said = f"the account spells it {near}: change the mapping file"
        return Lacking(field, "", said, tuple(mappings))
    try:
        made = kind.type_of(field)
    except RecordRefused as error:
        return Lacking(field, "", str(error), tuple(mappings))
    notes = [note, f"there is {near}: no slip of the pen?" if near else ""]
    return Lacking(field, made, "; ".join(filter(None, notes)), tuple(mappings))


def _nearest(name: str, live: Collection[str]) -> str | None:
    """A field with nearly this name; fields for 6sense are all a little alike."""
    folded = {each.casefold(): each for each in live}
    found = difflib.get_close_matches(name.casefold(), folded, n=1, cutoff=_NEAR)
    return folded[found[0]] if found else None


def label_of(name: str) -> str:
    """`sixsenseBuyingStage` → `6sense Buying Stage`; for people, to be changed."""
    words = [word[:1].upper() + word[1:] for word in _WORD.findall(name)] or [name]
    return re.sub(r"^Six ?sense\b", "6sense", " ".join(words), flags=re.IGNORECASE)


def variables_of(prefix: str, environ: Mapping[str, str]) -> Variables:
    """What is set of a source, by keys without the prefix."""
    found = {
        name.removeprefix(prefix): value
        for name, value in environ.items()
        if name.startswith(prefix)
    }
    return Variables(prefix, found)
