"""What the database server says of itself, and whether word gets through."""

from __future__ import annotations

import socket
import socketserver
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from urllib.parse import parse_qs, urlsplit

from app.ledger import facts
from app.ledger.database import Database
from app.pipeline.diagnosis import State, check_database, is_usable


@contextmanager
def pooler(url: str) -> Iterator[str]:
    """The address of a relay to this database that hands on no notification.

    As a transaction pooler does, which has given the connection that listened to
    somebody else.
    """
    parts = urlsplit(url)
    path = f"{parse_qs(parts.query)['host'][0]}/.s.PGSQL.5432"

    class Relay(socketserver.BaseRequestHandler):
        def handle(self) -> None:
            with socket.socket(socket.AF_UNIX) as server:
                server.connect(path)
                back = threading.Thread(target=hand_back, args=(server, self.request))
                back.start()
                while piece := self.request.recv(65_536):
                    server.sendall(piece)
                server.shutdown(socket.SHUT_WR)
                back.join()

    with socketserver.ThreadingTCPServer(("127.0.0.1", 0), Relay) as relay:
        threading.Thread(target=relay.serve_forever).start()
        host = f"127.0.0.1:{relay.server_address[1]}"
        options = "sslmode=disable&gssencmode=disable"
        try:
            yield f"postgresql+psycopg://postgres@{host}{parts.path}?{options}"
        finally:
            relay.shutdown()


def hand_back(server: socket.socket, client: socket.socket) -> None:
    """PostgreSQL's messages: a letter, a length that counts itself, the rest."""
    with server.makefile("rb") as stream:
        while head := stream.read(5):
            body = stream.read(int.from_bytes(head[1:]) - 4)
            if head[:1] != b"A":
                client.sendall(head + body)


def test_a_direct_connection_hears_and_a_pooler_does_not(database_url: str) -> None:
    database = Database(database_url, connections=1)
    assert facts.is_heard(database)
    database.close()
    with pooler(database_url) as address:
        database = Database(address, connections=1)
        assert not facts.is_heard(database, within_s=0.3)
        database.close()


def test_an_empty_database_is_of_no_use_yet(database_url: str) -> None:
    database = Database(database_url, connections=1)
    found = check_database(database, budget=1000)
    database.close()
    assert not is_usable(found)
    states = {check.name: check.state for check in found}
    assert states["database"] is State.OK
    assert states["clock"] is State.OK
    assert states["schema"] is State.PROBLEM
    assert states["connections"] is State.PROBLEM
    (schema,) = (check for check in found if check.name == "schema")
    assert "leadbridge db upgrade" in schema.what
