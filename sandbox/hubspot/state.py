"""The records of the HubSpot stand-in, and the events they make."""

from __future__ import annotations

import itertools
import re
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from sandbox.clock import Clock
from sandbox.hubspot.events import TYPE_IDS, Event, told
from sandbox.hubspot.merges import additional_emails
from sandbox.hubspot.options import HubSpotOptions
from sandbox.hubspot.properties import (
    Property,
    company_properties,
    contact_properties,
    stamp,
)
from sandbox.hubspot.schema import TIME_ZONE
from sandbox.limits import SlidingWindow
from sandbox.options import RequestInvalid

__all__ = ["KINDS", "TYPE_IDS", "HubSpotState", "Record"]

KINDS = {"contacts": "contact", "companies": "company"}
_MODIFIED = {"contact": "lastmodifieddate", "company": "hs_lastmodifieddate"}
_ID = re.compile(r"[0-9]{1,18}")
_ZONE = ZoneInfo(TIME_ZONE)


@dataclass
class Record:
    """One contact or company."""

    id: str
    kind: str
    properties: dict[str, str | None]
    created: datetime
    updated: datetime
    is_archived: bool = False
    #: Every value that a property has had, the newest first.
    history: dict[str, list[dict[str, Any]]] = field(default_factory=dict)

    def note(self, name: str, source_type: str, source_id: str) -> None:
        """Remember the present value of a property, and whose it is."""
        version = {
            "value": self.properties.get(name) or "",
            "timestamp": stamp(self.updated),
            "sourceType": source_type,
            "sourceId": source_id,
        }
        self.history.setdefault(name, []).insert(0, version)

    def as_json(
        self, names: list[str], with_history: list[str] | None = None
    ) -> dict[str, Any]:
        """As reads show it: what was asked for, and three that always come."""
        own = {
            "createdate": stamp(self.created),
            "hs_object_id": self.id,
            _MODIFIED[self.kind]: stamp(self.updated),
        }
        asked = {name: self.properties.get(name) for name in names}
        past = {n: self.history[n] for n in with_history or () if n in self.history}
        return {
            "id": self.id,
            **({"propertiesWithHistory": past} if with_history else {}),
            "properties": {**asked, **own},
            "createdAt": stamp(self.created),
            "updatedAt": stamp(self.updated),
            "archived": self.is_archived,
        }


class HubSpotState:
    """Options, records and limits. Callers hold the world's lock."""

    def __init__(self, clock: Clock) -> None:
        self.clock = clock
        self.options = HubSpotOptions()
        self.properties: dict[str, dict[str, Property]] = {
            "contact": contact_properties(),
            "company": company_properties(),
        }
        self.records: dict[str, Record] = {}
        #: Merged away → the record that stayed.
        self.merged: dict[str, str] = {}
        self.window = SlidingWindow()
        self.search_window = SlidingWindow()
        self.calls_by_day: Counter[date] = Counter()
        #: Told of every change, as webhooks need it.
        self.on_event: Callable[[Event], None] = lambda event: None
        #: OAuth access token → when it ends; codes that were used.
        self.tokens: dict[str, float] = {}
        self.used_codes: set[str] = set()
        self._ids = itertools.count(218_840_001_001)

    def create(
        self, kind: str, values: Mapping[str, Any], *, by_app: bool = False
    ) -> Record:
        """A new record; `id` among the values makes it the record's own."""
        given = {name: None if v is None else str(v) for name, v in values.items()}
        own = given.pop("id", None) or self.new_id()
        now = self.clock.today()
        record = Record(own, kind, given, now, now)
        self.records[own] = record
        for name, value in given.items():
            record.note(name, *self._source(by_app=by_app))
            if self.options.creation_changes and value:
                self._tell_change(record, name, by_app=by_app)
        flag = self.options.creation_flag
        self.tell(record, "creation", {"changeFlag": flag}, by_app=by_app)
        return record

    def new_id(self) -> str:
        """An id that no record has had."""
        return str(next(self._ids))

    def change(
        self, record: Record, values: Mapping[str, str], *, by_app: bool
    ) -> None:
        """Lay values over a record; each that changes is an event."""
        record.updated = self.clock.today()
        for name, value in values.items():
            if (record.properties.get(name) or "") == value:
                continue
            record.properties[name] = value
            record.note(name, *self._source(by_app=by_app))
            self._tell_change(record, name, by_app=by_app)

    def seed_demo(self) -> None:
        """Contacts to look at: one that 6sense knows, one that a person edited."""
        self.create(
            "contact",
            {
                "id": "218840000101",
                "email": "jane.doe@acme.example",
                "firstname": "Jane",
                "lastname": "Doe",
                "company": "Acme",
                "jobtitle": "VP Marketing",
                "country": "United States",
                "sixsense_employees": "40",
            },
        )
        self.create(
            "contact",
            {"id": "218840000102", "email": "li@nomatch.example", "firstname": "Li"},
        )

    def find(self, kind: str, by: str, key: str) -> Record | None:
        """A record by its id, or by a property; capitals apart.

        A record that is not visible yet is none. A merged id is another record's
        if the options say so.
        """
        if by in ("id", "hs_object_id"):
            if self.options.merged == "follow":
                key = self.merged.get(key, key)
            found = self.records.get(key)
            return found if found and self._is(found, kind) else None
        folded = key.casefold()
        rows = [
            record
            for record in self.records.values()
            if folded in _keys(record, by) and self._is(record, kind)
        ]
        # One in the bin leaves its address to another, and so does a merged one.
        rows.sort(key=lambda one: (one.is_archived, folded != _first(one, by)))
        return rows[0] if rows else None

    def _is(self, record: Record, kind: str) -> bool:
        return record.kind == kind and self.is_visible(record)

    def is_visible(self, record: Record) -> bool:
        """Whether a record is old enough to be read."""
        if not self.options.visible_after_ms:
            return True
        least = timedelta(milliseconds=self.options.visible_after_ms)
        return self.clock.today() - record.created >= least

    def is_silent(self, key: str) -> bool:
        """Whether an id that was not found is no error either: it was merged."""
        return key in self.merged and self.options.merged == "absent"

    def known(self, kind: str, names: Iterable[str]) -> list[str]:
        """Those of the names that are properties: reads ignore the others."""
        return [name for name in names if name in self.properties[kind]]

    def day(self) -> date:
        """The day of the account, which ends the daily limit."""
        return self.clock.today().astimezone(_ZONE).date()

    def seed(self, kind: str, rows: object) -> list[str]:
        """Create records by the control API; their ids.

        Raises:
            RequestInvalid: what is wrong with the list; nothing is created then.
        """
        if not isinstance(rows, list):
            raise RequestInvalid(f"records of kind {kind} must be a list")
        for place, row in enumerate(rows):
            if not isinstance(row, Mapping):
                raise RequestInvalid(f"{kind} {place} must be an object of properties")
            if "id" in row and not _ID.fullmatch(str(row["id"])):
                raise RequestInvalid(f"{kind} {place}: id must be a number")
        # The demo's records and a test's own may share ids: the later one stays.
        return [self.create(kind, row).id for row in rows]

    def _source(self, *, by_app: bool) -> tuple[str, str]:
        """Who changes something: our app, or a person."""
        person = ("CRM_UI", "userId:71120938")
        return ("INTEGRATION", self.options.app_id) if by_app else person

    def _tell_change(self, record: Record, name: str, *, by_app: bool) -> None:
        prop = self.properties[record.kind].get(name)
        value = told(prop, record.properties[name] or "")
        is_sensitive = prop is not None and prop.sensitivity != "non_sensitive"
        self.tell(
            record,
            "propertyChange",
            {"propertyName": name, "propertyValue": value},
            by_app=by_app,
            is_sensitive=is_sensitive,
        )

    def tell(
        self,
        record: Record,
        what: str,
        more: Mapping[str, Any] | None = None,
        *,
        by_app: bool,
        object_id: str = "",
        is_sensitive: bool = False,
    ) -> None:
        """Something happened to a record; `object_id` if not under its present id."""
        event = Event(
            record.kind,
            what,
            object_id or record.id,
            int(self.clock.now() * 1000),
            self._source(by_app=by_app),
            more or {},
            is_sensitive,
        )
        self.on_event(event)

    def as_json(self) -> dict[str, Any]:
        """What `/_sandbox/state` shows besides counts."""
        return {
            "records": len(self.records),
            "in_window": self.window.used(self.clock.now(), self.options.burst_seconds),
            "calls_today": self.calls_by_day[self.day()],
        }



def _first(record: Record, by: str) -> str:
    return (record.properties.get(by) or "").casefold()


def _keys(record: Record, by: str) -> set[str]:
    """What finds a record by a property: an address from a merge does, too."""
    found = [_first(record, by)]
    if by == "email":
        found += [one.casefold() for one in additional_emails(record)]
    return {*found} - {""}
