"""Options of the Marketo stand-in and what it remembers."""

from __future__ import annotations

import threading
import uuid
from collections import Counter
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Literal
from zoneinfo import ZoneInfo

from sandbox import options
from sandbox.clock import Clock
from sandbox.limits import InFlight, SlidingWindow
from sandbox.marketo import fields, values
from sandbox.marketo.campaigns import Campaigns
from sandbox.marketo.exports import Exports
from sandbox.marketo.leads import Lead, LeadStore
from sandbox.options import Count, Delay, Flag, RequestInvalid, Seconds, Text, Texts
from sandbox.senders import OPEN_CALLS

#: The daily quota starts again at midnight here.
QUOTA_ZONE = ZoneInfo("America/Chicago")

#: What a fresh sandbox holds. 318581 has a head count that a person typed.
DEMO_LEADS: tuple[dict[str, Any], ...] = (
    {
        "id": 318581, "email": "jane.doe@acme.example", "firstName": "Jane",
        "lastName": "Doe", "company": "Acme", "country": "United States",
        "title": "VP Marketing", "leadSource": "Web form", "leadScore": 42,
        "website": "acme.example", "sixsenseEmployees": 40,
    },
    {
        "id": 318582, "email": "max.muster@globex.example", "firstName": "Max",
        "lastName": "Muster", "company": "Globex", "country": "Germany",
        "title": "Head of Procurement", "leadSource": "Trade show",
    },
    {
        "id": 318583, "email": "pat.sample@initech.example", "firstName": "Pat",
        "lastName": "Sample", "company": 'Initech & "Sons"', "country": "GB",
        "comments": "line 1\nline 2", "leadSource": "Web form",
    },
    {
        "id": 318584, "email": "kim@nomatch-ltd.example", "firstName": "Kim",
        "lastName": "Nobody", "leadSource": "List import",
    },
    {
        "id": 318585, "email": "sam@freemail.example", "firstName": "Sam",
        "lastName": "Solo", "leadSource": "Web form",
    },
)  # fmt: skip


@dataclass(frozen=True)
class MarketoOptions:
    """Every switch of the Marketo stand-in; docs/sandbox.md has one line each."""

    client_id: Text = "sandbox-client"
    client_secret: Text = "sandbox-secret"  # noqa: S105  invented
    munchkin_id: Text = "123-ABC-456"
    api_user: Text = "api-user@sandbox.example"
    token_lifetime_s: Seconds = 3600
    legacy_token_parameter: Flag = False
    rate_calls: Count = 100
    rate_seconds: Seconds = 20
    in_flight: Count = 10
    daily_quota: Count = 50_000
    refused_calls_count: Flag = True
    latency_ms: Delay = 0
    string_overflow: Literal["error", "truncate"] = "error"
    lenient_types: Flag = False
    unknown_field: Literal["record", "response"] = "record"
    read_only_field: Literal["refuse", "ignore"] = "refuse"
    company_fields: Literal["refuse", "accept"] = "refuse"
    missing_lead: Literal["1004", "empty"] = "1004"
    unknown_path_status: Literal[200, 404] = 200
    keep_alive: Flag = False
    gzip: Flag = True
    denied: Texts = field(default_factory=list)
    batch_campaigns: Texts = field(default_factory=list)
    webhook_activity_type: Count = 110
    webhook_write_ms: Count = 0
    activities_page: Count = 300
    empty_pages: Count = 0
    activity_id: Literal["both", "guid"] = "both"
    export_queue_s: Count = 60
    export_run_s: Count = 60
    export_bytes: Count = 500_000_000
    export_filters: Texts = field(default_factory=lambda: ["createdAt", "updatedAt"])


class Token:
    """The API user's one token; an ended one is remembered to answer 602."""

    def __init__(self) -> None:
        self.value = ""
        self.ends_at = 0.0
        self._ended: set[str] = set()

    def current(self, now: float, lifetime_s: float) -> tuple[str, int]:
        """The token and its remaining whole seconds, a new one if it has ended."""
        if not self.value or now >= self.ends_at:
            self.end()
            self.value = f"{uuid.uuid4()}:sj"
            # The first answer already says 3599.
            self.ends_at = now + lifetime_s - 0.001
        return self.value, int(self.ends_at - now)

    def end(self) -> None:
        """From now on the present token is an expired one."""
        if self.value:
            self._ended.add(self.value)
        self.value = ""

    def judge(self, given: str, now: float) -> str | None:
        """None for a good token, else 600, 601 or 602."""
        if not given:
            return "600"
        if given == self.value:
            return None if now < self.ends_at else "602"
        return "602" if given in self._ended else "601"


class MarketoState:
    """One Marketo instance. Callers hold the world's lock."""

    def __init__(self, clock: Clock, lock: threading.RLock) -> None:
        self.options = MarketoOptions()
        self.clock = clock
        self.fields = fields.bundled()
        self.store = LeadStore(clock, self.fields)
        self.token = Token()
        self.window = SlidingWindow()
        self.in_flight = InFlight()
        #: calls and codes of each day of `QUOTA_ZONE`, by ISO date
        self.calls_by_day: Counter[str] = Counter()
        self.errors_by_day: dict[str, Counter[str]] = {}
        self.campaign_requests: list[dict[str, Any]] = []
        self.webhook_log: list[dict[str, Any]] = []
        #: how calls ended, by error type; `ok`: with none
        self.webhook_counts: Counter[str] = Counter()
        #: open webhook calls of the instance, over all its webhooks
        self.webhook_slots = threading.BoundedSemaphore(OPEN_CALLS)
        self.campaigns = Campaigns(self, lock)
        self.exports = Exports(self)
        self.store.heard = self.campaigns.heard

    def day(self) -> str:
        """Today in the quota's time zone."""
        return self.day_of(self.clock.now())

    @staticmethod
    def day_of(at: float) -> str:
        """The day of a moment, epoch seconds, in the quota's time zone."""
        return datetime.fromtimestamp(at, QUOTA_ZONE).date().isoformat()

    def seed_demo(self) -> None:
        """The leads of the demo."""
        self.seed(list(DEMO_LEADS))

    def seed(self, leads: object) -> list[int]:
        """Create leads as an import by hand would, ids included; their ids.

        Company fields and read-only times are taken; values follow the
        lenient rules.

        Raises:
            RequestInvalid: every bad lead, by its place; nothing was created.
        """
        if not isinstance(leads, list):
            raise RequestInvalid("leads must be a list of leads")
        problems: list[str] = []
        read: list[Lead] = []
        taken = set(self.store.leads)
        for place, lead in enumerate(leads):
            try:
                read.append(self._read_seed(lead, taken))
            except ValueError as error:
                problems.append(f"leads[{place}]: {error}")
        if problems:
            raise RequestInvalid(*problems)
        return [
            self.store.create(lead, lead.pop("id", None))["id"]
            for lead in read
        ]  # fmt: skip

    def change(self, leads: object, source: str) -> list[int]:
        """Write over leads as `source` would, by the lenient rules; ids that changed.

        Raises:
            RequestInvalid: every bad lead, by its place; nothing was changed.
        """
        if not isinstance(leads, list):
            raise RequestInvalid("leads must be a list of {id, field: value ...}")
        problems: list[str] = []
        read: list[tuple[Lead, Lead]] = []
        for place, given in enumerate(leads):
            try:
                new = self._read_lead(given)
                number = new.pop("id", None)
                if number not in self.store.leads:
                    raise ValueError(f"no lead has the id {number}")
                read.append((self.store.leads[number], new))
            except ValueError as error:
                problems.append(f"leads[{place}]: {error}")
        if problems:
            raise RequestInvalid(*problems)
        changed = [lead for lead, new in read if self.store.update(lead, new, source)]
        return [lead["id"] for lead in changed]

    def _read_seed(self, lead: object, taken: set[int]) -> Lead:
        found = self._read_lead(lead)
        if "id" in found:
            if found["id"] in taken:
                raise ValueError(f"id {found['id']!r} is taken, or no whole number")
            taken.add(found["id"])
        return found

    def _read_lead(self, lead: object) -> Lead:
        if not isinstance(lead, dict):
            raise ValueError("must be an object of REST names")
        found: Lead = {}
        for name, value in lead.items():
            if name == "id":
                if not isinstance(value, int) or isinstance(value, bool):
                    raise ValueError(f"id {value!r} is taken, or no whole number")
                found["id"] = value
                continue
            if name not in self.fields:
                raise ValueError(options.unknown(name, self.fields, "field"))
            try:
                found[name] = values.stored(
                    self.fields[name], value, lenient=True, truncate=False
                )
            except values.ValueRefused as refused:
                raise ValueError(str(refused)) from refused
        return found

    def as_json(self) -> dict[str, Any]:
        """Limits, counts and logs; leads are asked for by id."""
        opts, now = self.options, self.clock.now()
        return {
            "leads": len(self.store.leads),
            "activities": len(self.store.activities),
            "in_window": self.window.used(now, opts.rate_seconds),
            "in_flight": self.in_flight.now,
            "most_in_flight": self.in_flight.peak,
            "calls_by_day": dict(self.calls_by_day),
            "quota_left": max(0, opts.daily_quota - self.calls_by_day[self.day()]),
            "campaign_requests": self.campaign_requests,
            "webhooks": self.webhook_log[-500:],
            "webhook_counts": dict(self.webhook_counts),
            "webhook_calls": self.campaigns.calls(),
            "campaigns": self.campaigns.as_json(),
            "exports": self.exports.counts(),
        }
