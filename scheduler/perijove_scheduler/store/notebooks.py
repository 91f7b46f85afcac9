"""Which executions run a notebook document."""

from __future__ import annotations

from sqlalchemy import Select, select
from sqlalchemy.ext.asyncio import AsyncSession

from perijove_scheduler.store.tables import ExecutionRow


async def keep_notebook(session: AsyncSession, sha256: str) -> bool:
    """Keep an execution that runs this document until this transaction ends; False when there is none to keep.

    One that is being deleted now is not waited for: another will do.
    """
    return await session.scalar(runs(sha256).with_for_update(read=True, key_share=True, skip_locked=True)) is not None


def runs(sha256: str) -> Select[str]:
    """Select one execution that runs a document. The order keeps the database from looking through all rows."""
    return select(ExecutionRow.id).where(ExecutionRow.notebook == sha256).order_by(ExecutionRow.project_id).limit(1)
