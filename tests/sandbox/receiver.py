"""A receiver of webhooks: remembers what came, answers what it is told to."""

from __future__ import annotations

import http.server
import threading
import time
from collections import deque
from collections.abc import Callable
from typing import Any


def until(is_so: Callable[[], bool]) -> None:
    """Wait for something that happens in another thread."""
    deadline = time.monotonic() + 10
    while not is_so():
        assert time.monotonic() < deadline, "waited 10 s"
        time.sleep(0.005)


class Receiver(http.server.ThreadingHTTPServer):
    """Remembers requests and answers what it is told to."""

    daemon_threads = True
    request_queue_size = 64

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.got: list[tuple[str, str, dict[str, str], bytes]] = []
        self.answer: tuple[int, bytes] = (200, b"{}")
        #: Given first, one after the other: a status and headers.
        self.first: deque[tuple[int, dict[str, str]]] = deque()
        self.gate = threading.Event()
        self.gate.set()
        self.lock = threading.Lock()
        self.open = self.most = 0
        self.url = f"http://127.0.0.1:{self.server_port}"

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Quiet: a caller that gave up is part of the tests."""


class _Handler(http.server.BaseHTTPRequestHandler):
    server: Receiver

    def _any(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        box = self.server
        with box.lock:
            box.got.append((self.command, self.path, dict(self.headers), body))
            box.open += 1
            box.most = max(box.most, box.open)
        box.gate.wait(10)
        with box.lock:
            box.open -= 1
        status, content = box.answer
        more: dict[str, str] = {}
        with box.lock:
            if box.first:
                status, more = box.first.popleft()
        self.send_response(status)
        for name, value in more.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = _any

    def log_message(self, format: str, *args: Any) -> None:
        """Quiet."""
