"""Code versions: which project has which snapshot."""

from __future__ import annotations

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from perijove_scheduler.store.clock import db_now
from perijove_scheduler.store.database import Database
from perijove_scheduler.store.rows import upsert
from perijove_scheduler.store.tables import CodeRow


class CodeVersions:
    """The code versions' rows. The object is shared by all projects that have it; a row says that one has."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def get(self, project: str, code: str) -> CodeRow | None:
        """Return a project's code version."""
        async with self._database.read() as session:
            return await session.get(CodeRow, (project, code))

    async def add(self, project: str, code: str, size: int, created_by: str) -> CodeRow:
        """Note that a project has a code version; the first note stays."""
        values = {"project_id": project, "id": code, "size": size, "created_by": created_by}
        async with self._database.write() as session:
            insert = upsert(session, CodeRow).values(**values, created_at=db_now())
            await session.execute(insert.on_conflict_do_nothing())
            return await session.get_one(CodeRow, (project, code))


async def keep_code(session: AsyncSession, project: str, code: str) -> bool:
    """Keep a code version from being removed until this transaction ends; False when it is not there."""
    this = (CodeRow.project_id == project, CodeRow.id == code)
    query = select(CodeRow.id).where(*this).with_for_update(read=True, key_share=True)
    return await session.scalar(query) is not None
