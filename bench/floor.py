"""The floor: bare Flask that stores each body by one insert of two columns.

Nothing that keeps its word can do less. It runs under gunicorn with the settings
of `leadbridge web`.
"""

from __future__ import annotations

import os

from flask import Flask, Response, request
from psycopg_pool import ConnectionPool

CREATE = "create table if not exists floor (source text, body bytea)"
_INSERT = "insert into floor (source, body) values (%s, %s)"


def create() -> Flask:
    """The application, on the database that FLOOR_DATABASE names."""
    pool = ConnectionPool(
        os.environ["FLOOR_DATABASE"],
        min_size=int(os.environ["FLOOR_CONNECTIONS"]),
        max_size=int(os.environ["FLOOR_CONNECTIONS"]),
        kwargs={"autocommit": True},
        open=True,
    )
    flask = Flask("bench.floor", static_folder=None)

    @flask.post("/")
    def accept() -> Response:
        with pool.connection() as connection:
            connection.execute(_INSERT, ("floor", request.get_data()))
        return Response(b'{"status": "accepted"}', content_type="application/json")

    return flask


def arguments(*, processes: int, threads: int) -> list[str]:
    """How gunicorn is started with it, as app/cli/gunicorn.py sets it up."""
    options = {
        "--bind": "127.0.0.1:0",
        "--workers": processes,
        "--worker-class": "gthread",
        "--threads": threads,
        "--keep-alive": 30,
        "--worker-tmp-dir": "/dev/shm",  # noqa: S108
    }
    given = [str(part) for pair in options.items() for part in pair]
    return ["-m", "gunicorn", *given, "bench.floor:create()"]
