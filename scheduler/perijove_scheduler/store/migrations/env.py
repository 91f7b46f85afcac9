"""What Alembic runs: it migrates over the connection that `Database.migrate` hands it, inside its transaction."""

from __future__ import annotations

from alembic import context

from perijove_scheduler.store.tables import Table

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=Table.metadata,
    compare_type=True,
    render_as_batch=True,
)
with context.begin_transaction():
    context.run_migrations()
