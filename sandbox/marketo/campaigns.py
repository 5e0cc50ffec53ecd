"""Smart campaigns that call a webhook when something happens to a lead.

A trigger campaign listens to the activities of the lead database. Its calls are
made by threads of their own, never by the request that changed the lead; what
comes back is written when the call has ended, and may trigger again.
"""

from __future__ import annotations

import threading
import time
from collections import Counter, deque
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from sandbox import options, senders
from sandbox.limits import InFlight
from sandbox.marketo import caller
from sandbox.marketo.activities import CHANGE_DATA_VALUE, NEW_LEAD, Activity
from sandbox.options import RequestInvalid
from sandbox.senders import MarketoWebhook

if TYPE_CHECKING:
    from sandbox.marketo.fields import Field
    from sandbox.marketo.state import MarketoState

TRIGGERS = ("lead_created", "data_value_changes", "requested")
#: So long a reset waits for calls under way; then they come to nothing.
PATIENCE_S = 2.0


@dataclass(frozen=True)
class Campaign:
    """One smart campaign: a trigger and, at most, one Call Webhook step."""

    id: int
    name: str
    trigger: str
    webhook: MarketoWebhook | None = None
    active: bool = True
    batch: bool = False  #: not a trigger campaign: its webhook step is error 1000
    fields: frozenset[str] = frozenset()  #: REST names; none: every field
    source_not: frozenset[str] = frozenset()
    #: token sources `program`, `my` and `trigger`
    tokens: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)

    def fits(self, activity: Activity) -> bool:
        """Whether this activity starts the campaign.

        A write that changes five fields is five activities, so five starts.
        """
        if not self.active or activity.source in self.source_not:
            return False
        if self.trigger == "lead_created":
            return activity.type == NEW_LEAD
        if self.trigger != "data_value_changes" or activity.type != CHANGE_DATA_VALUE:
            return False
        changed = activity.field[1] if activity.field else ""
        return not self.fields or changed in self.fields


class Campaigns:
    """All campaigns of one instance and their calls.

    Callers hold the world's lock, which is `lock`; the threads that call take it.
    """

    def __init__(self, marketo: MarketoState, lock: threading.RLock) -> None:
        self.known: dict[int, Campaign] = {}
        self.started: Counter[int] = Counter()
        self.waiting = 0  #: started, and not called yet
        self.open = InFlight()
        self.settling = 0  #: answered, and not written yet
        self._marketo = marketo
        self._queue: deque[tuple[Campaign, int]] = deque()
        self._changed = threading.Condition(lock)
        self._threads = 0
        self._is_over = False

    def define(self, campaigns: list[Campaign]) -> None:
        """Add campaigns; one with a known id takes the other's place."""
        self.known.update({campaign.id: campaign for campaign in campaigns})

    def forget(self) -> None:
        """No campaigns any more, and no calls of those still waiting."""
        self.known.clear()
        self.waiting -= len(self._queue)
        self._queue.clear()

    def end(self) -> None:
        """Forget all; calls under way leave no trace any more."""
        self._is_over = True
        self.forget()

    def await_end(self, seconds: float = PATIENCE_S) -> bool:
        """Wait for calls under way; False if some go on for longer."""
        with self._changed:
            return self._changed.wait_for(
                lambda: not self.open.now and not self.settling, seconds
            )

    def heard(self, activity: Activity) -> None:
        """Start every campaign whose trigger this activity is."""
        for campaign in self.known.values():
            if campaign.fits(activity):
                self.start(campaign, activity.lead_id)

    def start(self, campaign: Campaign, lead_id: int) -> None:
        """Let one lead go through a campaign's flow, in the background."""
        self.started[campaign.id] += 1
        if campaign.webhook is None or self._is_over:
            return
        self.waiting += 1
        self._queue.append((campaign, lead_id))
        if self._threads < senders.OPEN_CALLS:
            self._threads += 1
            threading.Thread(target=self._work, name="webhooks", daemon=True).start()

    def as_json(self) -> list[dict[str, Any]]:
        """Every campaign and how many leads went into it."""
        return [
            {
                "id": campaign.id,
                "name": campaign.name,
                "trigger": campaign.trigger,
                "active": campaign.active,
                "batch": campaign.batch,
                "fields": sorted(campaign.fields),
                "source_not": sorted(campaign.source_not),
                "webhook": campaign.webhook.url if campaign.webhook else None,
                "started": self.started[campaign.id],
            }
            for campaign in self.known.values()
        ]

    def calls(self) -> dict[str, int]:
        """Calls outstanding: those that wait, and those that are open."""
        return {
            "waiting": self.waiting,
            "open": self.open.now,
            "settling": self.settling,
            "most_open": self.open.peak,
        }

    def _work(self) -> None:
        while True:
            with self._changed:
                if not self._queue:
                    self._threads -= 1
                    return
                campaign, lead_id = self._queue.popleft()
            self._call(campaign, lead_id)

    def _call(self, campaign: Campaign, lead_id: int) -> None:
        marketo, webhook = self._marketo, campaign.webhook
        with marketo.webhook_slots:
            with self._changed:
                self.waiting -= 1
                lead = marketo.store.leads.get(lead_id)
                if webhook is None or lead is None or self._is_over:
                    return
                self.open.enter()
                # Tokens have the values of now, not those of the trigger.
                lead, scope = dict(lead), self._scope(campaign)
                wait_s = marketo.options.webhook_write_ms / 1000
            try:
                sent = senders.send(webhook, lead, scope, batch=campaign.batch)
            finally:
                with self._changed:
                    self.open.leave()
                    self.settling += 1
        if sent.writes and wait_s:
            time.sleep(wait_s)
        with self._changed:
            if not self._is_over:
                caller.settle(marketo, sent, campaign.id)
            self.settling -= 1
            self._changed.notify_all()

    def _scope(self, campaign: Campaign) -> senders.Scope:
        own = {"campaign": {"id": campaign.id, "name": campaign.name}}
        return caller.scope_of(self._marketo, {**campaign.tokens, **own})


_CHECKS: dict[str, options.Check] = {
    "id": options.count,
    "name": options.text,
    "trigger": options.one_of(*TRIGGERS),
    "webhook": options.table,
    "active": options.yes_or_no,
    "batch": options.yes_or_no,
    "fields": options.texts,
    "source_not": options.texts,
    "program": options.table,
    "my": options.table,
    "trigger_tokens": options.table,
}


def read_campaigns(body: object, fields: Mapping[str, Field]) -> list[Campaign]:
    """Campaigns from one object or a list of them; `fields` are those there are.

    Raises:
        RequestInvalid: everything that is wrong, each with its place.
    """
    rows = body if isinstance(body, list) else [body]
    problems: list[str] = []
    found = []
    for place, row in enumerate(rows):
        try:
            found.append(_campaign(row, fields))
        except RequestInvalid as invalid:
            problems += [f"campaigns[{place}]: {one}" for one in invalid.problems]
    if problems:
        raise RequestInvalid(*problems)
    return found


def _campaign(row: object, fields: Mapping[str, Field]) -> Campaign:
    if not isinstance(row, dict):
        raise RequestInvalid("must be an object")
    given = dict(row)
    if isinstance(given.get("source_not"), str):
        given["source_not"] = [given["source_not"]]
    if problems := _problems(given, fields):
        raise RequestInvalid(*problems)
    names = {"program": "program", "my": "my", "trigger_tokens": "trigger"}
    tokens = {kind: given.pop(key) for key, kind in names.items() if key in given}
    for name in ("fields", "source_not"):
        given[name] = frozenset(given.get(name, ()))
    given.setdefault("name", f"Campaign {given['id']}")
    if "webhook" in given:
        given["webhook"] = caller.read_webhook(given["webhook"])
    return Campaign(**given, tokens=tokens)


def _problems(given: dict[str, Any], fields: Mapping[str, Field]) -> list[str]:
    problems = [f"{name} is missing" for name in ("id", "trigger") if name not in given]
    for name, value in given.items():
        if name not in _CHECKS:
            problems.append(options.unknown(name, _CHECKS, "key of a campaign"))
        elif wrong := _CHECKS[name](value):
            problems.append(f"{name} must be {wrong}, not {value!r}")
    if problems:
        return problems
    unknown = [name for name in given.get("fields", ()) if name not in fields]
    problems = [options.unknown(name, fields, "field") for name in unknown]
    if "webhook" not in given and given["trigger"] != "requested":
        problems.append("webhook is missing")
    return problems
