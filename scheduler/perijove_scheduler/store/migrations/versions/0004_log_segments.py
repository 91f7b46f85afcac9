"""Log segments: the records that leave Redis for the object store while their attempt goes on."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy import Column

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "log_segments",
        Column("execution_id", sa.String(length=40), nullable=False),
        Column("attempt", sa.Integer(), nullable=False),
        Column("last", sa.Integer(), nullable=False),
        Column("first", sa.Integer(), nullable=False),
        Column("size", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(
            ["execution_id"], ["executions.id"], name="fk_log_segments_execution_id", ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("execution_id", "attempt", "last", name="pk_log_segments"),
    )


def downgrade() -> None:
    op.drop_table("log_segments")
