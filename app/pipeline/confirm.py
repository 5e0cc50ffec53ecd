"""Values of a reply count as ours once a read of the record has them."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from app import values
from app.ledger.written import Present
from app.pipeline.parts import Parts, Source

#: How long a source may take to write what a reply carried.
TAKEN_IN = timedelta(minutes=1)


def answers_values(source: Source) -> bool:
    """Whether any webhook of this source is answered with values."""
    return any(each.reply.values_within for each in source.mappings)


def confirm(
    parts: Parts,
    source: Source,
    object_name: str,
    records: Mapping[str, Mapping[str, Any] | None],
    *,
    read_at: datetime,
) -> None:
    """Compare what replies carried with these records, as they were at `read_at`.

    What a record has is ours from now on; what it has not after a while, somebody
    has changed since, or the reply was never taken in: then it is not looked at again.
    """
    if not answers_values(source):
        return
    replies = parts.ledger.replies
    found = replies.unconfirmed(source.name, object_name, list(records))
    if not found:
        return
    present, done = [], []
    for reply in found:
        mapping = parts.mappings.get(reply.mapping)
        known = mapping.schema if mapping is not None else {}
        current = records[reply.record_id] or {}
        written = reply.values.keys() & set(mapping.fields if mapping else ())
        # A source takes values in a while after the reply, and not all are read.
        if written <= current.keys() and reply.at < read_at - TAKEN_IN:
            done.append(reply.run_id)
        for name, value in reply.values.items():
            crm = known.get(name)
            if name in current and source.connector.same(crm, value, current[name]):
                kind = source.connector.kind_of(crm) or values.kind_of(value)
                present.append(
                    Present(
                        source.name,
                        object_name,
                        reply.record_id,
                        name,
                        kind,
                        value,
                        reply.person_key,
                    )
                )
    # Of two replies about one field the later one counts.
    distinct = {(one.record_id, one.field): one for one in present}
    parts.ledger.written.adopt(list(distinct.values()), read_at=read_at)
    replies.confirm(done)
