"""What executions left that could not be kept as outputs: how many, and the first of them by name."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy import Column
from sqlalchemy.dialects import postgresql

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None

DOCUMENT = sa.JSON().with_variant(postgresql.JSONB(), "postgresql")


def upgrade() -> None:
    op.add_column("executions", Column("left_out", sa.Integer(), nullable=False, server_default=sa.text("0")))
    op.add_column("attempts", Column("left_out", DOCUMENT, nullable=False, server_default=sa.text("'[]'")))


def downgrade() -> None:
    op.drop_column("attempts", "left_out")
    op.drop_column("executions", "left_out")
