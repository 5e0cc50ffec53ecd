"""Webhooks that fire by themselves: who subscribed to what, and at which address."""

from __future__ import annotations

import dataclasses
import itertools
import random
import threading
from datetime import datetime
from typing import Any

from sandbox.hubspot.deliveries import Deliveries
from sandbox.hubspot.events import Event
from sandbox.hubspot.state import HubSpotState
from sandbox.hubspot.subscriptions import Subscription, read_subscription
from sandbox.options import RequestInvalid

#: Subscriptions of one app.
MOST = 1000
TOO_MANY = (
    "Couldn't create another subscription. You've reached the maximum number allowed "
    f"per application ({MOST})."
)


class Webhooks:
    """The app's one address, its subscriptions, and what is delivered.

    Callers hold the world's lock.
    """

    def __init__(
        self, state: HubSpotState, lock: threading.RLock, rng: random.Random
    ) -> None:
        self.url = ""
        #: When the address was first and last set.
        self.set_at: tuple[datetime, datetime] | None = None
        self.subscriptions: dict[int, Subscription] = {}
        self.deliveries = Deliveries(state, lock, rng)
        self._state = state
        self._ids = itertools.count(2_904_411)
        self._events = itertools.count(3_911_720_001)
        state.on_event = self._note

    def define(self, body: object) -> None:
        """{url, subscriptions: ["contact.creation", "contact.propertyChange:city"]}.

        They take the place of those that there were.

        Raises:
            RequestInvalid: what is wrong with it; nothing has changed then.
        """
        if not isinstance(body, dict) or not isinstance(body.get("url"), str):
            raise RequestInvalid("the body must be {url, subscriptions: [...]}")
        rows = body.get("subscriptions", ["contact.creation"])
        if not isinstance(rows, list):
            raise RequestInvalid("subscriptions must be a list")
        if len(rows) > MOST:
            raise RequestInvalid(TOO_MANY)
        now = self._state.clock.today()
        found = [read_subscription(row, next(self._ids), now) for row in rows]
        self.target(body["url"])
        self.subscriptions = {one.id: one for one in found}

    def target(self, url: str, max_concurrent: int | None = None) -> None:
        """Send to this address from now on, and so many arrays at a time."""
        now = self._state.clock.today()
        self.url, self.set_at = url, (self.set_at[0] if self.set_at else now, now)
        if max_concurrent is not None:
            self._state.options = dataclasses.replace(
                self._state.options, max_concurrent=max_concurrent
            )

    def subscribe(self, given: object) -> Subscription:
        """One subscription more.

        Raises:
            RequestInvalid: what is wrong with it, or that there are too many.
        """
        if len(self.subscriptions) >= MOST:
            raise RequestInvalid(TOO_MANY)
        now = self._state.clock.today()
        made = read_subscription(given, next(self._ids), now)
        self.subscriptions[made.id] = made
        return made

    def end(self) -> None:
        """Send nothing any more."""
        self.deliveries.end()

    def as_json(self) -> dict[str, Any]:
        """What the state shows."""
        return {
            "url": self.url,
            "subscriptions": [one.name for one in self.subscriptions.values()],
            "ids": list(self.subscriptions),
            "outstanding": self.deliveries.outstanding(),
            "most_open": self.deliveries.open.peak,
            "deliveries": list(self.deliveries.log),
        }

    def _note(self, event: Event) -> None:
        """Tell every subscription that wants the event: one event for each."""
        if not self.url:
            return
        options = self._state.options
        for subscription in self.subscriptions.values():
            if subscription.wants(event):
                newer = subscription.is_newer or options.object_events
                own = {
                    "eventId": next(self._events),
                    "portalId": options.portal_id,
                    "appId": int(options.app_id),
                }
                told = event.as_json(subscription.id, newer=newer)
                self.deliveries.add(self.url, {**own, **told})
