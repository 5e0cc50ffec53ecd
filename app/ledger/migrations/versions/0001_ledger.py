"""The ledger's tables and accept_delivery, as of 0.1.0.

Frozen: what changes later changes in a revision of its own.
"""

from pathlib import Path

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

revision = "0001"
down_revision = None

ACCEPT = Path(__file__).with_name("0001_accept_delivery.sql")


def upgrade() -> None:
    op.create_table(
        "attempts",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("run_id", sa.BigInteger(), nullable=True),
        sa.Column("batch_id", sa.BigInteger(), nullable=True),
        sa.Column(
            "at",
            sa.DateTime(timezone=True),
            server_default=sa.text("now()"),
            nullable=False,
        ),
        sa.Column("step", sa.Text(), nullable=False),
        sa.Column("cause", sa.Text(), nullable=False),
        sa.Column("message", sa.Text(), nullable=False),
        sa.Column("next_at", sa.DateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_attempts")),
    )
    op.create_index("ix_attempts_at", "attempts", ["at"])
    op.create_index("ix_attempts_batch_id", "attempts", ["batch_id"])
    op.create_index("ix_attempts_run_id", "attempts", ["run_id"])
    op.create_table(
        "batches",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("object", sa.Text(), nullable=False),
        sa.Column("match_by", sa.Text(), nullable=False),
        sa.Column("size", sa.Integer(), nullable=False),
        sa.Column("owner", sa.BigInteger(), nullable=True),
        sa.Column("lease_until", sa.DateTime(timezone=True), nullable=True),
        sa.Column(
            "began_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("now()"),
            nullable=False,
        ),
        sa.Column(
            "due_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("now()"),
            nullable=False,
        ),
        sa.Column("settled_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("attempts", sa.Integer(), server_default="0", nullable=False),
        sa.Column("sent", JSONB(), nullable=True),
        sa.Column("error", sa.Text(), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_batches")),
    )
    op.create_index(
        "ix_batches_open",
        "batches",
        ["source", "due_at"],
        postgresql_where=sa.text("settled_at is null"),
    )
    op.create_index("ix_batches_source_began_at", "batches", ["source", "began_at"])
    op.create_table(
        "cursors",
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("cursor", sa.Text(), nullable=False),
        sa.Column(
            "at",
            sa.DateTime(timezone=True),
            server_default=sa.text("now()"),
            nullable=False,
        ),
        sa.PrimaryKeyConstraint("source", name=op.f("pk_cursors")),
    )
    op.create_table(
        "deliveries",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column(
            "received_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("now()"),
            nullable=False,
        ),
        sa.Column("outcome", sa.Text(), nullable=False),
        sa.Column("headers", JSONB(), nullable=False),
        sa.Column("body", sa.LargeBinary(), nullable=True),
        sa.Column("body_codec", sa.Text(), server_default="raw", nullable=False),
        sa.Column("status", sa.Integer(), nullable=False),
        sa.Column("unwanted", sa.Integer(), server_default="0", nullable=False),
        sa.Column("person_key", sa.Text(), nullable=True),
        sa.Column("content_hash", sa.Text(), nullable=True),
        sa.Column("seen", sa.Integer(), server_default="1", nullable=False),
        sa.Column("error", sa.Text(), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_deliveries")),
    )
    op.create_index("ix_deliveries_received_at", "deliveries", ["received_at"])
    op.create_index(
        "uq_deliveries_content_hash",
        "deliveries",
        ["source", "content_hash"],
        unique=True,
        postgresql_where=sa.text("content_hash is not null"),
    )
    op.create_table(
        "enrichments",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("product", sa.Text(), nullable=False),
        sa.Column("lookup_key", sa.Text(), nullable=False),
        sa.Column("token", sa.Text(), nullable=False),
        sa.Column(
            "asked_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("now()"),
            nullable=False,
        ),
        sa.Column("status", sa.Integer(), nullable=False),
        sa.Column("result", sa.Text(), nullable=False),
        sa.Column("answer", sa.Text(), nullable=True),
        sa.Column("answer_codec", sa.Text(), server_default="text", nullable=False),
        sa.Column("credits", sa.Integer(), server_default="0", nullable=False),
        sa.Column("message", sa.Text(), nullable=True),
        sa.Column("ms", sa.Float(), nullable=True),
        sa.Column("person_key", sa.Text(), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_enrichments")),
    )
    op.create_index("ix_enrichments_asked_at", "enrichments", ["asked_at"])
    op.create_index(
        "ix_enrichments_lookup_key", "enrichments", ["lookup_key", "asked_at"]
    )
    op.create_table(
        "installation",
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("value", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_installation")),
    )
    op.create_table(
        "last_written",
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("object", sa.Text(), nullable=False),
        sa.Column("record_id", sa.Text(), nullable=False),
        sa.Column("field", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("digest", sa.Text(), nullable=False),
        sa.Column(
            "at",
            sa.DateTime(timezone=True),
            server_default=sa.text("now()"),
            nullable=False,
        ),
        sa.Column("person_key", sa.Text(), nullable=True),
        sa.PrimaryKeyConstraint(
            "source", "object", "record_id", "field", name=op.f("pk_last_written")
        ),
    )
    op.create_table(
        "mapping_versions",
        sa.Column("version", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.Column(
            "first_seen_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("now()"),
            nullable=False,
        ),
        sa.PrimaryKeyConstraint("version", name=op.f("pk_mapping_versions")),
    )
    op.create_table(
        "pauses",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("scope", sa.Text(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("cause", sa.Text(), server_default="", nullable=False),
        sa.Column(
            "since",
            sa.DateTime(timezone=True),
            server_default=sa.text("now()"),
            nullable=False,
        ),
        sa.Column("until", sa.DateTime(timezone=True), nullable=True),
        sa.Column("probes", sa.Integer(), server_default="0", nullable=False),
        sa.Column("lifted_at", sa.DateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_pauses")),
    )
    op.create_index(
        "uq_pauses_active",
        "pauses",
        ["kind", "scope"],
        unique=True,
        postgresql_where=sa.text("lifted_at is null"),
    )
    op.create_table(
        "rate_slots",
        sa.Column("limit_name", sa.Text(), nullable=False),
        sa.Column("n", sa.Integer(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("limit_name", "n", name=op.f("pk_rate_slots")),
    )
    op.create_index(
        "ix_rate_slots_limit_name_at_n", "rate_slots", ["limit_name", "at", "n"]
    )
    op.create_table(
        "run_lookups",
        sa.Column("run_id", sa.BigInteger(), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("api", sa.Text(), nullable=False),
        sa.Column("result", sa.Text(), nullable=False),
        sa.Column("enrichment_id", sa.BigInteger(), nullable=True),
        sa.Column(
            "is_reused", sa.Boolean(), server_default=sa.false(), nullable=False
        ),
        sa.Column("credits", sa.Integer(), server_default="0", nullable=False),
        sa.Column("asked", JSONB(), nullable=True),
        sa.Column("message", sa.Text(), nullable=True),
        sa.Column(
            "at",
            sa.DateTime(timezone=True),
            server_default=sa.text("now()"),
            nullable=False,
        ),
        sa.PrimaryKeyConstraint("run_id", "position", name=op.f("pk_run_lookups")),
    )
    op.create_table(
        "runs",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("delivery_id", sa.BigInteger(), nullable=True),
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("mapping", sa.Text(), nullable=False),
        sa.Column("mapping_version", sa.Text(), nullable=True),
        sa.Column("event_object", sa.Text(), server_default="", nullable=False),
        sa.Column("lead_id", sa.Text(), nullable=False),
        sa.Column("object", sa.Text(), nullable=False),
        sa.Column("match_by", sa.Text(), nullable=False),
        sa.Column("record_id", sa.Text(), nullable=True),
        sa.Column("event", sa.Text(), nullable=False),
        sa.Column("event_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("changed_by", sa.Text(), nullable=True),
        sa.Column("repeat_key", sa.Text(), nullable=False),
        sa.Column("repeats", sa.Integer(), server_default="0", nullable=False),
        sa.Column("lead", JSONB(), nullable=False),
        sa.Column("lead_codec", sa.Text(), server_default="json", nullable=False),
        sa.Column("person_key", sa.Text(), nullable=True),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("is_bulk", sa.Boolean(), server_default=sa.false(), nullable=False),
        sa.Column(
            "received_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("now()"),
            nullable=False,
        ),
        sa.Column(
            "last_event_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("now()"),
            nullable=False,
        ),
        sa.Column(
            "due_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("now()"),
            nullable=False,
        ),
        sa.Column("enriched_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("finished_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("token", sa.Text(), nullable=False),
        sa.Column("asked", sa.Integer(), server_default="0", nullable=False),
        sa.Column("lookup", sa.Text(), nullable=True),
        sa.Column("lookup_api", sa.Text(), nullable=True),
        sa.Column("lookup_key", sa.Text(), nullable=True),
        sa.Column("question", JSONB(), nullable=True),
        sa.Column("is_last_lookup", sa.Boolean(), nullable=True),
        sa.Column("owner", sa.BigInteger(), nullable=True),
        sa.Column("lease_until", sa.DateTime(timezone=True), nullable=True),
        sa.Column("batch_id", sa.BigInteger(), nullable=True),
        sa.Column("attempts", sa.Integer(), server_default="0", nullable=False),
        sa.Column("error", sa.Text(), nullable=True),
        sa.Column("cause", sa.Text(), nullable=True),
        sa.Column("verdict", sa.Text(), nullable=True),
        sa.Column("reason", sa.Text(), nullable=True),
        sa.Column("result", sa.Text(), nullable=True),
        sa.Column("decisions", JSONB(), nullable=True),
        sa.CheckConstraint(
            "state in ('received', 'ready', 'enriched', 'sending', 'written',"
            " 'replied', 'kept', 'skipped', 'failed')",
            name=op.f("ck_runs_state"),
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_runs")),
    )
    op.create_index(
        "ix_runs_batch_id",
        "runs",
        ["batch_id"],
        postgresql_where=sa.text("batch_id is not null"),
    )
    op.create_index(
        "ix_runs_cause", "runs", ["cause"], postgresql_where=sa.text("state = 'failed'")
    )
    op.create_index(
        "ix_runs_enriched",
        "runs",
        ["source", "object", "match_by", "is_bulk", "due_at", "id"],
        postgresql_where=sa.text("state = 'enriched'"),
    )
    op.create_index("ix_runs_lead", "runs", ["lead_id", "mapping", "source", "id"])
    op.create_index(
        "ix_runs_owner",
        "runs",
        ["owner"],
        postgresql_where=sa.text("owner is not null"),
    )
    op.create_index(
        "ix_runs_planned",
        "runs",
        ["token", "is_bulk", "due_at"],
        postgresql_where=sa.text(
            "state = 'ready' and owner is null and lookup_key is not null"
        ),
    )
    op.create_index(
        "ix_runs_question",
        "runs",
        ["lookup_key"],
        postgresql_using="hash",
        postgresql_where=sa.text("state = 'ready' and lookup_key is not null"),
    )
    op.create_index(
        "ix_runs_ready",
        "runs",
        ["source", "due_at"],
        postgresql_where=sa.text("state = 'ready' and id > 0"),
    )
    op.create_index(
        "ix_runs_received",
        "runs",
        ["source", "due_at"],
        postgresql_where=sa.text("state = 'received'"),
    )
    op.create_index("ix_runs_received_at", "runs", ["received_at"])
    op.create_index(
        "ix_runs_sending",
        "runs",
        ["source", "record_id"],
        postgresql_where=sa.text("state = 'sending'"),
    )
    op.create_index(
        "ix_runs_unplanned",
        "runs",
        ["token", "is_bulk", "due_at"],
        postgresql_where=sa.text(
            "state = 'ready' and owner is null and lookup_key is null"
        ),
    )
    op.create_table(
        "source_calls",
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("day", sa.Date(), nullable=False),
        sa.Column("calls", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("source", "day", name=op.f("pk_source_calls")),
    )
    op.create_table(
        "streaks",
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("scope", sa.Text(), nullable=False),
        sa.Column("cause", sa.Text(), nullable=False),
        sa.Column("count", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("kind", "scope", name=op.f("pk_streaks")),
    )
    op.create_table(
        "updates",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("run_id", sa.BigInteger(), nullable=False),
        sa.Column("batch_id", sa.BigInteger(), nullable=True),
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("object", sa.Text(), nullable=False),
        sa.Column("record_id", sa.Text(), nullable=False),
        sa.Column("person_key", sa.Text(), nullable=True),
        sa.Column(
            "at",
            sa.DateTime(timezone=True),
            server_default=sa.text("now()"),
            nullable=False,
        ),
        sa.Column("values", JSONB(), nullable=False),
        sa.Column("values_codec", sa.Text(), server_default="json", nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_updates")),
    )
    op.create_index("ix_updates_at", "updates", ["at"])
    op.create_index("ix_updates_run_id", "updates", ["run_id"])
    # A literal: its colons are casts, not parameters.
    op.execute(sa.text(ACCEPT.read_text().replace(":", "\\:")))
