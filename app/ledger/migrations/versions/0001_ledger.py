"""The ledger's tables and accept_delivery, as of 0.1.0."""

from pathlib import Path

import sqlalchemy as sa
from alembic import op

from app.ledger.tables import metadata

revision = "0001"
down_revision = None

ACCEPT = Path(__file__).parents[2] / "accept.sql"


def upgrade() -> None:
    metadata.create_all(op.get_bind())
    op.execute(sa.text(ACCEPT.read_text().replace(":", "\\:")))
