"""The schema: from nothing, twice at once, and what a process says to an odd one."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator

import pytest
import sqlalchemy as sa

from app.errors import ConfigurationError
from app.ledger import engine_schema, installation
from app.ledger.database import Database, DatabaseAway, schema_state, upgrade
from app.ledger.tables import metadata
from tests.ledger_parts import at_once
from tests.stack import ROOT


@pytest.fixture
def empty(database_url: str) -> Iterator[Database]:
    database = Database(database_url, connections=2)
    yield database
    database.close()


def revision(database: Database) -> str:
    rows = database.rows(sa.text("select version_num from alembic_version"))
    assert len(rows) == 1
    return str(rows[0].version_num)


def test_an_empty_database_comes_up_to_what_the_code_expects(empty: Database) -> None:
    problem = schema_state(empty)
    assert problem is not None
    assert "leadbridge db upgrade" in problem
    reached = upgrade(empty.url)
    assert revision(empty) == reached
    assert schema_state(empty) is None
    inspector = sa.inspect(empty.engine)
    for table in metadata.sorted_tables:
        found = {column["name"] for column in inspector.get_columns(table.name)}
        assert found == {column.name for column in table.columns}, table.name
        indexes = {index["name"] for index in inspector.get_indexes(table.name)}
        assert {index.name for index in table.indexes} <= indexes, table.name
    assert inspector.has_table("procrastinate_jobs")


def test_two_upgrades_at_the_same_instant_are_one(empty: Database) -> None:
    # Processes, as on two machines: the migrations' library knows one at a time.
    started = [
        subprocess.Popen(
            [sys.executable, "-m", "app", "db", "upgrade"],
            env={"DATABASE_URL": empty.url, "PATH": os.environ["PATH"]},
            cwd=ROOT,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
        )
        for _ in range(2)
    ]
    said = [process.communicate(timeout=60)[0].decode() for process in started]
    assert [process.returncode for process in started] == [0, 0], said
    assert said[0] == said[1] == f"database is at revision {revision(empty)}\n"
    assert schema_state(empty) is None


def test_upgrading_again_changes_nothing(empty: Database) -> None:
    upgrade(empty.url)
    empty.rows(sa.text("insert into cursors (source, cursor) values ('marketo', 'x')"))
    upgrade(empty.url)
    assert empty.row(sa.text("select cursor from cursors")) == ("x",)


def test_a_schema_of_a_newer_version_is_told_from_an_old_one(empty: Database) -> None:
    upgrade(empty.url)
    empty.rows(sa.text("update alembic_version set version_num = '9999'"))
    problem = schema_state(empty)
    assert problem is not None
    assert "revision 9999" in problem
    assert "newer" in problem


def test_the_engines_own_migrations_are_applied_from_where_it_was(
    empty: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    upgrade(empty.url)
    ran: list[str] = []
    monkeypatch.setattr(engine_schema, "_run", lambda _, sql: ran.append(sql))
    with empty.transaction() as connection:
        engine_schema.upgrade(connection)
        assert ran == []
        connection.execute(
            sa.text("update installation set value = '3.0.0' where name = :name"),
            {"name": engine_schema.NAME},
        )
        engine_schema.upgrade(connection)
    assert ran
    assert all("procrastinate" in sql for sql in ran)


# The key of all hashes


def test_a_key_is_made_once_and_kept(empty: Database) -> None:
    upgrade(empty.url)
    keys = at_once(2, lambda _: installation.person_key(empty, None))
    assert len({*keys, installation.person_key(empty, None)}) == 1


def test_a_key_that_is_given_must_stay_the_same(empty: Database) -> None:
    upgrade(empty.url)
    first = installation.person_key(empty, "a-key-of-sixteen-letters")
    assert installation.person_key(empty, "a-key-of-sixteen-letters") == first
    with pytest.raises(ConfigurationError, match="is not the key"):
        installation.person_key(empty, "another-key-altogether")
    stored = empty.rows(sa.text("select value from installation"))
    assert "a-key-of-sixteen-letters" not in str(stored)


def test_a_database_filled_under_its_own_key_refuses_another(empty: Database) -> None:
    upgrade(empty.url)
    made = installation.person_key(empty, None).decode()
    with pytest.raises(ConfigurationError, match="a key of its own"):
        installation.person_key(empty, "a-key-of-sixteen-letters")
    assert installation.person_key(empty, made) == made.encode()


def test_a_turn_is_had_by_one_of_all_who_ask(empty: Database) -> None:
    upgrade(empty.url)
    hour = sa.text("select interval '1 hour' as every")
    (row,) = empty.rows(hour)
    turns = at_once(2, lambda _: installation.is_turn(empty, "purge", row.every))
    assert sorted(turns) == [False, True]
    empty.rows(
        sa.text(
            "update installation set value = (now() - interval '2 hours')::text"
            " where name = 'turn:purge'"
        )
    )
    assert installation.is_turn(empty, "purge", row.every)


def test_a_database_that_is_away_is_told_without_its_password() -> None:
    url = "postgresql+psycopg://someone:secret-word@127.0.0.1:1/nothing"
    database = Database(url)
    assert not database.is_up()
    with pytest.raises(DatabaseAway) as away:
        database.rows(sa.text("select 1"))
    for text in (str(away.value), repr(database)):
        assert "secret-word" not in text
    database.close()


def test_the_migrations_make_exactly_the_tables_of_the_code(empty: Database) -> None:
    upgrade(empty.url)
    from alembic.autogenerate import compare_metadata
    from alembic.migration import MigrationContext

    def ours(thing: object, name: str, kind: str, *_: object) -> bool:
        return kind != "table" or not name.startswith("procrastinate_")

    with empty.engine.connect() as connection:
        context = MigrationContext.configure(
            connection,
            opts={
                "include_object": ours,
                "compare_type": True,
                "compare_server_default": True,
            },
        )
        differences = compare_metadata(context, metadata)
    mine = [d for d in differences if "alembic_version" not in str(d)]
    assert mine == []
