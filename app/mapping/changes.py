"""What changed between two states of a CRM's schema, and whom it touches."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from app.domain import CrmField, Finding
from app.mapping.findings import shorten
from app.mapping.model import MappingFile
from app.mapping.snapshots import Schema, Snapshot

#: Findings that a field is not there, or cannot be written: drift says it better.
_SAME_COMPLAINT = ("M301", "M302")


@dataclass(frozen=True, slots=True)
class Change:
    """One field that is not as it was; `was` or `now` None: new, or gone."""

    field: str
    was: CrmField | None
    now: CrmField | None

    @property
    def sign(self) -> str:
        """`+`, `-` or `~`, as the command prints it."""
        return "+" if self.was is None else "-" if self.now is None else "~"

    @property
    def words(self) -> str:
        """What changed, in words; of a new or gone field what it is, or was."""
        if self.was is None or self.now is None:
            known = self.now or self.was
            return about(known) if known else ""
        told = [*_narrower(self.was, self.now), *_other(self.was, self.now)]
        return "; ".join(told) or "has its list in another order now"

    @property
    def harm(self) -> str:
        """The part of it by which fewer values fit, in words; may be empty."""
        if self.was is None:
            return ""
        if self.now is None:
            return "is gone"
        return "; ".join(_narrower(self.was, self.now))


def changes(was: Schema, now: Schema) -> list[Change]:
    """Every field that is not as it was, by name."""
    names = sorted({*was, *now}, key=lambda name: (name.casefold(), name))
    return [
        Change(name, was.get(name), now.get(name))
        for name in names
        if was.get(name) != now.get(name)
    ]


def about(field: CrmField) -> str:
    """`string, 255 characters, read-only`."""
    parts = [field.type]
    if field.length is not None:
        parts.append(_size(field))
    if field.values is not None:
        parts.append(f"a list of {len(field.values)}")
    if field.read_only:
        parts.append("read-only")
    return ", ".join(parts)


def drift(
    snapshot: Snapshot,
    live: Schema,
    mappings: Iterable[MappingFile],
    errors: Sequence[Finding],
    folder: str,
) -> list[Finding]:
    """Where the CRM has left the snapshot, as far as these mappings are touched.

    `errors` are those of the same mappings checked against `live`: a change that
    makes one is an error itself. Each comes back, but for those that say the same.
    """
    users = list(mappings)
    found: list[Finding] = []
    left = list(errors)
    for change in changes(snapshot.fields, live):
        written = [m for m in users if change.field in _written(m)]
        reading = [m for m in users if change.field in m.current_fields]
        harm = change.harm
        if not harm or not (written or reading):
            continue
        own = [one for one in errors if one.at[:2] == ("fields", change.field)]
        left = [one for one in left if one not in own or _says_more(one)]
        is_fatal = change.now is None or (bool(written) and change.now.read_only)
        found.append(
            Finding(
                "M308" if is_fatal or own else "W230",
                f"{snapshot.source}: {change.field} of {snapshot.object} {harm}; "
                + _touched(written, reading),
                f"{folder}/{snapshot.file}",
                fix=f"Mend the mapping, then `leadbridge schema pull "
                f"{snapshot.source}`.",
            )
        )
    return [*left, *found]


def _says_more(finding: Finding) -> bool:
    return finding.code not in _SAME_COMPLAINT


def _written(mapping: MappingFile) -> set[str]:
    outcome = mapping.outcome
    more = {outcome.result, outcome.at} - {None} if outcome is not None else set()
    return {*mapping.fields, *(name for name in more if name)}


def _touched(written: Sequence[MappingFile], reading: Sequence[MappingFile]) -> str:
    users, verb = (written, "writes") if written else (reading, "reads")
    names = [one.path.name if one.path else one.name for one in users]
    return f"{' and '.join(names)} {verb if len(names) == 1 else verb[:-1]} it"


def _narrower(was: CrmField, now: CrmField) -> Iterator[str]:
    """Changes by which a value that fitted may not fit any more."""
    if now.read_only and not was.read_only:
        yield "is read-only now"
    if now.type != was.type:
        yield f"was {was.type} and is {now.type} now"
    longest = float("inf")
    if (now.length or longest) < (was.length or longest) or (
        now.length is not None and now.length_in_bytes > was.length_in_bytes
    ):
        yield f"takes {_size(now)} now, not {_before(was, now)}"
    if now.values is not None and was.values is None:
        yield f"takes only the {len(now.values)} values of its list now"
    lost = [one for one in was.values or () if one not in (now.values or (one,))]
    if lost:
        yield f"lost {_listed(lost)} from its list"


def _other(was: CrmField, now: CrmField) -> Iterator[str]:
    """Changes that only let more in, or change nothing."""
    if was.read_only and not now.read_only:
        yield "can be written now"
    longest = float("inf")
    if (now.length or longest) > (was.length or longest):
        size = _size(now) if now.length is not None else "any length"
        yield f"takes {size} now, not {_before(was, now)}"
    if was.values is not None and now.values is None:
        yield "takes any value now"
    new = [one for one in now.values or () if one not in (was.values or (one,))]
    if new:
        yield f"has {_listed(new)} in its list now"
    if was.label != now.label:
        yield f"is called '{shorten(now.label)}' now"
    if was.soap_name != now.soap_name:
        yield f"has the SOAP name {now.soap_name or 'no more'}"


def _size(field: CrmField) -> str:
    unit = "byte" if field.length_in_bytes else "character"
    return f"{field.length} {unit}{'s' * (field.length != 1)}"


def _before(was: CrmField, now: CrmField) -> str:
    """The size it had; its unit only where that is another one now."""
    if was.length is None:
        return "any length"
    is_same = now.length is not None and was.length_in_bytes == now.length_in_bytes
    return str(was.length) if is_same else _size(was)


def _listed(values: Sequence[str]) -> str:
    shown = ", ".join(f"'{shorten(one)}'" for one in values[:3])
    return f"{shown} and {len(values) - 3} more" if len(values) > 3 else shown
