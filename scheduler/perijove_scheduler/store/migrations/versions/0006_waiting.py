"""What a started execution waits for, and how often one was tried again without that costing a retry."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("executions", sa.Column("free_retries", sa.Integer(), nullable=False, server_default="0"))
    op.add_column("executions", sa.Column("waits_for", sa.String(length=300), nullable=False, server_default=""))


def downgrade() -> None:
    op.drop_column("executions", "waits_for")
    op.drop_column("executions", "free_retries")
