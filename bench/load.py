"""The load generator: raw connections that stay open, in a process of its own.

Closed: each connection sends its next request when the last one was answered.
Steady: requests leave by the clock, whether or not the last one was answered.

    python -m bench.load closed --url http://... --seconds 4
"""

from __future__ import annotations

import argparse
import asyncio
import json
import time
from collections import deque
from collections.abc import Iterator
from urllib.parse import urlsplit

from bench.wire import post, take_message

_BODY = (
    '{"id": %d, "email": "p%d@c%d.example", "company": "Company %d",'
    ' "country": "USA", "website": "", "title": "VP Sales", "firstName": "Jo",'
    ' "lastName": "Doe", "unsubscribed": false}'
)


def body_of(lead_id: int) -> bytes:
    """The webhook of one lead, as a template of Marketo's would fill it."""
    return (_BODY % ((lead_id,) * 4)).encode()


def requests_to(url: str, secret: str, first_id: int) -> Iterator[bytes]:
    """Webhooks without end, each of another lead."""
    parts = urlsplit(url)
    headers = f"X-Leadbridge-Secret: {secret}\r\n".encode() if secret else b""
    number = first_id
    while True:
        yield post(parts.path or "/", parts.netloc, body_of(number), headers)
        number += 1


class Sender(asyncio.Protocol):
    """One connection; remembers how long each answer took."""

    def __init__(self, generator: Generator) -> None:
        self.generator = generator
        self.buffer = bytearray()
        #: When the requests that are not answered yet were due.
        self.sent_at: deque[float] = deque()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep the way there."""
        assert isinstance(transport, asyncio.Transport)
        self.transport = transport

    def send(self, due_at: float | None = None) -> None:
        """Send the next request; its time counts from when it was due."""
        self.sent_at.append(due_at or time.perf_counter())
        self.transport.write(next(self.generator.requests))

    def data_received(self, data: bytes) -> None:
        """Take answers in."""
        self.buffer += data
        while (message := take_message(self.buffer)) is not None:
            took = time.perf_counter() - self.sent_at.popleft()
            self.generator.answered(self, message[0], took)

    def connection_lost(self, error: Exception | None) -> None:
        """An answer that never comes is a failure."""
        self.generator.lost(len(self.sent_at))


class Generator:
    """Sends, and keeps the figures."""

    def __init__(self, requests: Iterator[bytes], *, is_closed_loop: bool) -> None:
        self.requests = requests
        self.is_closed_loop = is_closed_loop
        self.took: list[float] = []
        self.failed = 0
        self.left = 0
        self.ends_at = 0.0
        self.under_way = 0
        self.done = asyncio.Event()
        self.ended_at = 0.0

    async def connect(self, url: str, connections: int) -> list[Sender]:
        """Open the connections."""
        loop = asyncio.get_running_loop()
        parts = urlsplit(url)
        host, port = parts.hostname or "127.0.0.1", parts.port or 80
        senders = []
        for _ in range(connections):
            _, sender = await loop.create_connection(lambda: Sender(self), host, port)
            senders.append(sender)
        return senders

    def begin(self, senders: list[Sender], count: int, seconds: float) -> None:
        """Let each connection send its first request; closed loop only."""
        self.left = count
        self.ends_at = time.perf_counter() + seconds
        for sender in senders:
            self._next(sender)

    def _next(self, sender: Sender) -> None:
        if self.left > 0 and time.perf_counter() < self.ends_at:
            self.left -= 1
            self.under_way += 1
            sender.send()
        elif self.under_way == 0:
            self.done.set()

    def answered(self, sender: Sender, head: bytes, took: float) -> None:
        """One answer came."""
        self.under_way -= 1
        self.ended_at = time.perf_counter()
        if head.startswith(b"HTTP/1.1 200"):
            self.took.append(took)
        else:
            self.failed += 1
        if self.is_closed_loop:
            self._next(sender)

    def lost(self, unanswered: int) -> None:
        """A connection broke."""
        self.failed += unanswered
        self.under_way -= unanswered
        if self.under_way <= 0:
            self.done.set()


async def closed(
    url: str,
    secret: str,
    *,
    connections: int,
    count: int,
    seconds: float,
    first_id: int,
) -> dict[str, float]:
    """As many requests as it takes, at most `count` and for `seconds`."""
    requests = requests_to(url, secret, first_id)
    generator = Generator(requests, is_closed_loop=True)
    senders = await generator.connect(url, connections)
    started, cpu = time.perf_counter(), time.process_time()
    generator.begin(senders, count, seconds)
    await asyncio.wait_for(generator.done.wait(), seconds + 30)
    return _figures(generator, started, cpu)


async def steady(
    url: str, secret: str, *, rate: float, seconds: float, first_id: int
) -> dict[str, float]:
    """`rate` requests a second for `seconds`, on as many connections as it takes."""
    requests = requests_to(url, secret, first_id)
    generator = Generator(requests, is_closed_loop=False)
    senders = await generator.connect(url, 8)
    started, cpu = time.perf_counter(), time.process_time()
    for number in range(int(rate * seconds)):
        due_at = started + number / rate
        await asyncio.sleep(max(0.0, due_at - time.perf_counter()))
        generator.under_way += 1
        min(senders, key=lambda one: len(one.sent_at)).send()
    for _ in range(500):
        if generator.under_way == 0:
            break
        await asyncio.sleep(0.01)
    return _figures(generator, started, cpu)


def _figures(generator: Generator, started: float, cpu: float) -> dict[str, float]:
    wall_s = max(generator.ended_at - started, 1e-9)
    took = sorted(generator.took) or [0.0]
    return {
        "count": len(generator.took),
        "failed": generator.failed + generator.under_way,
        "rate": len(generator.took) / wall_s,
        "p50_ms": 1000 * took[len(took) // 2],
        "p99_ms": 1000 * took[min(len(took) - 1, int(len(took) * 0.99))],
        "cpu_share": (time.process_time() - cpu) / wall_s,
    }


def main() -> None:
    """Run one load and print its figures as JSON."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("kind", choices=("closed", "steady"))
    parser.add_argument("--url", required=True)
    parser.add_argument("--secret", default="")
    parser.add_argument("--connections", type=int, default=32)
    parser.add_argument("--count", type=int, default=1_000_000)
    parser.add_argument("--seconds", type=float, default=4.0)
    parser.add_argument("--rate", type=float, default=50.0)
    parser.add_argument("--first-id", type=int, default=1)
    given = parser.parse_args()
    common = {"seconds": given.seconds, "first_id": given.first_id}
    if given.kind == "closed":
        work = closed(
            given.url,
            given.secret,
            connections=given.connections,
            count=given.count,
            **common,
        )
    else:
        work = steady(given.url, given.secret, rate=given.rate, **common)
    print(json.dumps(asyncio.run(work)))


if __name__ == "__main__":
    main()
