"""One embedded PostgreSQL for the whole run; a database of its own for each test."""

from __future__ import annotations

import itertools
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from app import cli
from app.ledger.embedded import EmbeddedServer
from tests.stack import Stack, new_database

_numbers = itertools.count(1)


@pytest.fixture(scope="session")
def server_url() -> Iterator[str]:
    """The URL of a running PostgreSQL, stopped at the end.

    Not in pytest's folder: it is closed to the user whom root starts PostgreSQL as,
    and the next run closes it again.
    """
    with tempfile.TemporaryDirectory(prefix="leadbridge-") as folder:
        server = EmbeddedServer(Path(folder))
        try:
            yield server.start()
        finally:
            server.stop()


@pytest.fixture
def database_url(server_url: str) -> Iterator[str]:
    """The URL of an empty database."""
    with new_database(server_url, f"test_{next(_numbers)}") as url:
        yield url


@pytest.fixture
def stack(database_url: str, tmp_path: Path) -> Iterator[Callable[..., Stack]]:
    """Makes installations; what they started is ended with the test."""
    made: list[Stack] = []

    def make(**options: str) -> Stack:
        made.append(Stack(tmp_path, database_url, **options))
        return made[-1]

    yield make
    for each in made:
        each.close()


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str]) -> Callable[..., tuple[int, str, str]]:
    """Runs a command in this process; gives its exit code, stdout and stderr."""

    def command(*argv: object) -> tuple[int, str, str]:
        code = cli.main([str(one) for one in argv])
        captured = capsys.readouterr()
        return code, captured.out, captured.err

    return command
