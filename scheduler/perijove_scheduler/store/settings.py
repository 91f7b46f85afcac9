"""Values the master keeps for itself, such as the key it signs URLs with."""

from __future__ import annotations

from collections.abc import Callable

from sqlalchemy import delete

from perijove_scheduler.store.database import Database
from perijove_scheduler.store.rows import upsert
from perijove_scheduler.store.tables import SettingRow


class Settings:
    """The settings' rows."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def get(self, name: str) -> bytes | None:
        """Return a value."""
        async with self._database.read() as session:
            row = await session.get(SettingRow, name)
        return None if row is None else row.value

    async def put(self, name: str, value: bytes) -> None:
        """Keep a value, in place of the one before."""
        async with self._database.write() as session:
            insert = upsert(session, SettingRow).values(name=name, value=value)
            await session.execute(insert.on_conflict_do_update(index_elements=["name"], set_={"value": value}))

    async def take(self, name: str) -> bytes | None:
        """Return a value and forget it; of several who ask at once, one gets it."""
        async with self._database.write() as session:
            gone = delete(SettingRow).where(SettingRow.name == name).returning(SettingRow.value)
            return await session.scalar(gone)

    async def ensure(self, name: str, make: Callable[[], bytes]) -> bytes:
        """Return a value that is made once: every replica and every later start gets the same."""
        async with self._database.write() as session:
            await session.execute(upsert(session, SettingRow).values(name=name, value=make()).on_conflict_do_nothing())
            return (await session.get_one(SettingRow, name)).value
