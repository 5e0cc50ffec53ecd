"""The doctor's checks of one source: what it lets us do, and what came from it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from app.cli.doctor_files import finding_of
from app.cli.live import against
from app.cli.sources import live_fields, what_to_do
from app.connectors.base import Connector, Examination, NotOffered
from app.domain import CrmField, Finding
from app.errors import (
    ConfigurationError,
    CredentialsRefused,
    RateLimited,
    RemoteError,
    RequestRefused,
)
from app.ledger import facts
from app.ledger.calls import calls_today
from app.mapping.model import MappingFile
from app.pipeline.diagnosis import Check, ago, ok, problem, span, untested, warning
from app.pipeline.parts import Parts, Source
from app.pipeline.reconcile import every, fields_of, wanted_of

#: Of our calls a day, from where on it gets close.
MUCH: Final = 0.8
#: A search that is late by so many of its intervals does not run any more.
LATE: Final = 3

#: Waits for leave to make one call, and counts it.
Turn = Callable[[], AbstractContextManager[None]]


@dataclass(frozen=True)
class Patient:
    """One source, as far as its settings let it be built."""

    name: str
    connector: Connector
    mappings: tuple[MappingFile, ...]
    turn: Turn


def check_calls(patient: Patient, folder: Path) -> Iterator[Check]:
    """What its system lets us do; a call or two for each check."""
    name = patient.name
    live: dict[tuple[str, str], dict[str, CrmField]] = {}
    for object_name in dict.fromkeys(one.object for one in patient.mappings):
        try:
            with patient.turn():
                live[name, object_name] = live_fields(patient.connector, object_name)
        except ConfigurationError as error:
            yield _not_described(patient, error)
        except RemoteError as error:
            yield _refused(patient, "fields", error)
    if not live:
        yield untested(f"{name} search", "its fields could not be read")
        return
    yield from _fields(patient, folder, live)
    yield _search(patient)
    for _, object_name in live:
        yield from _examined(patient, object_name)


def _not_described(patient: Patient, error: ConfigurationError) -> Check:
    """Signing in comes first, so this is about it as well."""
    fix = " ".join(map(str, error.problems))
    fix += _needs(error.__cause__, _permission(patient, "fields"))
    return problem(f"{patient.name} fields", str(error), fix)


def _fields(
    patient: Patient, folder: Path, live: Mapping[tuple[str, str], dict[str, CrmField]]
) -> Iterator[Check]:
    """The account's fields against those that the files write and read."""
    name = f"{patient.name} fields"
    own = {one.path.name for one in patient.mappings if one.path}
    found = [
        one
        for one in against(folder, patient.mappings, dict(live))
        if Path(one.file).name in own or _is_snapshot(one, patient)
    ]
    yield from (finding_of(name, one) for one in found)
    if not found:
        count = sum(map(len, live.values()))
        written = len({f for one in patient.mappings for f in one.fields})
        said = f"signed in; {count} fields, all {written} that are written among them"
        yield ok(name, said)


def _is_snapshot(finding: Finding, patient: Patient) -> bool:
    return finding.code in ("M308", "W230") and patient.name in finding.message


def _search(patient: Patient) -> Check:
    """The search for records that came without a webhook, from now on."""
    name = f"{patient.name} search"
    connector = patient.connector
    if not connector.is_searchable:
        return ok(name, "not offered: what web misses is not found by itself")
    wanted, fields = wanted_of(patient.mappings), fields_of(patient.mappings)
    try:
        with patient.turn():
            connector.changed_since(None, datetime.now(UTC), wanted, fields)
    except RemoteError as error:
        return _refused(patient, "search", error, _permission(patient, "changed_since"))
    return ok(name, "records that come without a webhook can be found")


def _examined(patient: Patient, object_name: str) -> Iterator[Check]:
    try:
        own = patient.connector.examine(object_name)
    except NotOffered:
        return
    for one in own:
        yield _examine(patient, one)


def _examine(patient: Patient, one: Examination) -> Check:
    name = f"{patient.name} {one.name}"
    try:
        with patient.turn():
            found = one.ask()
    except RemoteError as error:
        if one.is_needed:
            return _refused(patient, one.name, error, one.permission)
        return untested(name, str(error))
    if found.advice:
        return warning(name, found.said, found.advice)
    return ok(name, found.said)


def _refused(
    patient: Patient, what: str, error: RemoteError, permission: str = ""
) -> Check:
    name = f"{patient.name} {what}"
    fix = what_to_do(patient.connector, error)
    if isinstance(error, RateLimited):
        return untested(name, str(error), fix)
    return problem(name, str(error), fix + _needs(error, permission))


def _needs(error: BaseException | None, permission: str) -> str:
    """The permission, after an error that a missing one can be the cause of."""
    is_refused = isinstance(error, CredentialsRefused | RequestRefused)
    return f" Needed: {permission}." if is_refused and permission else ""


def _permission(patient: Patient, method: str) -> str:
    return patient.connector.permissions.get(method, "")


def check_ledger(parts: Parts, source: Source) -> Iterator[Check]:
    """What the ledger knows of a source; nobody is called."""
    connector, database = source.connector, parts.ledger.database
    calls = calls_today(database, source.name, connector.day_zone)
    yield _calls(f"{source.name} calls", calls, connector.quota)
    yield _last_search(parts, source)
    if not connector.sends_webhooks:
        yield ok(f"{source.name} webhooks", "off: its records are searched for")
        return
    last = facts.last_webhook(database, source.name)
    if last is None:
        said = "none came within KEEP_RUNS_DAYS"
        fix = f"leadbridge setup {source.name} says how; leadbridge send tries it."
        yield warning(f"{source.name} webhooks", said, fix)
    else:
        yield ok(f"{source.name} webhooks", f"the last {ago(last[0])}, {last[1]}")


def _calls(name: str, calls: int, quota: int | None) -> Check:
    said = f"{calls:,} of ours today" + ("" if quota is None else f", of {quota:,}")
    if quota is None or calls < MUCH * quota:
        return ok(name, said)
    fix = "Raise the setting QUOTA of this source, if its account has more."
    return (problem if calls >= quota else warning)(name, said, fix)


def _last_search(parts: Parts, source: Source) -> Check:
    name = f"{source.name} last search"
    wait = every(parts, source)
    if wait is None:
        return ok(name, "it is not searched")
    cursor = parts.ledger.cursors.of(source.name)
    if cursor is None:
        return warning(name, "never", "A worker searches: see workers and pauses.")
    age_s = (datetime.now(UTC) - cursor.at).total_seconds()
    said = f"all before {span(age_s)} ago is covered"
    late_s = LATE * wait.total_seconds() + parts.settings.reconcile_grace_s
    if age_s <= late_s:
        return ok(name, said)
    fix = f"It should be {span(wait.total_seconds())}: see workers and pauses."
    return warning(name, said, fix)
