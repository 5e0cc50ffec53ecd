"""Cursors: where the search for missed records of a source goes on."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

import sqlalchemy as sa

from app.ledger.database import Database

_OF = sa.text("select cursor, at from cursors where source = :source")
# What a page began with is known to be covered only once it has ended.
_KEEP = sa.text("""
    insert into cursors (source, cursor, at) values (:source, :cursor, :at)
    on conflict (source) do update set cursor = excluded.cursor, at = excluded.at
""")


@dataclass(frozen=True, slots=True)
class Cursor:
    """A connector's own words for a place; all before `at` is covered."""

    text: str
    at: datetime


class Cursors:
    """Keeps one cursor for each source."""

    def __init__(self, database: Database) -> None:
        self.database = database

    def of(self, source: str) -> Cursor | None:
        """Where the search goes on; None before the first one."""
        row = self.database.row(_OF, source=source)
        return None if row is None else Cursor(row.cursor, row.at)

    def keep(self, source: str, cursor: Cursor) -> None:
        """Go on there next time."""
        self.database.rows(_KEEP, source=source, cursor=cursor.text, at=cursor.at)
