"""Who is behind a name: invitations, accounts, the audit; and Idempotency-Keys of whatever is made."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy import Column
from sqlalchemy.dialects import postgresql

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None

TIME = sa.DateTime(timezone=True)
DOCUMENT = sa.JSON().with_variant(postgresql.JSONB(), "postgresql")
MADE = """UPDATE idempotency_keys SET made = (
    SELECT executions.project_id || ' ' || CAST(executions.number AS VARCHAR) FROM executions
    WHERE executions.id = idempotency_keys.execution_id
)"""


def upgrade() -> None:
    op.add_column("members", Column("accepted", sa.Boolean(), nullable=False, server_default=sa.true()))
    op.add_column("members", Column("invited_by", sa.String(length=255), nullable=False, server_default=""))
    op.create_table(
        "accounts",
        Column("name", sa.String(length=255), nullable=False),
        Column("created", sa.String(length=64), nullable=False),
        Column("seen_at", TIME, nullable=False),
        sa.PrimaryKeyConstraint("name", name="pk_accounts"),
    )
    op.create_table(
        "audit",
        Column("id", sa.String(length=40), nullable=False),
        Column("at", TIME, nullable=False),
        Column("actor", sa.String(length=255), nullable=False),
        Column("action", sa.String(length=32), nullable=False),
        Column("source", sa.String(length=255), nullable=False),
        Column("target", sa.String(length=255), nullable=False),
        Column("detail", DOCUMENT, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_audit"),
    )
    op.drop_index("ix_idempotency_keys_execution_id", "idempotency_keys")
    op.add_column("idempotency_keys", Column("made", sa.String(length=255), nullable=False, server_default=""))
    op.execute(MADE)
    with op.batch_alter_table("idempotency_keys") as table:
        table.drop_constraint("fk_idempotency_keys_execution_id", type_="foreignkey")
        table.drop_column("execution_id")
        table.alter_column("made", server_default=None)


def downgrade() -> None:
    op.execute("DELETE FROM idempotency_keys")
    with op.batch_alter_table("idempotency_keys") as table:
        table.drop_column("made")
        table.add_column(Column("execution_id", sa.String(length=40), nullable=False))
        table.create_foreign_key(
            "fk_idempotency_keys_execution_id", "executions", ["execution_id"], ["id"], ondelete="CASCADE"
        )
    op.create_index("ix_idempotency_keys_execution_id", "idempotency_keys", ["execution_id"])
    op.drop_table("audit")
    op.drop_table("accounts")
    op.execute("DELETE FROM members WHERE NOT accepted")
    op.drop_column("members", "invited_by")
    op.drop_column("members", "accepted")
