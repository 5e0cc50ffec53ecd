"""All tables of the ledger (product.md 4), as SQLAlchemy Core sees them.

Alembic makes them; the other files of this folder read and write them. Bodies,
leads and answers carry a codec, so that encrypting them later is no migration.
"""

from __future__ import annotations

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import JSONB

metadata = sa.MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "ck": "ck_%(table_name)s_%(constraint_name)s",
        "pk": "pk_%(table_name)s",
    }
)


def _now(name: str, **options: object) -> sa.Column[object]:
    return sa.Column(
        name,
        sa.DateTime(timezone=True),
        nullable=False,
        server_default=sa.func.now(),
        **options,  # type: ignore[arg-type]  # Column's own keywords
    )


def _time(name: str) -> sa.Column[object]:
    return sa.Column(name, sa.DateTime(timezone=True))


def _id() -> sa.Column[int]:
    return sa.Column("id", sa.BigInteger, sa.Identity(), primary_key=True)


deliveries = sa.Table(
    "deliveries",
    metadata,
    _id(),
    sa.Column("source", sa.Text, nullable=False),
    _now("received_at"),
    #: accepted, unwanted (no mapping asked for it), unreadable, or found (by asking
    #: the source).
    sa.Column("outcome", sa.Text, nullable=False),
    sa.Column("headers", JSONB, nullable=False),
    sa.Column("body", sa.LargeBinary),
    sa.Column("body_codec", sa.Text, nullable=False, server_default="raw"),
    #: What the sender was answered.
    sa.Column("status", sa.Integer, nullable=False),
    sa.Column("unwanted", sa.Integer, nullable=False, server_default="0"),
    sa.Column("person_key", sa.Text),
    #: Unreadable bodies only: stored once per content, counted from then on.
    sa.Column("content_hash", sa.Text),
    sa.Column("seen", sa.Integer, nullable=False, server_default="1"),
    sa.Column("error", sa.Text),
    sa.Index("ix_deliveries_received_at", "received_at"),
    sa.Index(
        "uq_deliveries_content_hash",
        "source",
        "content_hash",
        unique=True,
        postgresql_where=sa.text("content_hash is not null"),
    ),
)

runs = sa.Table(
    "runs",
    metadata,
    _id(),
    sa.Column("delivery_id", sa.BigInteger),
    sa.Column("source", sa.Text, nullable=False),
    sa.Column("mapping", sa.Text, nullable=False),
    sa.Column("mapping_version", sa.Text),
    #: The record the event is about.
    sa.Column("event_object", sa.Text, nullable=False, server_default=""),
    sa.Column("lead_id", sa.Text, nullable=False),
    #: The record that is written; empty until its key is known.
    sa.Column("object", sa.Text, nullable=False),
    sa.Column("match_by", sa.Text, nullable=False),
    sa.Column("record_id", sa.Text),
    sa.Column("event", sa.Text, nullable=False),
    _time("event_at"),
    sa.Column("changed_by", sa.Text),
    #: Tells a repeat: the vendor's event id, or the inputs the mapping reads.
    sa.Column("repeat_key", sa.Text, nullable=False),
    sa.Column("repeats", sa.Integer, nullable=False, server_default="0"),
    sa.Column("lead", JSONB, nullable=False),
    sa.Column("lead_codec", sa.Text, nullable=False, server_default="json"),
    sa.Column("person_key", sa.Text),
    sa.Column("state", sa.Text, nullable=False),
    sa.Column("is_bulk", sa.Boolean, nullable=False, server_default=sa.false()),
    _now("received_at"),
    _now("last_event_at"),
    _now("due_at"),
    _time("enriched_at"),
    _time("finished_at"),
    #: The question asked next: by which token, of what, and how.
    sa.Column("token", sa.Text, nullable=False),
    sa.Column("asked", sa.Integer, nullable=False, server_default="0"),
    sa.Column("lookup", sa.Text),
    sa.Column("lookup_api", sa.Text),
    sa.Column("lookup_key", sa.Text),
    sa.Column("question", JSONB),
    #: The record that an answer to it pays for.
    sa.Column("lookup_record", sa.Text),
    sa.Column("is_last_lookup", sa.Boolean),
    #: The engine worker that holds the run, and until when.
    sa.Column("owner", sa.BigInteger),
    _time("lease_until"),
    sa.Column("batch_id", sa.BigInteger),
    sa.Column("attempts", sa.Integer, nullable=False, server_default="0"),
    sa.Column("error", sa.Text),
    #: Groups failures for people: `RecordRefused 1003`.
    sa.Column("cause", sa.Text),
    #: skipped or failed, settled before the outcome fields are written.
    sa.Column("verdict", sa.Text),
    #: Why it was kept, skipped or failed, for people.
    sa.Column("reason", sa.Text),
    sa.Column("result", sa.Text),
    sa.Column("decisions", JSONB),
    #: Flat values that the webhook's own reply carried; ours once they were read
    #: from the record.
    sa.Column("reply", JSONB),
    _time("reply_confirmed_at"),
    #: When `waiting` was written to the outcome field of a run that waits long.
    _time("waiting_told_at"),
    sa.CheckConstraint(
        "state in ('received', 'ready', 'enriched', 'sending', 'written',"
        " 'replied', 'kept', 'skipped', 'failed')",
        name="state",
    ),
    sa.Index("ix_runs_lead", "lead_id", "mapping", "source", "id"),
    sa.Index(
        "ix_runs_received",
        "source",
        "due_at",
        postgresql_where=sa.text("state = 'received'"),
    ),
    # Statistics are made while a queue is empty, or full, and soon it is neither. So
    # each claim has an index in its own order and, by these conditions, no other one
    # to choose: `id > 0` keeps this one away from those who do not say it.
    sa.Index(
        "ix_runs_ready",
        "source",
        "due_at",
        postgresql_where=sa.text("state = 'ready' and id > 0"),
    ),
    sa.Index(
        "ix_runs_unplanned",
        "token",
        "is_bulk",
        "due_at",
        postgresql_where=sa.text(
            "state = 'ready' and owner is null and lookup_key is null"
        ),
    ),
    sa.Index(
        "ix_runs_planned",
        "token",
        "is_bulk",
        "due_at",
        postgresql_where=sa.text(
            "state = 'ready' and owner is null and lookup_key is not null"
        ),
    ),
    sa.Index(
        "ix_runs_question",
        "lookup_key",
        # Finds a key and does nothing else: no plan can walk through it.
        postgresql_using="hash",
        postgresql_where=sa.text("state = 'ready' and lookup_key is not null"),
    ),
    sa.Index(
        "ix_runs_enriched",
        "source",
        "object",
        "match_by",
        "is_bulk",
        "due_at",
        "id",
        postgresql_where=sa.text("state = 'enriched'"),
    ),
    sa.Index(
        "ix_runs_sending",
        "source",
        "record_id",
        postgresql_where=sa.text("state = 'sending'"),
    ),
    sa.Index(
        "ix_runs_batch_id",
        "batch_id",
        postgresql_where=sa.text("batch_id is not null"),
    ),
    sa.Index(
        "ix_runs_owner", "owner", postgresql_where=sa.text("owner is not null")
    ),
    sa.Index("ix_runs_received_at", "received_at"),
    sa.Index(
        "ix_runs_long_waiting",
        "source",
        "last_event_at",
        postgresql_where=sa.text(
            "state in ('received', 'ready') and waiting_told_at is null"
        ),
    ),
    sa.Index(
        "ix_runs_unconfirmed",
        "source",
        "object",
        "record_id",
        postgresql_where=sa.text("reply is not null and reply_confirmed_at is null"),
    ),
    sa.Index(
        "ix_runs_cause", "cause", postgresql_where=sa.text("state = 'failed'")
    ),
)

run_lookups = sa.Table(
    "run_lookups",
    metadata,
    sa.Column("run_id", sa.BigInteger, primary_key=True),
    sa.Column("position", sa.Integer, primary_key=True),
    sa.Column("name", sa.Text, nullable=False),
    #: The API that answered; the one asked, unless a budget fell back.
    sa.Column("api", sa.Text, nullable=False),
    sa.Column("result", sa.Text, nullable=False),
    sa.Column("enrichment_id", sa.BigInteger),
    sa.Column("is_reused", sa.Boolean, nullable=False, server_default=sa.false()),
    #: Charged to this run, estimated.
    sa.Column("credits", sa.Integer, nullable=False, server_default="0"),
    sa.Column("asked", JSONB),
    sa.Column("message", sa.Text),
    _now("at"),
)

enrichments = sa.Table(
    "enrichments",
    metadata,
    _id(),
    sa.Column("product", sa.Text, nullable=False),
    #: A keyed hash of product and inputs: the same question has the same key.
    sa.Column("lookup_key", sa.Text, nullable=False),
    sa.Column("token", sa.Text, nullable=False),
    _now("asked_at"),
    sa.Column("status", sa.Integer, nullable=False),
    sa.Column("result", sa.Text, nullable=False),
    sa.Column("answer", sa.Text),
    sa.Column("answer_codec", sa.Text, nullable=False, server_default="text"),
    sa.Column("credits", sa.Integer, nullable=False, server_default="0"),
    sa.Column("message", sa.Text),
    sa.Column("ms", sa.Float),
    sa.Column("person_key", sa.Text),
    #: A keyed hash of the record it is about: for a while it costs nothing again.
    sa.Column("record_key", sa.Text),
    #: The credits it is counted under, and the lookup that asked.
    sa.Column("pool", sa.Text),
    sa.Column("mapping", sa.Text),
    sa.Column("lookup", sa.Text),
    sa.Index("ix_enrichments_lookup_key", "lookup_key", "asked_at"),
    sa.Index(
        "ix_enrichments_paid",
        "record_key",
        "asked_at",
        postgresql_where=sa.text("credits > 0"),
    ),
    sa.Index("ix_enrichments_asked_at", "asked_at"),
)

usage_days = sa.Table(
    "usage_days",
    metadata,
    #: Answers and estimated credits by UTC day; an empty pool takes no credit.
    sa.Column("day", sa.Date, primary_key=True),
    sa.Column("token", sa.Text, primary_key=True),
    sa.Column("product", sa.Text, primary_key=True),
    sa.Column("pool", sa.Text, primary_key=True),
    sa.Column("mapping", sa.Text, primary_key=True),
    sa.Column("lookup", sa.Text, primary_key=True),
    sa.Column("asked", sa.Integer, nullable=False),
    sa.Column("matched", sa.Integer, nullable=False),
    sa.Column("credits", sa.Integer, nullable=False),
)

batches = sa.Table(
    "batches",
    metadata,
    _id(),
    sa.Column("source", sa.Text, nullable=False),
    sa.Column("object", sa.Text, nullable=False),
    sa.Column("match_by", sa.Text, nullable=False),
    sa.Column("size", sa.Integer, nullable=False),
    sa.Column("owner", sa.BigInteger),
    _time("lease_until"),
    _now("began_at"),
    _now("due_at"),
    _time("settled_at"),
    sa.Column("attempts", sa.Integer, nullable=False, server_default="0"),
    #: While the outcome is unknown: {run id: {field: {"value": sent, "before": ...}}}.
    sa.Column("sent", JSONB),
    sa.Column("error", sa.Text),
    sa.Index("ix_batches_source_began_at", "source", "began_at"),
    sa.Index(
        "ix_batches_open",
        "source",
        "due_at",
        postgresql_where=sa.text("settled_at is null"),
    ),
)

attempts = sa.Table(
    "attempts",
    metadata,
    _id(),
    sa.Column("run_id", sa.BigInteger),
    sa.Column("batch_id", sa.BigInteger),
    _now("at"),
    #: complete, enrich or send.
    sa.Column("step", sa.Text, nullable=False),
    sa.Column("cause", sa.Text, nullable=False),
    sa.Column("message", sa.Text, nullable=False),
    sa.Column("next_at", sa.DateTime(timezone=True)),
    sa.Index("ix_attempts_run_id", "run_id"),
    sa.Index("ix_attempts_batch_id", "batch_id"),
    sa.Index("ix_attempts_at", "at"),
)

updates = sa.Table(
    "updates",
    metadata,
    _id(),
    sa.Column("run_id", sa.BigInteger, nullable=False),
    sa.Column("batch_id", sa.BigInteger),
    sa.Column("source", sa.Text, nullable=False),
    sa.Column("object", sa.Text, nullable=False),
    sa.Column("record_id", sa.Text, nullable=False),
    sa.Column("person_key", sa.Text),
    _now("at"),
    #: WrittenValues: {field: {"value": sent, "before": what was there}}.
    sa.Column("values", JSONB, nullable=False),
    sa.Column("values_codec", sa.Text, nullable=False, server_default="json"),
    sa.Index("ix_updates_run_id", "run_id"),
    sa.Index("ix_updates_at", "at"),
)

last_written = sa.Table(
    "last_written",
    metadata,
    sa.Column("source", sa.Text, primary_key=True),
    sa.Column("object", sa.Text, primary_key=True),
    sa.Column("record_id", sa.Text, primary_key=True),
    sa.Column("field", sa.Text, primary_key=True),
    #: How the value was normalised before it was hashed (app.values).
    sa.Column("kind", sa.Text, nullable=False),
    sa.Column("digest", sa.Text, nullable=False),
    _now("at"),
    sa.Column("person_key", sa.Text),
)

follow_ups = sa.Table(
    "follow_ups",
    metadata,
    #: Campaigns to request after a write: an outbox, filled with the run's end.
    _id(),
    sa.Column("run_id", sa.BigInteger, nullable=False),
    sa.Column("source", sa.Text, nullable=False),
    sa.Column("campaign", sa.Text, nullable=False),
    sa.Column("record_id", sa.Text, nullable=False),
    _now("at"),
    _now("due_at"),
    sa.Column("attempts", sa.Integer, nullable=False, server_default="0"),
    #: Requested, or given up: then `error` says why.
    _time("ended_at"),
    sa.Column("error", sa.Text),
    sa.Index(
        "ix_follow_ups_due",
        "source",
        "due_at",
        postgresql_where=sa.text("ended_at is null"),
    ),
    sa.Index("ix_follow_ups_run_id", "run_id"),
)

pauses = sa.Table(
    "pauses",
    metadata,
    _id(),
    #: source, token, pool or product.
    sa.Column("kind", sa.Text, nullable=False),
    sa.Column("scope", sa.Text, nullable=False),
    sa.Column("reason", sa.Text, nullable=False),
    sa.Column("cause", sa.Text, nullable=False, server_default=""),
    _now("since"),
    #: When it is tried again; empty: only a person lifts it.
    _time("until"),
    #: How often a probe has failed: doubles the wait.
    sa.Column("probes", sa.Integer, nullable=False, server_default="0"),
    _time("lifted_at"),
    sa.Index(
        "uq_pauses_active",
        "kind",
        "scope",
        unique=True,
        postgresql_where=sa.text("lifted_at is null"),
    ),
)

streaks = sa.Table(
    "streaks",
    metadata,
    #: Refusals in a row with one cause, by scope; five pause it.
    sa.Column("kind", sa.Text, primary_key=True),
    sa.Column("scope", sa.Text, primary_key=True),
    sa.Column("cause", sa.Text, nullable=False),
    sa.Column("count", sa.Integer, nullable=False),
)

rate_slots = sa.Table(
    "rate_slots",
    metadata,
    sa.Column("limit_name", sa.Text, primary_key=True),
    sa.Column("n", sa.Integer, primary_key=True),
    sa.Column("at", sa.DateTime(timezone=True), nullable=False),
    sa.Index("ix_rate_slots_limit_name_at_n", "limit_name", "at", "n"),
)

mapping_versions = sa.Table(
    "mapping_versions",
    metadata,
    sa.Column("version", sa.Text, primary_key=True),
    sa.Column("name", sa.Text, nullable=False),
    sa.Column("source", sa.Text, nullable=False),
    sa.Column("text", sa.Text, nullable=False),
    _now("first_seen_at"),
)

cursors = sa.Table(
    "cursors",
    metadata,
    #: Where reconcile left off, by source.
    sa.Column("source", sa.Text, primary_key=True),
    sa.Column("cursor", sa.Text, nullable=False),
    _now("at"),
)

source_calls = sa.Table(
    "source_calls",
    metadata,
    #: Our own calls of a source by UTC day, against its quota.
    sa.Column("source", sa.Text, primary_key=True),
    sa.Column("day", sa.Date, primary_key=True),
    sa.Column("calls", sa.BigInteger, nullable=False),
)

installation = sa.Table(
    "installation",
    metadata,
    #: Facts of this installation: the person key, when the purge last ran.
    sa.Column("name", sa.Text, primary_key=True),
    sa.Column("value", sa.Text, nullable=False),
)
