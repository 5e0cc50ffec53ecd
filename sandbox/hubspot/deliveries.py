"""Deliveries: events gathered to arrays, posted, and posted again when they fail.

Threads of their own send them, never more than may be in flight. They end when
nothing is left to send, and at once when all is over.
"""

from __future__ import annotations

import heapq
import itertools
import json
import random
import threading
import time
from collections import deque
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import requests

from sandbox.limits import InFlight
from sandbox.senders import sign_hubspot

if TYPE_CHECKING:
    from sandbox.hubspot.state import HubSpotState

#: Events of one array.
MOST = 100
#: So long the first event of an array waits for others.
GATHER_S = 0.02
#: So long a reset waits for calls under way; then they come to nothing.
PATIENCE_S = 2.0
THREADS = "hubspot-webhooks"
AGENT = (
    "HubSpot Connect 2.0 (http://dev.hubspot.com/) "
    "(namespace: webhooks-nio-http-client) - WebhooksExecutorDaemon-executor"
)


@dataclass(frozen=True)
class Delivery:
    """One array on its way to one address."""

    number: int
    url: str
    events: tuple[dict[str, Any], ...]
    attempt: int = 0


class Deliveries:
    """All arrays that are not taken yet, and a log of attempts.

    Callers hold the world's lock, which is `lock`; the threads that send take it.
    """

    def __init__(
        self, state: HubSpotState, lock: threading.RLock, rng: random.Random
    ) -> None:
        self.log: deque[dict[str, Any]] = deque(maxlen=1000)
        self.open = InFlight()
        self._state = state
        self._random = rng
        self._changed = threading.Condition(lock)
        #: (when, in which order, what); None stands for the events that gather.
        self._due: list[tuple[float, int, Delivery | None]] = []
        self._order = itertools.count()
        self._numbers = itertools.count(1)
        self._gathering: list[tuple[str, dict[str, Any]]] = []
        self._threads: list[threading.Thread] = []
        self._is_over = False

    def add(self, url: str, event: dict[str, Any]) -> None:
        """An event; it leaves in a moment, with others."""
        if self._is_over:
            return
        self._gathering.append((url, event))
        if len(self._gathering) == 1:
            self._put(None, GATHER_S)

    def end(self) -> None:
        """Send nothing any more; calls under way leave no trace."""
        self._is_over = True
        self._gathering.clear()
        self._due.clear()
        self._changed.notify_all()

    def await_end(self, seconds: float = PATIENCE_S) -> bool:
        """Wait for calls under way; False if some go on for longer."""
        with self._changed:
            threads = list(self._threads)
        until = time.monotonic() + seconds
        for thread in threads:
            thread.join(max(0.0, until - time.monotonic()))
        return not any(thread.is_alive() for thread in threads)

    def outstanding(self) -> int:
        """Arrays that wait, for their first attempt or another, or are in flight."""
        return len(self._due) + self.open.now

    def _put(self, delivery: Delivery | None, wait_s: float) -> None:
        entry = (time.monotonic() + wait_s, next(self._order), delivery)
        heapq.heappush(self._due, entry)
        self._changed.notify_all()
        if len(self._threads) < self._state.options.max_concurrent:
            thread = threading.Thread(target=self._work, name=THREADS, daemon=True)
            self._threads.append(thread)
            thread.start()

    def _work(self) -> None:
        while True:
            with self._changed:
                delivery = self._next()
                if delivery is None:
                    self._threads.remove(threading.current_thread())
                    return
                self.open.enter()
            status = 0
            try:
                status = self._post(delivery)
            finally:
                with self._changed:
                    self.open.leave()
                    if not self._is_over:
                        self._settle(delivery, status)
                    # Another may be waiting for the place.
                    self._changed.notify_all()

    def _next(self) -> Delivery | None:
        """The next array to send, when its time has come; None when there is none."""
        while self._due:
            if self.open.now >= self._state.options.max_concurrent:
                self._changed.wait()
                continue
            wait_s = self._due[0][0] - time.monotonic()
            if wait_s > 0:
                self._changed.wait(wait_s)
                continue
            _, _, delivery = heapq.heappop(self._due)
            if delivery is not None:
                return delivery
            self._gather()
        return None

    def _gather(self) -> None:
        """Make arrays of the events that have gathered."""
        options = self._state.options
        for url, rows in itertools.groupby(self._gathering, key=lambda row: row[0]):
            events = [event for _, event in rows]
            for start in range(0, len(events), MOST):
                array = events[start : start + MOST]
                if options.reorder:
                    self._random.shuffle(array)
                made = Delivery(next(self._numbers), url, tuple(array))
                for _ in range(2 if options.duplicates else 1):
                    self._put(made, 0.0)
        self._gathering.clear()

    def _settle(self, delivery: Delivery, status: int) -> None:
        self.log.append(
            {
                "delivery": delivery.number,
                "events": len(delivery.events),
                "attempt": delivery.attempt,
                "status": status,
            }
        )
        options, attempt = self._state.options, delivery.attempt
        if 200 <= status < 300 or attempt >= options.retries:
            return
        wait_s = options.retry_ms / 1000 * 2 ** min(attempt, 6)
        # What failed in one moment is not to come back in one moment.
        wait_s *= self._random.uniform(0.75, 1.25)
        again = Delivery(delivery.number, delivery.url, delivery.events, attempt + 1)
        self._put(again, wait_s)

    def _post(self, delivery: Delivery) -> int:
        """Post the array, signed now; 0 if no answer came in time."""
        options, attempt = self._state.options, delivery.attempt
        events = [{**one, "attemptNumber": attempt} for one in delivery.events]
        text = json.dumps(events, ensure_ascii=False, separators=(",", ":"))
        body = text.encode(errors="replace")
        signed_ms = int((time.time() - options.signed_ago_s) * 1000)
        secret = options.client_secret
        headers = {
            "Content-Type": "application/json",
            "User-Agent": AGENT,
            "X-HubSpot-Timeout-Millis": "10000",
            **sign_hubspot("POST", delivery.url, body, secret, signed_ms),
        }
        try:
            with requests.Session() as session:
                # No proxy and no .netrc of this machine.
                session.trust_env = False
                answer = session.post(
                    delivery.url,
                    data=body,
                    headers=headers,
                    timeout=options.timeout_s,
                    allow_redirects=False,
                )
        except requests.RequestException:
            return 0
        return answer.status_code
