"""6sense and Marketo for measuring: the four calls that matter, as fast as can be.

A process of its own, so that it takes no time from what is measured but a core's
share. It checks nothing: the sandbox is there for that.

    python -m bench.upstreams     says where it listens
"""

from __future__ import annotations

import argparse
import asyncio
import json
import re
import time
from collections import Counter
from urllib.parse import parse_qs, urlsplit

from bench.wire import answer, take_message
from sandbox import people

_ENRICH = "/v2/people/full"
_TOKEN = "/identity/oauth/token"
_LEADS = "/rest/v1/leads.json"
_ID = re.compile(rb'"id":(\d+)')
_MATCHED = answer(json.dumps(people.full_answer("jo@tubes.example")).encode())
_ISSUED = answer(b'{"access_token":"a-token","token_type":"bearer","expires_in":3599}')


class Upstreams:
    """What was called, and when; the time is this machine's monotonic clock."""

    def __init__(self) -> None:
        self.reset()

    def reset(self, sixsense_ms: float = 0, marketo_ms: float = 0) -> None:
        """Forget everything; the waits are those before an answer."""
        self.sixsense_s = sixsense_ms / 1000
        self.marketo_s = marketo_ms / 1000
        self.calls: Counter[str] = Counter()
        self.asked_at: list[float] = []
        self.synced: list[tuple[float, int]] = []
        #: When each lead was written first.
        self.written_at: dict[int, float] = {}

    def respond(self, head: bytes, body: bytes) -> tuple[bytes, float]:
        """The answer to one request, and how long it is held back."""
        method, target, _ = head.split(b"\r\n", 1)[0].decode().split(" ", 2)
        url = urlsplit(target)
        if url.path == _ENRICH:
            self.asked_at.append(time.monotonic())
            return _MATCHED, self.sixsense_s
        if url.path == _LEADS:
            is_read = method == "GET" or "_method=GET" in url.query
            done = self._read(body) if is_read else self._sync(body)
            return done, self.marketo_s
        if url.path == _TOKEN:
            self.calls["token"] += 1
            return _ISSUED, self.marketo_s
        return self._control(url.path, parse_qs(url.query)), 0

    def _read(self, body: bytes) -> bytes:
        self.calls["read"] += 1
        form = parse_qs(body.decode())
        names = [n for n in form["fields"][0].split(",") if n != "id"]
        blank = "".join(f',"{name}":null' for name in names)
        rows = ",".join(f'{{"id":{n}{blank}}}' for n in _ids(form))
        return answer(_success(rows))

    def _sync(self, body: bytes) -> bytes:
        now = time.monotonic()
        self.calls["sync"] += 1
        ids = [int(one) for one in _ID.findall(body)]
        self.synced.append((now, len(ids)))
        for one in ids:
            self.written_at.setdefault(one, now)
        rows = ",".join(f'{{"id":{one},"status":"updated"}}' for one in ids)
        return answer(_success(rows))

    def _control(self, path: str, query: dict[str, list[str]]) -> bytes:
        if path == "/_bench/reset":
            self.reset(**{name: float(given[0]) for name, given in query.items()})
            return answer(b"{}")
        if path == "/_bench/written":
            at = self.written_at.get(int(query["id"][0]))
            return answer(
                json.dumps({"at": at, "count": len(self.written_at)}).encode()
            )
        if path == "/_bench/state":
            return answer(json.dumps(self._state()).encode())
        return answer(b'{"status":"error"}', b"404 Not Found")

    def _state(self) -> dict[str, object]:
        return {
            "calls": dict(self.calls),
            "asked_at": self.asked_at,
            "written_at": sorted(self.written_at.values()),
            "synced": self.synced,
            "cpu_s": time.process_time(),
        }


def _ids(form: dict[str, list[str]]) -> list[str]:
    return form["filterValues"][0].split(",")


def _success(rows: str) -> bytes:
    return f'{{"requestId":"1#1","success":true,"result":[{rows}]}}'.encode()


class Conversation(asyncio.Protocol):
    """One connection, kept open by both sides."""

    def __init__(self, upstreams: Upstreams) -> None:
        self.upstreams = upstreams
        self.buffer = bytearray()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep the way back."""
        assert isinstance(transport, asyncio.Transport)
        self.transport = transport

    def data_received(self, data: bytes) -> None:
        """Answer every whole request in what has come."""
        self.buffer += data
        while (message := take_message(self.buffer)) is not None:
            said, wait_s = self.upstreams.respond(*message)
            if wait_s:
                asyncio.get_running_loop().call_later(
                    wait_s, self.transport.write, said
                )
            else:
                self.transport.write(said)


async def _serve() -> None:
    upstreams = Upstreams()
    loop = asyncio.get_running_loop()
    server = await loop.create_server(lambda: Conversation(upstreams), "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    print(f"upstreams listen on http://127.0.0.1:{port}", flush=True)
    await server.serve_forever()


if __name__ == "__main__":
    argparse.ArgumentParser(description=__doc__).parse_args()
    asyncio.run(_serve())
