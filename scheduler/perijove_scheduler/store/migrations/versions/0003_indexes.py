"""Indexes for a million executions: one for each list, each loop and each cascade that went through a whole table.

Projects count their executions, tags name their projects, and ended workers are looked up by when they ended and by
what is left of them.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

#: Name, table, columns and condition of each new index.
ADDED: tuple[tuple[str, str, tuple[str, ...], str | None], ...] = (
    ("ix_projects_name", "projects", ("name", "id"), None),
    ("ix_code_versions_id", "code_versions", ("id", "project_id"), None),
    ("ix_workers_group", "workers", ("group_name",), None),
    ("ix_workers_ended", "workers", ("ended_at",), "ended_at IS NOT NULL"),
    ("ix_workers_machine_left", "workers", ("id",), "ended_at IS NOT NULL AND machine <> '{}'"),
    ("ix_executions_project_status", "executions", ("project_id", "status", "id"), None),
    ("ix_executions_project_owner", "executions", ("project_id", "owner", "id"), None),
    ("ix_executions_project_group", "executions", ("project_id", "group_name", "id"), None),
    ("ix_executions_status", "executions", ("status", "id"), None),
    ("ix_executions_group", "executions", ("group_name", "id"), None),
    ("ix_executions_notebook", "executions", ("notebook", "project_id"), "notebook IS NOT NULL"),
    ("ix_executions_code", "executions", ("project_id", "code"), "code IS NOT NULL"),
    ("ix_executions_finished", "executions", ("project_id", "finished_at"), "finished_at IS NOT NULL"),
    ("ix_tags_tag", "tags", ("tag", "execution_id"), None),
    ("ix_tags_project", "tags", ("project_id", "tag", "execution_id"), None),
    ("ix_idempotency_keys_execution_id", "idempotency_keys", ("execution_id",), None),
    ("ix_idempotency_keys_created_at", "idempotency_keys", ("created_at",), None),
)
#: The ones that two of them replace.
REPLACED = (("ix_executions_notebook", "executions", ("notebook",)), ("ix_tags_tag", "tags", ("tag",)))


def upgrade() -> None:
    op.add_column("projects", sa.Column("executions", sa.Integer(), nullable=False, server_default=sa.text("0")))
    op.execute(
        "UPDATE projects SET executions = (SELECT count(*) FROM executions WHERE executions.project_id = projects.id)"
    )
    op.add_column("tags", sa.Column("project_id", sa.String(length=40), nullable=False, server_default=sa.text("''")))
    op.execute("UPDATE tags SET project_id = (SELECT project_id FROM executions WHERE id = tags.execution_id)")
    for name, table, _ in REPLACED:
        op.drop_index(name, table)
    for name, table, columns, condition in ADDED:
        where = None if condition is None else sa.text(condition)
        op.create_index(name, table, list(columns), sqlite_where=where, postgresql_where=where)


def downgrade() -> None:
    for name, table, *_ in ADDED:
        op.drop_index(name, table)
    for name, table, columns in REPLACED:
        op.create_index(name, table, list(columns))
    op.drop_column("tags", "project_id")
    op.drop_column("projects", "executions")
