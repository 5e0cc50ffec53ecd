"""What the database server says of itself, and what came in last: for `doctor`."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import psycopg
import sqlalchemy as sa

from app.ledger.database import GONE, Database, DatabaseAway

_SERVER = sa.text("""
    select current_setting('server_version') as version,
           pg_is_in_recovery() or current_setting('transaction_read_only') = 'on'
               as is_read_only,
           current_setting('max_connections')::int
               - current_setting('superuser_reserved_connections')::int as most,
           (select rolconnlimit from pg_roles where rolname = current_user) as of_role,
           (select datconnlimit from pg_database
            where datname = current_database()) as of_database,
           (select count(*) from pg_stat_activity
            where backend_type = 'client backend')::int as open,
           pg_database_size(current_database()) as bytes
""")
_CLOCK = sa.text("select clock_timestamp() as at")
_NOTIFY = sa.text("select pg_notify(:channel, '')")
_LAST_WEBHOOK = sa.text("""
    select received_at, outcome from deliveries
    where source = :source and outcome <> 'found'
    order by received_at desc limit 1
""")
_UNREADABLE = sa.text("""
    select source, count(*)::int as bodies, max(received_at) as last_at
    from deliveries where outcome = 'unreadable' group by source order by source
""")
#: How long word may take from one connection to another, in seconds.
HEARD_WITHIN_S = 3.0
_CHANNEL = "leadbridge_doctor"


@dataclass(frozen=True, slots=True)
class Server:
    """One PostgreSQL, and our database in it."""

    version: str
    #: A standby, or one that takes no writes.
    is_read_only: bool
    #: Connections that we may have at most: of the server, the role or the database.
    most_connections: int
    open_connections: int
    bytes: int
    #: How far the server's clock is ahead of this machine's.
    clock_ahead_s: float


def server(database: Database) -> Server:
    """The server behind DATABASE_URL. Raises DatabaseAway."""
    row = database.rows(_SERVER)[0]
    limits = [n for n in (row.most, row.of_role, row.of_database) if n and n > 0]
    before = datetime.now(UTC)
    at: datetime = database.rows(_CLOCK)[0].at
    middle = before + (datetime.now(UTC) - before) / 2
    return Server(
        version=row.version.split()[0],
        is_read_only=row.is_read_only,
        most_connections=min(limits),
        open_connections=row.open,
        bytes=row.bytes,
        clock_ahead_s=(at - middle).total_seconds(),
    )


def is_heard(database: Database, *, within_s: float = HEARD_WITHIN_S) -> bool:
    """Whether LISTEN hears what another connection says. Raises DatabaseAway.

    Behind a transaction pooler it does not: the connection that listened is somebody
    else's by then. A connection that told itself would hear it even there.
    """
    url = database.url.replace("postgresql+psycopg://", "postgresql://")
    try:
        with psycopg.connect(
            url, autocommit=True, connect_timeout=5, application_name="leadbridge cli"
        ) as listener:
            listener.execute(f"listen {_CHANNEL}")
            database.rows(_NOTIFY, channel=_CHANNEL)
            # To its end: a generator left behind keeps the connection's lock.
            return bool(list(listener.notifies(timeout=within_s, stop_after=1)))
    except GONE as error:
        said = (str(error).strip().splitlines() or [""])[0]
        raise DatabaseAway(f"LISTEN did not work: {said}") from None


def last_webhook(database: Database, source: str) -> tuple[datetime, str] | None:
    """When the last webhook of a source came, and what became of it."""
    row = database.row(_LAST_WEBHOOK, source=source)
    return None if row is None else (row.received_at, row.outcome)


def unreadable(database: Database) -> list[sa.Row[Any]]:
    """Rows of source, bodies, last_at: webhook bodies that could not be read."""
    return list(database.rows(_UNREADABLE))
