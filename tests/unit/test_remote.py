"""One call to another system: what it sends, and every way in which it can fail."""

from __future__ import annotations

import gzip
import json
import socket
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, NamedTuple

import pytest

from app.errors import (
    AnswerTooLarge,
    AnswerUnexpected,
    ConfigurationError,
    CredentialsRefused,
    QuotaSpent,
    RateLimited,
    RemoteFault,
    RequestRefused,
    Unreachable,
)
from app.remote import Answer, Remote, address_problem


class Call(NamedTuple):
    headers: Any
    client_address: Any
    body: bytes


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_POST(self) -> None:
        length = int(self.headers.get("Content-Length", 0))
        call = Call(self.headers, self.client_address, self.rfile.read(length))
        self.server.seen.append(call)
        self.server.answers[self.path](self)

    do_GET = do_POST

    def log_message(self, *args: object) -> None:
        """Silent."""


class Server(ThreadingHTTPServer):
    daemon_threads = True
    # Of more callers at once than this, some connect and are never heard.
    request_queue_size = 64

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.answers: dict[str, Callable[[Handler], None]] = {}
        self.seen: list[Call] = []

    def handle_error(self, *args: object) -> None:
        """The client going away is what some tests are about."""


@pytest.fixture
def server() -> Iterator[Server]:
    made = Server()
    thread = threading.Thread(target=made.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield made
    made.shutdown()
    thread.join()
    made.server_close()


@pytest.fixture
def remote(server: Server) -> Iterator[Remote]:
    made = Remote(
        "acme",
        f"http://127.0.0.1:{server.server_port}",
        connect_timeout_s=0.5,
        read_timeout_s=0.3,
    )
    yield made
    made.close()


def answer(
    body: bytes = b"{}", status: int = 200, **headers: str
) -> Callable[[Handler], None]:
    def send(handler: Handler) -> None:
        handler.send_response(status)
        for name, value in headers.items():
            handler.send_header(name.replace("_", "-"), value)
        handler.send_header("Content-Length", str(len(body)))
        handler.end_headers()
        handler.wfile.write(body)

    return send


def test_a_form_and_a_json_body_are_sent(server: Server, remote: Remote) -> None:
    server.answers["/a"] = answer(b'{"a": "\xc3\xab"}')
    found = remote.call("POST", "/a", operation="a", data={"email": "a+b@c.example"})
    assert (found.status, found.json()) == (200, {"a": "ë"})
    assert 0 < found.ms < 1000
    remote.call("POST", "/a", operation="a", json={"name": "Zoë"})
    form, jsonic = server.seen
    assert form.body == b"email=a%2Bb%40c.example"
    assert form.headers["Content-Type"] == "application/x-www-form-urlencoded"
    assert json.loads(jsonic.body) == {"name": "Zoë"}
    assert jsonic.headers["Content-Type"] == "application/json"


def test_the_connection_is_kept_between_calls(server: Server, remote: Remote) -> None:
    server.answers["/a"] = answer()
    for _ in range(3):
        remote.call("GET", "/a", operation="a")
    assert len({call.client_address for call in server.seen}) == 1


def test_nothing_is_taken_from_the_environment(
    server: Server, remote: Remote, monkeypatch: pytest.MonkeyPatch, tmp_path: Any
) -> None:
    (tmp_path / ".netrc").write_text("machine 127.0.0.1 login me password hidden")
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("HTTP_PROXY", "http://proxy.invalid:1")
    server.answers["/a"] = answer(Set_Cookie="session=1; Path=/")
    for _ in range(2):
        remote.call("GET", "/a", operation="a", headers={"Authorization": "Token x"})
    call = server.seen[-1]
    assert call.headers["Authorization"] == "Token x"
    assert call.headers["Cookie"] is None


def test_a_gzipped_answer_is_unpacked(server: Server, remote: Remote) -> None:
    server.answers["/a"] = answer(gzip.compress(b'{"a": 1}'), Content_Encoding="gzip")
    assert remote.call("GET", "/a", operation="a").json() == {"a": 1}


def test_a_small_answer_that_unpacks_without_end_is_not_read(
    server: Server, remote: Remote
) -> None:
    bomb = gzip.compress(b" " * 50_000_000)
    server.answers["/a"] = answer(bomb, Content_Encoding="gzip")
    with pytest.raises(AnswerTooLarge, match="more than"):
        remote.call("GET", "/a", operation="a")


def test_a_broken_encoding_is_unexpected(server: Server, remote: Remote) -> None:
    server.answers["/a"] = answer(b"not gzip", Content_Encoding="gzip")
    with pytest.raises(AnswerUnexpected, match="encoding"):
        remote.call("GET", "/a", operation="a")


@pytest.mark.parametrize("location", ["http://127.0.0.1:1/", "http://[", ""])
def test_a_redirect_is_told_and_not_followed(
    server: Server, remote: Remote, location: str
) -> None:
    server.answers["/a"] = answer(b"moved", 307, Location=location)
    with pytest.raises(AnswerUnexpected, match="redirect"):
        remote.call("POST", "/a", operation="a", data={"a": "b"})
    assert len(server.seen) == 1


def test_silence_is_unreachable(server: Server, remote: Remote) -> None:
    server.answers["/a"] = lambda handler: time.sleep(0.6)
    with pytest.raises(Unreachable, match=r"within 0\.3 s"):
        remote.call("GET", "/a", operation="a")
    server.answers["/b"] = lambda handler: (time.sleep(0.4), answer()(handler))[1]
    assert remote.call("GET", "/b", operation="b", read_timeout_s=2.0).status == 200


def test_an_answer_that_trickles_in_does_not_hold_the_thread(
    server: Server, remote: Remote
) -> None:
    def trickle(handler: Handler) -> None:
        handler.send_response(200)
        handler.send_header("Content-Length", "1000")
        handler.end_headers()
        for _ in range(40):
            handler.wfile.write(b" ")
            time.sleep(0.1)

    server.answers["/a"] = trickle
    started = time.monotonic()
    with pytest.raises(Unreachable):
        remote.call("GET", "/a", operation="a")
    assert time.monotonic() - started < 2.0


def test_half_an_answer_is_unreachable(server: Server, remote: Remote) -> None:
    def cut(handler: Handler) -> None:
        handler.send_response(200)
        handler.send_header("Content-Length", "1000")
        handler.end_headers()
        handler.wfile.write(b'{"a":')
        handler.wfile.flush()
        handler.connection.shutdown(socket.SHUT_RDWR)
        handler.close_connection = True

    server.answers["/a"] = cut
    with pytest.raises(Unreachable, match="broke"):
        remote.call("GET", "/a", operation="a")


def test_a_closed_port_is_unreachable_and_the_address_is_not_told() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        port = taken.getsockname()[1]
    closed = Remote("acme", f"http://127.0.0.1:{port}", connect_timeout_s=0.5)
    with pytest.raises(Unreachable) as caught:
        closed.call("GET", "/a", operation="a.b", params={"email": "jane@acme.example"})
    error = caught.value
    assert (error.system, error.operation) == ("acme", "a.b")
    assert "jane" not in f"{error}{error!r}{vars(error)}"
    assert error.__suppress_context__


def test_many_threads_share_a_remote(server: Server, remote: Remote) -> None:
    for number in range(12):
        server.answers[f"/{number}"] = answer(b'{"n": %d}' % number)

    def work(number: int) -> set[int]:
        path = f"/{number}"
        found = [
            remote.call("GET", path, operation="a", read_timeout_s=30.0).json()
            for _ in range(20)
        ]
        return {one["n"] for one in found}

    with ThreadPoolExecutor(12) as pool:
        assert list(pool.map(work, range(12))) == [{n} for n in range(12)]
    assert len(server.seen) == 240


@pytest.mark.parametrize(
    "url",
    [
        "http://crm.example",
        "crm.example",
        "ftp://crm.example",
        "https://",
        "https://user:password@crm.example",
        "https://crm.example/?a=b",
        "https://crm.example:port",
        " https://crm.example",
        "http://127.0.0.1.crm.example",
        "http://localhost.crm.example",
    ],
)
def test_an_unsafe_address_is_refused(url: str) -> None:
    with pytest.raises(ConfigurationError) as caught:
        Remote("acme", url)
    assert "password" not in str(caught.value)


@pytest.mark.parametrize(
    "url",
    ["http://127.0.0.1:8600", "http://localhost", "http://[::1]:1", "https://x.y/z"],
)
def test_a_safe_address_is_taken(url: str) -> None:
    assert address_problem(url) == ""
    assert Remote("acme", url + "/").base_url == url


def test_plain_http_can_be_allowed() -> None:
    assert Remote("acme", "http://sandbox:8600", allow_http=True).base_url


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        (400, RequestRefused),
        (401, CredentialsRefused),
        (402, QuotaSpent),
        (403, CredentialsRefused),
        (404, RequestRefused),
        (408, RemoteFault),
        (413, RequestRefused),
        (429, RateLimited),
        (500, RemoteFault),
        (599, RemoteFault),
        (202, AnswerUnexpected),
        (700, AnswerUnexpected),
    ],
)
def test_a_status_has_its_error(status: int, kind: type) -> None:
    error = Answer(status, {}, b"", 1.0, "acme", "op").error("why")
    assert type(error) is kind
    assert str(error) == f"acme answered {status}: why"


@pytest.mark.parametrize(
    "body", [b"", b"<p>", b"{", b"\xff", b"[" * 99999, b"9" * 9999]
)
def test_what_is_no_json_is_unexpected(body: bytes) -> None:
    found = Answer(200, {}, body, 1.0, "acme", "op")
    with pytest.raises(AnswerUnexpected, match="not JSON") as caught:
        found.json()
    assert caught.value.__context__ is None
    assert "body" not in repr(found)
