"""Values in replies, what follows a write, records found by asking, credits by day.

Frozen: what changes later changes in a revision of its own.
"""

from pathlib import Path

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

revision = "0002"
down_revision = "0001"

ACCEPT = Path(__file__).with_name("0002_accept_events.sql")


def upgrade() -> None:
    op.add_column("runs", sa.Column("reply", JSONB(), nullable=True))
    for name in ("reply_confirmed_at", "waiting_told_at"):
        op.add_column(
            "runs", sa.Column(name, sa.DateTime(timezone=True), nullable=True)
        )
    op.create_index(
        "ix_runs_unconfirmed",
        "runs",
        ["source", "object", "record_id"],
        postgresql_where=sa.text("reply is not null and reply_confirmed_at is null"),
    )
    op.create_table(
        "follow_ups",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("run_id", sa.BigInteger(), nullable=False),
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("campaign", sa.Text(), nullable=False),
        sa.Column("record_id", sa.Text(), nullable=False),
        sa.Column(
            "at",
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
        sa.Column("attempts", sa.Integer(), server_default="0", nullable=False),
        sa.Column("ended_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("error", sa.Text(), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_follow_ups")),
    )
    op.create_index(
        "ix_follow_ups_due",
        "follow_ups",
        ["source", "due_at"],
        postgresql_where=sa.text("ended_at is null"),
    )
    op.create_index("ix_follow_ups_run_id", "follow_ups", ["run_id"])
    op.create_index(
        "ix_runs_long_waiting",
        "runs",
        ["source", "last_event_at"],
        postgresql_where=sa.text(
            "state in ('received', 'ready') and waiting_told_at is null"
        ),
    )
    # Credits: the record that an answer paid for, and what each day came to.
    op.add_column("runs", sa.Column("lookup_record", sa.Text(), nullable=True))
    for name in ("record_key", "pool", "mapping", "lookup"):
        op.add_column("enrichments", sa.Column(name, sa.Text(), nullable=True))
    op.create_index(
        "ix_enrichments_paid",
        "enrichments",
        ["record_key", "asked_at"],
        postgresql_where=sa.text("credits > 0"),
    )
    op.create_table(
        "usage_days",
        sa.Column("day", sa.Date(), nullable=False),
        sa.Column("token", sa.Text(), nullable=False),
        sa.Column("product", sa.Text(), nullable=False),
        sa.Column("pool", sa.Text(), nullable=False),
        sa.Column("mapping", sa.Text(), nullable=False),
        sa.Column("lookup", sa.Text(), nullable=False),
        sa.Column("asked", sa.Integer(), nullable=False),
        sa.Column("matched", sa.Integer(), nullable=False),
        sa.Column("credits", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint(
            "day",
            "token",
            "product",
            "pool",
            "mapping",
            "lookup",
            name=op.f("pk_usage_days"),
        ),
    )
    # A literal: its colons are casts, not parameters.
    op.execute(sa.text(ACCEPT.read_text().replace(":", "\\:")))
