"""Rejected events: what agents said and could not be applied, for an administrator to look at."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy import Column

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "rejected_events",
        Column("id", sa.String(length=40), nullable=False),
        Column("group_name", sa.String(length=64), nullable=False),
        Column("worker", sa.String(length=64), nullable=False),
        Column("kind", sa.String(length=32), nullable=False),
        Column("execution_id", sa.String(length=40), nullable=False),
        Column("attempt", sa.Integer(), nullable=False),
        Column("why", sa.String(length=500), nullable=False),
        Column("size", sa.BigInteger(), nullable=False),
        Column("document", sa.String(), nullable=False),
        Column("rejected_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_rejected_events"),
    )
    op.create_index("ix_rejected_events_group_name", "rejected_events", ["group_name", "id"])


def downgrade() -> None:
    op.drop_table("rejected_events")
