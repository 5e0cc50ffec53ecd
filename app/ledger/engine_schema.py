"""The engine's own tables, brought up beside ours by the files it ships."""

from __future__ import annotations

import re
from importlib import metadata, resources

import sqlalchemy as sa

NAME = "engine_schema"
_FILE = re.compile(r"^(\d+)\.(\d+)\.(\d+)_")


def upgrade(connection: sa.Connection) -> None:
    """Install the engine's schema, or apply the migrations that are newer than it."""
    installed = _version(metadata.version("procrastinate"))
    found = connection.execute(
        sa.text("select value from installation where name = :name"), {"name": NAME}
    ).scalar()
    sql = resources.files("procrastinate.sql")
    if found is None:
        _run(connection, (sql / "schema.sql").read_text(encoding="utf-8"))
    else:
        folder = sql / "migrations"
        names = sorted(entry.name for entry in folder.iterdir())
        for name in names:
            match = _FILE.match(name)
            if match and _version(found) < _numbers(match.groups()) <= installed:
                _run(connection, (folder / name).read_text(encoding="utf-8"))
    connection.execute(
        sa.text(
            "insert into installation (name, value) values (:name, :value)"
            " on conflict (name) do update set value = excluded.value"
        ),
        {"name": NAME, "value": ".".join(map(str, installed))},
    )


def _run(connection: sa.Connection, sql: str) -> None:
    # Many statements in one string: the driver's simple protocol, no parameters.
    connection.exec_driver_sql(sql.replace("%", "%%"), ())


def _version(text: str) -> tuple[int, ...]:
    return _numbers(re.findall(r"\d+", text)[:3])


def _numbers(parts: object) -> tuple[int, ...]:
    return tuple(int(part) for part in parts)  # type: ignore[attr-defined]
