"""Our own calls of a source, counted by the source's day, against its quota."""

from __future__ import annotations

import sqlalchemy as sa

from app.ledger.database import Database

_COUNT = sa.text("""
    insert into source_calls (source, day, calls)
    values (:source, (now() at time zone :zone)::date, :calls)
    on conflict (source, day) do update set calls = source_calls.calls + :calls
    returning calls,
        extract(epoch from ((day + 1)::timestamp at time zone :zone) - now())::float
        as day_ends_in_s
""")
_TODAY = sa.text("""
    select source, calls from source_calls
    where day = (now() at time zone :zone)::date and source = :source
""")


def count_calls(
    database: Database, source: str, zone: str, calls: int = 1
) -> tuple[int, float]:
    """Count them; how many there were today, and seconds until the day ends."""
    row = database.row(_COUNT, source=source, zone=zone, calls=calls)
    return (int(row.calls), float(row.day_ends_in_s)) if row else (0, 0.0)


def calls_today(database: Database, source: str, zone: str) -> int:
    """How many calls of ours this source has had today."""
    row = database.row(_TODAY, source=source, zone=zone)
    return int(row.calls) if row else 0
