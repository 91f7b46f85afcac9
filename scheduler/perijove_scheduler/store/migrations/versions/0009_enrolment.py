"""Enrolment: tokens that are good for so many agents and for so long, and when a worker was first seen on Redis."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy import Column

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None

TIME = sa.DateTime(timezone=True)


def upgrade() -> None:
    op.create_table(
        "enrolment_tokens",
        Column("id", sa.String(length=40), nullable=False),
        Column("group_name", sa.String(length=64), nullable=False),
        Column("token_sha256", sa.String(length=64), nullable=False),
        Column("uses_left", sa.Integer(), nullable=False),
        Column("expires_at", TIME, nullable=False),
        sa.ForeignKeyConstraint(
            ["group_name"], ["groups.name"], name="fk_enrolment_tokens_group_name", ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name="pk_enrolment_tokens"),
        sa.UniqueConstraint("group_name", "token_sha256", name="uq_enrolment_tokens_group_name_token_sha256"),
    )
    op.add_column("workers", Column("reached_at", TIME, nullable=True))
    # Whoever enrolled before this was written down has been seen, as far as anybody knows.
    op.execute("UPDATE workers SET reached_at = enrolled_at")


def downgrade() -> None:
    op.drop_column("workers", "reached_at")
    op.drop_table("enrolment_tokens")
