"""The records of the HubSpot stand-in, and the events they make."""

from __future__ import annotations

import itertools
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from sandbox.clock import Clock
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

KINDS = {"contacts": "contact", "companies": "company"}
TYPE_IDS = {"contact": "0-1", "company": "0-2"}
_MODIFIED = {"contact": "lastmodifieddate", "company": "hs_lastmodifieddate"}
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
        self.on_event: Callable[[dict[str, Any]], None] = lambda event: None
        self._ids = itertools.count(218_840_001_001)
        self._events = itertools.count(3_911_720_001)

    def create(
        self, kind: str, values: Mapping[str, Any], *, by_app: bool = False
    ) -> Record:
        """A new record; `id` among the values makes it the record's own."""
        given = {name: None if v is None else str(v) for name, v in values.items()}
        own = given.pop("id", None) or str(next(self._ids))
        now = self.clock.today()
        record = Record(own, kind, given, now, now)
        self.records[own] = record
        for name, value in given.items():
            record.note(name, *self._source(by_app=by_app))
            if self.options.creation_changes and value:
                self._tell_change(record, name, by_app=by_app)
        flag = self.options.creation_flag
        self._tell(record, "creation", by_app=by_app, changeFlag=flag)
        return record

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
        for record in self.records.values():
            value = record.properties.get(by) or ""
            if folded and value.casefold() == folded and self._is(record, kind):
                return record
        return None

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

    def merge(self, loser: str, winner: str) -> None:
        """The loser is no record any more."""
        record = self.records.pop(loser)
        for earlier, into in self.merged.items():
            if into == loser:
                self.merged[earlier] = winner
        self.merged[loser] = winner
        self._tell(
            self.records[winner],
            "merge",
            by_app=False,
            primaryObjectId=int(winner),
            mergedObjectIds=[int(loser)],
            newObjectId=int(winner),
            numberOfPropertiesMoved=len(record.properties),
        )

    def change_by_hand(self, body: object) -> str:
        """As a person does it: values, a merge, the bin and out of it.

        Raises:
            RequestInvalid: no such record, or nothing to do.
        """
        given = body if isinstance(body, Mapping) else {}
        record = self.records.get(str(given.get("id", "")))
        if record is None:
            raise RequestInvalid("id must be that of a record")
        if isinstance(given.get("values"), Mapping):
            values = {name: str(v) for name, v in given["values"].items()}
            self.change(record, values, by_app=False)
        elif "merge_into" in given:
            winner = self.records.get(str(given["merge_into"]))
            if winner is None or winner is record or winner.kind != record.kind:
                raise RequestInvalid("merge_into must be the id of another such record")
            self.merge(record.id, winner.id)
        elif isinstance(given.get("archive"), bool):
            record.is_archived = given["archive"]
            what = "deletion" if record.is_archived else "restore"
            flag = {"changeFlag": "DELETED"} if record.is_archived else {}
            self._tell(record, what, by_app=False, **flag)
        else:
            raise RequestInvalid("say values, merge_into or archive")
        return record.id

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
            if "id" in row and not str(row["id"]).isdecimal():
                raise RequestInvalid(f"{kind} {place}: id must be a number")
        # The demo's records and a test's own may share ids: the later one stays.
        return [self.create(kind, row).id for row in rows]

    def _source(self, *, by_app: bool) -> tuple[str, str]:
        """Who changes something: our app, or a person."""
        person = ("CRM_UI", "userId:71120938")
        return ("INTEGRATION", self.options.app_id) if by_app else person

    def _tell_change(self, record: Record, name: str, *, by_app: bool) -> None:
        more = {
            "propertyName": name,
            "propertyValue": _told(
                self.properties[record.kind].get(name),
                record.properties[name] or "",
            ),
            **({"isSensitive": False} if self.options.object_events else {}),
        }
        self._tell(record, "propertyChange", by_app=by_app, **more)

    def _tell(self, record: Record, what: str, *, by_app: bool, **more: Any) -> None:
        newer = self.options.object_events
        source_type, source_id = self._source(by_app=by_app)
        event: dict[str, Any] = {
            "eventId": next(self._events),
            "subscriptionId": 0,  # The subscription's, once it is known.
            "portalId": self.options.portal_id,
            "appId": int(self.options.app_id),
            "occurredAt": int(self.clock.now() * 1000),
            "subscriptionType": f"{'object' if newer else record.kind}.{what}",
            "attemptNumber": 0,
            "objectId": int(record.id),
            **({"objectTypeId": TYPE_IDS[record.kind]} if newer else {}),
            "changeSource": source_type,
            "sourceId": source_id,
            **more,
        }
        self.on_event({"kind": record.kind, "what": what, "event": event})

    def as_json(self) -> dict[str, Any]:
        """What `/_sandbox/state` shows besides counts."""
        return {
            "records": len(self.records),
            "in_window": self.window.used(self.clock.now(), self.options.burst_seconds),
            "calls_today": self.calls_by_day[self.day()],
        }


def _told(prop: Property | None, value: str) -> str:
    """A value as an event has it: days and times in milliseconds."""
    if not value or prop is None or prop.type not in ("date", "datetime"):
        return value
    try:
        at = datetime.fromisoformat(value)
    except ValueError:
        return value
    return str(round(at.replace(tzinfo=at.tzinfo or UTC).timestamp() * 1000))
