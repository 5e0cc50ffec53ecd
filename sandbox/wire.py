"""HTTP/1.1 as the sandbox speaks it: keep-alive, one packet an answer.

Werkzeug's own handler closes every connection and waits 10 ms to drain it.
This one reads the whole body first, so connections can stay open, and it can
cut a connection on purpose.
"""

from __future__ import annotations

import logging
import posixpath
import socket
import struct
from io import BytesIO
from typing import Any

from werkzeug.serving import DechunkedInput, WSGIRequestHandler

log = logging.getLogger("sandbox")

#: A body larger than this is not read; the connection ends with 400.
BODY_LIMIT = 64 * 1024 * 1024


class ConnectionCut(Exception):
    """Raised by a scripted fault: end the connection without an answer."""


class KeepAliveHandler(WSGIRequestHandler):
    """One thread a connection, any number of requests on it."""

    protocol_version = "HTTP/1.1"
    # Headers and body leave in one write: no waiting for a delayed ACK.
    wbufsize = 64 * 1024
    disable_nagle_algorithm = True

    def run_wsgi(self) -> None:
        """Answer one request; the connection stays open unless either side ends it."""
        if self.headers.get("Expect", "").lower() == "100-continue":
            self.wfile.write(b"HTTP/1.1 100 Continue\r\n\r\n")
            self.wfile.flush()
        environ = self.make_environ()
        if "/../" in environ["PATH_INFO"]:
            # As vendors' front doors do: a client of Marketo asks for /rest/../bulk.
            environ["PATH_INFO"] = posixpath.normpath(environ["PATH_INFO"])
        try:
            body = self._read_body(environ)
        except (ValueError, OSError):
            self._send("400 Bad Request", [("Connection", "close")], b"")
            return
        environ["wsgi.input"] = BytesIO(body)
        environ["CONTENT_LENGTH"] = str(len(body))
        answer: list[Any] = []

        def start_response(status: str, headers: Any, _: Any = None) -> None:
            answer.extend((status, headers))

        try:
            content = b"".join(self.server.app(environ, start_response))
        except ConnectionCut:
            self._cut()
        except Exception:
            log.exception("the sandbox failed on %s %s", self.command, self.path)
            self._send("500 Sandbox Error", [("Connection", "close")], b"sandbox bug\n")
        else:
            self._send(answer[0], answer[1], content)

    def _read_body(self, environ: dict[str, Any]) -> bytes:
        """The whole body; ValueError for a length that is none or too much."""
        if environ.pop("HTTP_TRANSFER_ENCODING", ""):
            return DechunkedInput(self.rfile).read()
        length = int(self.headers.get("Content-Length") or 0)
        if not 0 <= length <= BODY_LIMIT:
            raise ValueError("no length to read")
        return self.rfile.read(length)

    def _send(
        self, status: str, headers: list[tuple[str, str]], content: bytes
    ) -> None:
        lines = [f"{self.protocol_version} {status}"]
        names = set()
        for name, value in headers:
            names.add(name.lower())
            lines.append(f"{name}: {value}")
            if name.lower() == "connection" and value.lower() == "close":
                self.close_connection = True
        if "date" not in names:
            lines.append(f"Date: {self.date_time_string()}")
        if "content-length" not in names and not status.startswith("204"):
            lines.append(f"Content-Length: {len(content)}")
        head = "\r\n".join(lines).encode("latin-1") + b"\r\n\r\n"
        self.wfile.write(head + (b"" if self.command == "HEAD" else content))
        self.wfile.flush()

    def _cut(self) -> None:
        # Linger 0: the peer sees a reset, as when a proxy gives up.
        self.close_connection = True
        self.connection.setsockopt(
            socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0)
        )
        self.connection.close()

    def log(self, type: str, message: str, *args: Any) -> None:
        """Nothing: thousands of request lines help nobody; see /_sandbox/state."""
