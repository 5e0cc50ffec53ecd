"""The lead database in memory: records, their index, their activities."""

from __future__ import annotations

import itertools
import re
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from sandbox.clock import Clock
from sandbox.marketo import values
from sandbox.marketo.activities import (
    CHANGE_DATA_VALUE,
    DELETE_LEAD,
    NEW_LEAD,
    REST_SOURCE,
    Activity,
    stamp,
)
from sandbox.marketo.fields import Field

_ID = re.compile(r"[0-9]{1,18}")
#: Leads made by Sync Leads get ids from here on; seeds choose their own.
FIRST_ID = 500_001

Lead = dict[str, Any]


class LeadStore:
    """All leads and all activities. Callers hold the world's lock.

    A lead is a dict of REST name → stored value; an empty field is absent.
    """

    def __init__(self, clock: Clock, fields: dict[str, Field]) -> None:
        self.clock = clock
        self.fields = fields
        self.leads: dict[int, Lead] = {}
        self.activities: list[Activity] = []
        self._by_email: defaultdict[str, list[int]] = defaultdict(list)
        self._ids = itertools.count(FIRST_ID)
        self._activity_ids = itertools.count(1001)
        #: told of every activity: campaigns listen here
        self.heard: Callable[[Activity], None] = lambda activity: None

    def create(
        self,
        new: Mapping[str, Any],
        lead_id: int | None = None,
        source: str = "New lead",
    ) -> Lead:
        """A new lead with stored values `new`; records a New Lead activity."""
        at = self.clock.now()
        number = lead_id if lead_id is not None else self._free_id()
        lead = {
            "id": number,
            "createdAt": stamp(at),
            "updatedAt": stamp(at),
            "leadPartitionId": 1,
        }
        lead.update({name: value for name, value in new.items() if value is not None})
        self._name(lead)
        self.leads[number] = lead
        self._index(lead)
        self._record(NEW_LEAD, number, at, primary=lead.get("mktoName"), source=source)
        return lead

    def update(
        self, lead: Lead, new: Mapping[str, Any], source: str = REST_SOURCE
    ) -> list[str]:
        """Write stored values over a lead; the names that really changed.

        Each changed field is a Change Data Value activity.
        """
        at = self.clock.now()
        changed = []
        for name, value in new.items():
            old = lead.get(name)
            if values.same(old, value):
                continue
            changed.append(name)
            if name == "email":
                self._by_email[str(old or "").lower()].remove(lead["id"])
            self._put(lead, name, value)
            if name == "email":
                self._index(lead)
            field = self.fields[name]
            self._record(
                CHANGE_DATA_VALUE, lead["id"], at,
                field=(field.id, name), old=old, new=value, source=source,
            )  # fmt: skip
        if changed:
            lead["updatedAt"] = stamp(at)
            self._name(lead)
        return changed

    def delete(self, lead_id: int) -> bool:
        """Remove a lead; False when there is none."""
        lead = self.leads.pop(lead_id, None)
        if lead is None:
            return False
        self._by_email[str(lead.get("email") or "").lower()].remove(lead_id)
        at, name = self.clock.now(), lead.get("mktoName")
        self._record(DELETE_LEAD, lead_id, at, primary=name, source=REST_SOURCE)
        return True

    def note(
        self,
        lead: Lead,
        kind: int,
        primary: str | None,
        attributes: tuple[tuple[str, Any], ...],
    ) -> None:
        """Record an activity that changes nothing of the lead."""
        at = self.clock.now()
        self._record(kind, lead["id"], at, primary=primary, attributes=attributes)

    def find(self, field: str, wanted: Iterable[Any]) -> list[Lead]:
        """Leads whose `field` equals one of `wanted`, as text, capitals apart.

        In ascending order of id, whatever the order of `wanted`.
        """
        texts = {str(value).strip().lower() for value in wanted} - {""}
        if field == "id":
            ids = [int(text) for text in texts if _ID.fullmatch(text)]
            return [self.leads[n] for n in sorted(ids) if n in self.leads]
        if field == "email":
            ids = [n for text in texts for n in self._by_email.get(text, ())]
            return [self.leads[n] for n in sorted(ids)]
        return [
            lead
            for _, lead in sorted(self.leads.items())
            if field in lead and str(lead[field]).lower() in texts
        ]

    def shown(self, lead: Lead, names: Iterable[str]) -> dict[str, Any]:
        """The lead as an answer shows it: empty fields are explicit nulls."""
        fields = self.fields
        return {name: values.read(fields[name], lead.get(name)) for name in names}

    def _free_id(self) -> int:
        return next(number for number in self._ids if number not in self.leads)

    def _index(self, lead: Lead) -> None:
        self._by_email[str(lead.get("email") or "").lower()].append(lead["id"])

    @staticmethod
    def _put(lead: Lead, name: str, value: Any) -> None:
        if value is None:
            lead.pop(name, None)
        else:
            lead[name] = value

    @staticmethod
    def _name(lead: Lead) -> None:
        full = " ".join(filter(None, [lead.get("firstName"), lead.get("lastName")]))
        LeadStore._put(lead, "mktoName", full or None)

    def _record(self, kind: int, lead_id: int, at: float, **more: Any) -> None:
        activity = Activity(next(self._activity_ids), kind, lead_id, at, **more)
        self.activities.append(activity)
        self.heard(activity)
