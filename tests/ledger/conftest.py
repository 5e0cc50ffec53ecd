"""One database for the ledger's tests; each test finds it empty."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from app.ledger.database import Database, upgrade
from tests.ledger_parts import Desk
from tests.stack import new_database


@pytest.fixture(scope="session")
def ledger_database(server_url: str) -> Iterator[Database]:
    """A database with the schema, and connections for many threads."""
    with new_database(server_url, "ledger") as url:
        upgrade(url)
        database = Database(url, connections=20, name="ledger tests")
        yield database
        database.close()


@pytest.fixture
def desk(ledger_database: Database) -> Desk:
    """An empty ledger."""
    made = Desk(ledger_database)
    made.clear()
    return made
