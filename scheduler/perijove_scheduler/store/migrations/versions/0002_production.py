"""Replicas and retention: who leads, what a project keeps, which data are inputs of which executions."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from alembic import op
from sqlalchemy import Column
from sqlalchemy.dialects import postgresql

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

TIME = sa.DateTime(timezone=True)
DOCUMENT = sa.JSON().with_variant(postgresql.JSONB(), "postgresql")
KEPT = sa.text("archived_at IS NOT NULL AND removed_at IS NULL")
DATUM = "datum://"
PAGE = 1000


def upgrade() -> None:
    op.create_table(
        "leases",
        Column("name", sa.String(length=64), nullable=False),
        Column("holder", sa.String(length=255), nullable=False),
        Column("epoch", sa.BigInteger(), nullable=False),
        Column("since", TIME, nullable=False),
        Column("expires_at", TIME, nullable=False),
        sa.PrimaryKeyConstraint("name", name="pk_leases"),
    )
    op.add_column("projects", Column("retention", DOCUMENT, nullable=False, server_default=sa.text("'{}'")))
    op.add_column("attempts", Column("removed_at", TIME, nullable=True))
    op.create_index("ix_attempts_archive", "attempts", ["finished_at"], sqlite_where=KEPT, postgresql_where=KEPT)
    op.create_table(
        "uses",
        Column("execution_id", sa.String(length=40), nullable=False),
        Column("datum_id", sa.String(length=40), nullable=False),
        sa.ForeignKeyConstraint(["execution_id"], ["executions.id"], name="fk_uses_execution_id", ondelete="CASCADE"),
        sa.ForeignKeyConstraint(["datum_id"], ["data.id"], name="fk_uses_datum_id"),
        sa.PrimaryKeyConstraint("execution_id", "datum_id", name="pk_uses"),
    )
    op.create_index("ix_uses_datum_id", "uses", ["datum_id"])
    note_uses(op.get_bind())


def downgrade() -> None:
    op.drop_table("uses")
    op.drop_index("ix_attempts_archive", "attempts")
    op.drop_column("attempts", "removed_at")
    op.drop_column("projects", "retention")
    op.drop_table("leases")


def note_uses(connection: sa.Connection) -> None:
    """Note the inputs of the executions there are; a datum that is no more has nothing left to be kept."""
    executions = sa.table("executions", Column("id", sa.String), Column("spec", DOCUMENT))
    data, uses = sa.table("data", Column("id", sa.String)), sa.table("uses", Column("execution_id"), Column("datum_id"))
    after = ""
    query = sa.select(executions).order_by(executions.c.id).limit(PAGE)
    while page := connection.execute(query.where(executions.c.id > after)).all():
        after = page[-1].id
        wanted = {(row.id, datum) for row in page for datum in inputs(row.spec)}
        known = set(connection.scalars(sa.select(data.c.id).where(data.c.id.in_({datum for _, datum in wanted}))))
        rows = [{"execution_id": id_, "datum_id": datum} for id_, datum in sorted(wanted) if datum in known]
        if rows:
            connection.execute(sa.insert(uses), rows)


def inputs(spec: dict[str, Any]) -> set[str]:
    uris = (uri for item in spec.get("inputs", []) for uri in item.get("uris", []))
    return {uri.removeprefix(DATUM) for uri in uris if uri.startswith(DATUM)}
