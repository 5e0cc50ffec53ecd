"""Webhooks that fire by themselves: signed, in arrays, sent again when they fail."""

from __future__ import annotations

import json
import threading
import time
from collections import deque
from typing import Any

import requests

from sandbox.hubspot.state import HubSpotState
from sandbox.options import RequestInvalid
from sandbox.senders import sign_hubspot

MOST = 100
AGENT = (
    "HubSpot Connect 2.0 (http://dev.hubspot.com/) "
    "(namespace: webhooks-nio-http-client) - WebhooksExecutorDaemon-executor"
)


class Subscriptions:
    """One target address, the events that go there, and a log of deliveries."""

    def __init__(self, state: HubSpotState, lock: threading.RLock) -> None:
        self.state = state
        self.lock = lock
        self.url = ""
        #: `contact.creation`, `contact.propertyChange:city`.
        self.wanted: set[str] = set()
        self.log: deque[dict[str, Any]] = deque(maxlen=1000)
        self.outstanding = 0
        self._waiting: list[dict[str, Any]] = []
        self._is_over = False
        state.on_event = self._note

    def define(self, body: object) -> None:
        """{url, subscriptions: ["contact.creation", "contact.propertyChange:city"]}.

        Raises:
            RequestInvalid: what is wrong with it.
        """
        if not isinstance(body, dict) or not isinstance(body.get("url"), str):
            raise RequestInvalid("the body must be {url, subscriptions: [...]}")
        names = body.get("subscriptions", ["contact.creation"])
        if not isinstance(names, list) or not all(isinstance(n, str) for n in names):
            raise RequestInvalid("subscriptions must be a list of texts")
        self.url, self.wanted = body["url"], set(names)

    def end(self) -> None:
        """Send nothing any more."""
        self._is_over = True
        self._waiting.clear()

    def as_json(self) -> dict[str, Any]:
        """What the state shows."""
        return {
            "url": self.url,
            "subscriptions": sorted(self.wanted),
            "outstanding": self.outstanding,
            "deliveries": list(self.log),
        }

    def _note(self, told: dict[str, Any]) -> None:
        """An event; the caller holds the lock. It leaves in a moment, with others."""
        event = told["event"]
        name = f"{told['kind']}.{told['what']}"
        property_name = f"{name}:{event.get('propertyName')}"
        if not self.url or not {name, property_name} & self.wanted:
            return
        self._waiting.append(event)
        if len(self._waiting) == 1:
            self.outstanding += 1
            threading.Timer(0.02, self._leave).start()

    def _leave(self) -> None:
        with self.lock:
            events, self._waiting = self._waiting[:MOST], self._waiting[MOST:]
            if self._waiting:
                self.outstanding += 1
                threading.Timer(0.0, self._leave).start()
        try:
            self._deliver(events)
        finally:
            with self.lock:
                self.outstanding -= 1

    def _deliver(self, events: list[dict[str, Any]]) -> None:
        options = self.state.options
        for attempt in range(options.retries + 1):
            if self._is_over or not events:
                return
            status = self._post([{**one, "attemptNumber": attempt} for one in events])
            with self.lock:
                self.log.append(
                    {"events": len(events), "attempt": attempt, "status": status}
                )
            if 200 <= status < 300:
                return
            time.sleep(options.retry_ms / 1000 * 2 ** min(attempt, 6))

    def _post(self, events: list[dict[str, Any]]) -> int:
        body = json.dumps(events, ensure_ascii=False, separators=(",", ":")).encode()
        options = self.state.options
        headers = {
            "Content-Type": "application/json",
            "User-Agent": AGENT,
            "X-HubSpot-Timeout-Millis": "10000",
            **sign_hubspot("POST", self.url, body, options.client_secret),
        }
        try:
            answer = requests.post(
                self.url,
                data=body,
                headers=headers,
                timeout=options.timeout_s,
                allow_redirects=False,
            )
        except requests.RequestException:
            return 0
        return answer.status_code
