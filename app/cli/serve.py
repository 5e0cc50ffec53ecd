"""`up`, `web`, `worker`, `sandbox`, `db`: the commands that stay, and the upgrade."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from app.settings import Settings


def load_settings(**overrides: object) -> Settings:
    """The environment's settings with logs and reports set up, as services run.

    `overrides` are environment variables that a command's options stand for.
    """
    from app import __version__, logs, sentry
    from app.settings import Settings

    given = {k: str(v) for k, v in overrides.items() if v is not None}
    settings = Settings.load({**os.environ, **given})
    logs.configure(settings.log_level, settings.log_format)
    sentry.init(settings.sentry_dsn, release=__version__)
    return settings


PORT = click.option("--port", type=int, help="Instead of PORT.")
HOST = click.option("--host", help="Instead of HOST.")
#: The process id of `up`, which starts web and worker this way.
PARENT = click.option("--parent", type=int, hidden=True)


@click.command()
@PORT
@HOST
def up(port: int | None, host: str | None) -> int:
    """Run database (if DATABASE_URL names none), web and worker, supervised."""
    from app.cli.supervisor import Supervisor

    return Supervisor(load_settings(PORT=port, HOST=host)).run()


@click.command()
@PORT
@HOST
@PARENT
def web(port: int | None, host: str | None, parent: int | None) -> int:
    """Run the web server alone: it takes webhooks and answers health checks."""
    from app.cli.gunicorn import serve
    from app.cli.supervisor import follow

    follow(parent)
    return serve(load_settings(PORT=port, HOST=host))


@click.command()
@PARENT
def worker(parent: int | None) -> int:
    """Run the worker alone: it asks 6sense and writes back. Run as many as needed."""
    from app import runtime as runtimes
    from app.cli.supervisor import follow
    from app.pipeline import engine

    follow(parent)
    runtime = runtimes.build(load_settings(), role="worker")
    try:
        return engine.run(runtime.parts)
    finally:
        runtime.close()


@click.command()
@click.option("--port", type=int, default=9100, show_default=True)
@click.option("--host", default="127.0.0.1", show_default=True)
def sandbox(port: int, host: str) -> None:
    """Play 6sense and each connector's system on one port, for trials and tests."""
    from sandbox.server import serve

    serve(port=port, host=host)


@click.group()
def db() -> None:
    """Look after the database."""


@db.command()
def upgrade() -> None:
    """Bring the database's schema to this version's. Safe to repeat."""
    from app import runtime as runtimes
    from app.ledger import database

    settings = load_settings()
    url, server = runtimes.database_url(settings)
    try:
        click.echo(f"database is at revision {database.upgrade(url)}")
    finally:
        if server is not None:
            server.stop()


def environment(settings: Settings, **more: Any) -> dict[str, str]:
    """The environment of a child process: ours, and what was decided since."""
    return {**os.environ, **settings.environ, **{k: str(v) for k, v in more.items()}}
