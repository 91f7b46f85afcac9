"""The first schema."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from alembic import op
from sqlalchemy import Column
from sqlalchemy.dialects import postgresql

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

TIME = sa.DateTime(timezone=True)
DOCUMENT = sa.JSON().with_variant(postgresql.JSONB(), "postgresql")
WAITING = "status = 'created'"
LIVE = "status IN ('queued', 'started', 'stopping')"
TABLES = (
    "projects",
    "members",
    "code_versions",
    "settings",
    "groups",
    "workers",
    "executions",
    "tags",
    "attempts",
    "data",
    "idempotency_keys",
)


def where(condition: str) -> dict[str, Any]:
    return {"sqlite_where": sa.text(condition), "postgresql_where": sa.text(condition)}


def upgrade() -> None:
    create_projects()
    create_groups()
    create_executions()
    create_results()


def downgrade() -> None:
    for table in reversed(TABLES):
        op.drop_table(table)


def create_projects() -> None:
    op.create_table(
        "projects",
        Column("id", sa.String(length=40), nullable=False),
        Column("name", sa.String(length=64), nullable=False),
        Column("owner", sa.String(length=255), nullable=False),
        Column("next_number", sa.Integer(), nullable=False),
        Column("created_at", TIME, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_projects"),
        sa.UniqueConstraint("owner", "name", name="uq_projects_owner_name"),
    )
    op.create_index("ix_projects_owner", "projects", ["owner"])
    op.create_table(
        "members",
        Column("project_id", sa.String(length=40), nullable=False),
        Column("kind", sa.String(length=8), nullable=False),
        Column("name", sa.String(length=255), nullable=False),
        Column("role", sa.String(length=16), nullable=False),
        sa.ForeignKeyConstraint(["project_id"], ["projects.id"], name="fk_members_project_id", ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("project_id", "kind", "name", name="pk_members"),
    )
    op.create_index("ix_members_who", "members", ["kind", "name"])
    op.create_table(
        "code_versions",
        Column("project_id", sa.String(length=40), nullable=False),
        Column("id", sa.String(length=72), nullable=False),
        Column("size", sa.BigInteger(), nullable=False),
        Column("created_by", sa.String(length=255), nullable=False),
        Column("created_at", TIME, nullable=False),
        sa.ForeignKeyConstraint(
            ["project_id"], ["projects.id"], name="fk_code_versions_project_id", ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("project_id", "id", name="pk_code_versions"),
    )


def create_groups() -> None:
    op.create_table(
        "settings",
        Column("name", sa.String(length=64), nullable=False),
        Column("value", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("name", name="pk_settings"),
    )
    op.create_table(
        "groups",
        Column("name", sa.String(length=64), nullable=False),
        Column("settings", DOCUMENT, nullable=False),
        Column("token_sha256", sa.String(length=64), nullable=False),
        Column("created_at", TIME, nullable=False),
        sa.PrimaryKeyConstraint("name", name="pk_groups"),
    )
    op.create_table(
        "workers",
        Column("id", sa.String(length=40), nullable=False),
        Column("group_name", sa.String(length=64), nullable=False),
        Column("state", sa.String(length=16), nullable=False),
        Column("host", sa.String(length=255), nullable=False),
        Column("version", sa.String(length=64), nullable=False),
        Column("capacity", DOCUMENT, nullable=False),
        Column("machine", DOCUMENT, nullable=False),
        Column("password_sha256", sa.String(length=64), nullable=True),
        Column("created_at", TIME, nullable=False),
        Column("enrolled_at", TIME, nullable=True),
        Column("ended_at", TIME, nullable=True),
        sa.ForeignKeyConstraint(["group_name"], ["groups.name"], name="fk_workers_group_name", ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id", name="pk_workers"),
    )
    op.create_index("ix_workers_live", "workers", ["group_name"], **where("ended_at IS NULL"))


def create_executions() -> None:
    op.create_table(
        "executions",
        Column("id", sa.String(length=40), nullable=False),
        Column("project_id", sa.String(length=40), nullable=False),
        Column("number", sa.Integer(), nullable=False),
        Column("owner", sa.String(length=255), nullable=False),
        Column("group_name", sa.String(length=64), nullable=False),
        Column("status", sa.String(length=16), nullable=False),
        Column("reason", sa.String(length=32), nullable=True),
        Column("detail", sa.String(), nullable=False),
        Column("attempt", sa.Integer(), nullable=False),
        Column("retries_left", sa.Integer(), nullable=False),
        Column("priority", sa.Integer(), nullable=False),
        Column("title", sa.String(length=200), nullable=False),
        Column("spec", DOCUMENT, nullable=False),
        Column("code", sa.String(length=72), nullable=True),
        Column("notebook", sa.String(length=64), nullable=True),
        Column("worker", sa.String(length=40), nullable=True),
        Column("phase", sa.String(length=16), nullable=True),
        Column("done", sa.Integer(), nullable=True),
        Column("total", sa.Integer(), nullable=True),
        Column("metadata", DOCUMENT, nullable=False),
        Column("environment", DOCUMENT, nullable=False),
        Column("created_at", TIME, nullable=False),
        Column("queued_at", TIME, nullable=True),
        Column("started_at", TIME, nullable=True),
        Column("finished_at", TIME, nullable=True),
        sa.ForeignKeyConstraint(["project_id"], ["projects.id"], name="fk_executions_project_id", ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id", name="pk_executions"),
        sa.UniqueConstraint("project_id", "number", name="uq_executions_project_id_number"),
    )
    op.create_index("ix_executions_live", "executions", ["group_name", "status", "owner"], **where(LIVE))
    op.create_index("ix_executions_notebook", "executions", ["notebook"])
    op.create_index("ix_executions_owner", "executions", ["owner", "id"])
    op.create_index("ix_executions_project", "executions", ["project_id", "id"])
    op.create_index("ix_executions_worker", "executions", ["worker"], **where(LIVE))
    op.create_index(
        "ix_executions_waiting", "executions", ["group_name", "owner", sa.text("priority DESC"), "id"], **where(WAITING)
    )
    op.create_table(
        "tags",
        Column("execution_id", sa.String(length=40), nullable=False),
        Column("tag", sa.String(length=64), nullable=False),
        sa.ForeignKeyConstraint(["execution_id"], ["executions.id"], name="fk_tags_execution_id", ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("execution_id", "tag", name="pk_tags"),
    )
    op.create_index("ix_tags_tag", "tags", ["tag"])


def create_results() -> None:
    op.create_table(
        "attempts",
        Column("execution_id", sa.String(length=40), nullable=False),
        Column("attempt", sa.Integer(), nullable=False),
        Column("worker", sa.String(length=40), nullable=True),
        Column("started_at", TIME, nullable=True),
        Column("finished_at", TIME, nullable=True),
        Column("reason", sa.String(length=32), nullable=True),
        Column("records", sa.Integer(), nullable=True),
        Column("archived_at", TIME, nullable=True),
        sa.ForeignKeyConstraint(
            ["execution_id"], ["executions.id"], name="fk_attempts_execution_id", ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("execution_id", "attempt", name="pk_attempts"),
    )
    op.create_index("ix_attempts_to_archive", "attempts", ["finished_at"], **where("archived_at IS NULL"))
    op.create_table(
        "data",
        Column("id", sa.String(length=40), nullable=False),
        Column("execution_id", sa.String(length=40), nullable=False),
        Column("attempt", sa.Integer(), nullable=False),
        Column("name", sa.String(length=1024), nullable=False),
        Column("size", sa.BigInteger(), nullable=False),
        Column("sha256", sa.String(length=64), nullable=False),
        Column("media_type", sa.String(length=255), nullable=False),
        Column("created_at", TIME, nullable=False),
        sa.ForeignKeyConstraint(["execution_id"], ["executions.id"], name="fk_data_execution_id", ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id", name="pk_data"),
        sa.UniqueConstraint("execution_id", "name", name="uq_data_execution_id_name"),
    )
    op.create_table(
        "idempotency_keys",
        Column("owner", sa.String(length=255), nullable=False),
        Column("key", sa.String(length=255), nullable=False),
        Column("request_sha256", sa.String(length=64), nullable=False),
        Column("execution_id", sa.String(length=40), nullable=False),
        Column("created_at", TIME, nullable=False),
        sa.ForeignKeyConstraint(
            ["execution_id"], ["executions.id"], name="fk_idempotency_keys_execution_id", ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("owner", "key", name="pk_idempotency_keys"),
    )
