"""The loop guard: events that are our own writes coming back.

An event is our echo only if every field that changed has what we last wrote there,
or if the vendor marks it as ours and it changed nothing that the mapping reads. All
else runs: an answer used again and `unchanged` end a loop without a credit.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from app.domain import LastValue, LeadEvent
from app.mapping.model import MappingFile
from app.pipeline.parts import Parts, Source


def without_echoes(
    parts: Parts,
    source: Source,
    wanted: Sequence[tuple[MappingFile, LeadEvent]],
) -> tuple[list[tuple[MappingFile, LeadEvent]], int]:
    """What is left of these, and how many were our own writes coming back.

    One query, and none for events that do not say what changed.
    """
    telling = [pair for pair in wanted if pair[1].is_ours or pair[1].changed]
    if not telling:
        return list(wanted), 0
    last = _last_written(parts, source, telling)
    left = [
        (mapping, event)
        for mapping, event in wanted
        if not is_echo(
            mapping,
            event,
            last.get((event.object.casefold(), event.record_id or ""), {}),
        )
    ]
    return left, len(wanted) - len(left)


def is_echo(
    mapping: MappingFile, event: LeadEvent, last: Mapping[str, LastValue]
) -> bool:
    """Whether this event is only our own write coming back."""
    changed = event.changed
    if not changed:
        return False
    if all(name in last and last[name].equals(new) for name, new in changed.items()):
        return True
    return event.is_ours and not (changed.keys() & mapping.lead_fields)


def _last_written(
    parts: Parts, source: Source, telling: Sequence[tuple[MappingFile, LeadEvent]]
) -> dict[tuple[str, str], Mapping[str, LastValue]]:
    """Our last values, by the object of the event and the record's id."""
    found: dict[tuple[str, str], Mapping[str, LastValue]] = {}
    for name in {event.object for _, event in telling}:
        ids = [e.record_id for _, e in telling if e.object == name and e.record_id]
        last = parts.ledger.written.last(source.name, name, list(dict.fromkeys(ids)))
        found |= {(name.casefold(), key): values for key, values in last.items()}
    return found
