"""Options of the HubSpot stand-in, its records, and the events they make."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from sandbox.clock import Clock
from sandbox.hubspot.properties import COMPANY, CONTACT, Property, stamp
from sandbox.limits import SlidingWindow
from sandbox.options import Count, Delay, Flag, RequestInvalid, Seconds, Text, Texts

KINDS = {"contacts": "contact", "companies": "company"}
TYPE_IDS = {"contact": "0-1", "company": "0-2"}


@dataclass(frozen=True)
class HubSpotOptions:
    """Every switch of the HubSpot stand-in; docs/sandbox.md has one line each."""

    access_token: Text = "sandbox-hubspot-token"  # noqa: S105  public, in the docs
    client_secret: Text = "sandbox-hubspot-secret"  # noqa: S105
    app_id: Text = "7315529"
    portal_id: Count = 48210077
    burst_calls: Count = 190
    burst_seconds: Seconds = 10
    search_calls: Count = 5
    daily_calls: Count = 625_000
    denied: Texts = field(default_factory=list)
    shuffle: Flag = True
    trace_errors: Flag = False
    latency_ms: Delay = 0
    #: Milliseconds after which a webhook that failed is sent again, doubled each time.
    retry_ms: Count = 200
    retries: Count = 10
    timeout_s: Seconds = 5
    object_events: Flag = False


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
            "lastmodifieddate": stamp(self.updated),
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
            "contact": {one.name: one for one in CONTACT},
            "company": {one.name: one for one in COMPANY},
        }
        self.records: dict[str, Record] = {}
        #: Merged away → the record that stayed.
        self.merged: dict[str, str] = {}
        self.window = SlidingWindow()
        self.search_window = SlidingWindow()
        self.calls_today = 0
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
        for name in given:
            record.note(name, *self._source(by_app=by_app))
        self._tell(record, "creation", by_app=by_app, changeFlag="CREATED")
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
            self._tell(
                record,
                "propertyChange",
                by_app=by_app,
                propertyName=name,
                propertyValue=value,
            )

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
        """A record by its id, or by a property; capitals apart."""
        if by in ("id", "hs_object_id"):
            found = self.records.get(key)
            return found if found and found.kind == kind else None
        folded = key.casefold()
        for record in self.records.values():
            value = record.properties.get(by) or ""
            if record.kind == kind and value.casefold() == folded:
                return record
        return None

    def merge(self, loser: str, winner: str) -> None:
        """The loser is no record any more."""
        del self.records[loser]
        self.merged[loser] = winner

    def change_by_hand(self, body: object) -> str:
        """As a person does it: values, a merge, or the bin.

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
            self.merge(record.id, str(given["merge_into"]))
        elif given.get("archive") is True:
            record.is_archived = True
        else:
            raise RequestInvalid("say values, merge_into or archive")
        return record.id

    def seed(self, kind: str, body: object) -> list[str]:
        """Create records by the control API; their ids.

        Raises:
            RequestInvalid: neither a list nor {count, first_id, like}.
        """
        if isinstance(body, list):
            rows = [dict(one) for one in body if isinstance(one, Mapping)]
        elif isinstance(body, Mapping) and isinstance(body.get("count"), int):
            first, like = int(body.get("first_id", 1001)), dict(body.get("like", {}))
            rows = [
                {
                    **{k: str(v).replace("{n}", str(n)) for k, v in like.items()},
                    "id": str(n),
                }
                for n in range(first, first + body["count"])
            ]
        else:
            raise RequestInvalid(f"{kind} must be a list, or {{count, first_id, like}}")
        return [self.create(kind, row).id for row in rows]

    def _source(self, *, by_app: bool) -> tuple[str, str]:
        """Who changes something: our app, or a person."""
        person = ("CRM_UI", "userId:71120938")
        return ("INTEGRATION", self.options.app_id) if by_app else person

    def _tell(self, record: Record, what: str, *, by_app: bool, **more: Any) -> None:
        options = self.options
        newer = options.object_events
        source_type, source_id = self._source(by_app=by_app)
        event: dict[str, Any] = {
            "eventId": next(self._events),
            "subscriptionId": 2904411,
            "portalId": options.portal_id,
            "appId": int(options.app_id),
            "occurredAt": int(self.clock.today().timestamp() * 1000),
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
            "calls_today": self.calls_today,
        }


def now_utc() -> datetime:
    """This machine's time."""
    return datetime.now(UTC)
