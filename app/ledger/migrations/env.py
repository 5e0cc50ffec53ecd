"""Alembic's entry: one connection, one advisory lock, one transaction a revision."""

import sqlalchemy as sa
from alembic import context

from app.ledger.tables import metadata

#: "leadbridge" in hexadecimal digits of its letters; any constant would do.
LOCK = 0x6C656164


def run() -> None:
    url = context.config.attributes["url"]
    engine = sa.create_engine(url, poolclass=sa.pool.NullPool)
    with engine.connect() as connection:
        connection.execute(sa.text("select pg_advisory_lock(:lock)"), {"lock": LOCK})
        connection.commit()
        context.configure(connection=connection, target_metadata=metadata)
        with context.begin_transaction():
            context.run_migrations()
        connection.commit()
    engine.dispose()


run()
