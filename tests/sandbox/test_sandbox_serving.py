"""One port, many connections, a clean start and stop."""

from __future__ import annotations

import http.client
import re
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

ROOT = Path(__file__).parents[2]
FORM = {
    "Authorization": f"Token {'a1' * 20}",
    "Content-Type": "application/x-www-form-urlencoded",
}


@pytest.fixture
def process() -> Iterator[subprocess.Popen[str]]:
    started = subprocess.Popen(
        [sys.executable, "-m", "sandbox", "--port", "0"],
        cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    with started:
        yield started
        started.kill()


def test_it_says_where_it_listens_and_ends_on_sigterm(
    process: subprocess.Popen[str],
) -> None:
    assert process.stdout
    line = process.stdout.readline()
    found = re.fullmatch(r"sandbox listening on http://127\.0\.0\.1:(\d+)\n", line)
    assert found
    connection = http.client.HTTPConnection("127.0.0.1", int(found[1]))
    connection.request("GET", "/_sandbox/health")
    assert connection.getresponse().read()
    # The open connection does not hold up the end.
    process.send_signal(signal.SIGTERM)
    out, err = process.communicate(timeout=10)
    connection.close()
    assert (process.returncode, out, err) == (0, "", "")


def test_a_taken_port_is_said_in_words(running: Any) -> None:
    port = str(urlsplit(running.url).port)
    found = subprocess.run(
        [sys.executable, "-m", "sandbox", "--port", port],
        cwd=ROOT, capture_output=True, text=True, timeout=20, check=False,
    )  # fmt: skip
    assert found.returncode == 1
    assert f"sandbox: port {port} of 127.0.0.1 is not free" in found.stderr


@pytest.fixture
def connection(control: Any) -> Iterator[http.client.HTTPConnection]:
    made = http.client.HTTPConnection(urlsplit(control.url).netloc)
    yield made
    made.close()


def test_connections_stay_open(connection: http.client.HTTPConnection) -> None:
    sockets = set()
    for _ in range(5):
        connection.request("POST", "/v2/people/score", "email=a@acme.example", FORM)
        answer = connection.getresponse()
        assert answer.version == 11
        assert answer.read()
        sockets.add(connection.sock.getsockname() if connection.sock else None)
    assert len(sockets) == 1


def test_an_unread_body_does_not_disturb_the_next_request(
    connection: http.client.HTTPConnection,
) -> None:
    connection.request("POST", "/nowhere", "x" * 100_000)
    assert connection.getresponse().read()
    connection.request("GET", "/_sandbox/health")
    assert connection.getresponse().status == 200


def test_chunked_bodies_are_read(connection: http.client.HTTPConnection) -> None:
    chunks = iter([b"email=a%40", b"acme.example"])
    connection.request("POST", "/v2/people/score", chunks, FORM)
    assert b"Platform" in connection.getresponse().read()


def test_a_bad_content_length_is_400(control: Any) -> None:
    place = urlsplit(control.url)
    with socket.create_connection((place.hostname, place.port)) as raw:
        raw.sendall(b"POST /x HTTP/1.1\r\nHost: x\r\nContent-Length: ten\r\n\r\n")
        assert raw.recv(100).startswith(b"HTTP/1.1 400 ")


def test_marketo_can_keep_connections_too(control: Any, marketo: Any) -> None:
    control.config(marketo={"keep_alive": True})
    answer = marketo.call("GET", "/rest/v1/lead/318581.json")
    assert "Connection" not in answer.headers


def test_a_hundred_connections_at_a_time(control: Any) -> None:
    control.config(sixsense={"rate_calls": 0})
    control.fault(system="sixsense", kind="hold", times=100)
    place = urlsplit(control.url).netloc
    connections = [http.client.HTTPConnection(place) for _ in range(100)]

    def ask(n: int) -> int:
        connections[n].request("POST", "/v2/people/full", f"email=a@c{n}.example", FORM)
        answer = connections[n].getresponse()
        answer.read()
        connections[n].close()
        return answer.status

    with ThreadPoolExecutor(100) as pool:
        asked = pool.map(ask, range(100))
        # Nobody is answered before all hundred are there.
        while control.state(calls=0)["sixsense"]["calls"] < 100:
            pass
        control.send("POST", "/faults/release")
        assert list(asked) == [200] * 100
