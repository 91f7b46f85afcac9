"""The store: one database, and one object for each subject that is kept in it."""

from __future__ import annotations

from contextlib import AbstractAsyncContextManager

from sqlalchemy import inspect
from sqlalchemy.ext.asyncio import AsyncEngine, AsyncSession

from perijove_scheduler.store.accounts import Accounts
from perijove_scheduler.store.attempts import Attempts
from perijove_scheduler.store.code import CodeVersions
from perijove_scheduler.store.data import Data
from perijove_scheduler.store.database import Database
from perijove_scheduler.store.executions import Executions
from perijove_scheduler.store.groups import Groups
from perijove_scheduler.store.idempotency import Idempotency
from perijove_scheduler.store.leadership import Leadership, Term, check
from perijove_scheduler.store.lifecycle import Lifecycle
from perijove_scheduler.store.projects import Projects
from perijove_scheduler.store.rejections import Rejections
from perijove_scheduler.store.retention import Retention
from perijove_scheduler.store.segments import Segments
from perijove_scheduler.store.settings import Settings
from perijove_scheduler.store.tables import SettingRow
from perijove_scheduler.store.tokens import Tokens
from perijove_scheduler.store.workers import Workers


class Store:
    """Everything that is kept in SQL.

    Examples
    --------
    ::

        store = Store.open("sqlite:///perijove.db")
        await store.migrate()
        admitted = await store.lifecycle.admit(ids)
        await store.aclose()
    """

    def __init__(self, database: Database) -> None:
        self.database = database
        self.lifecycle = Lifecycle(database)
        self.executions = Executions(database)
        self.projects = Projects(database)
        self.attempts = Attempts(database)
        self.code = CodeVersions(database)
        self.data = Data(database)
        self.groups = Groups(database)
        self.accounts = Accounts(database)
        self.tokens = Tokens(database)
        self.workers = Workers(database)
        self.settings = Settings(database)
        self.idempotency = Idempotency(database)
        self.leadership = Leadership(database)
        self.segments = Segments(database)
        self.rejections = Rejections(database)
        self.retention = Retention(database)

    @classmethod
    async def open(cls, url: str) -> Store:
        """Open the store at a database URL, such as ``sqlite:///path`` or ``postgresql://…``; `migrate` it next."""
        return cls(Database.open(url))

    @property
    def engine(self) -> AsyncEngine:
        """The SQLAlchemy engine."""
        return self.database.engine

    def fenced(self, term: Term) -> Store:
        """Return this store for a leader: each of its writes is refused once `term` is over.

        Raises `perijove_scheduler.store.leadership.Deposed` then, and nothing is written.
        """
        return Store(self.database.fenced(lambda session: check(session, term)))

    def read(self) -> AbstractAsyncContextManager[AsyncSession]:
        """Open a session for reading."""
        return self.database.read()

    def write(self) -> AbstractAsyncContextManager[AsyncSession]:
        """Open a session for writing, which commits at the end."""
        return self.database.write()

    async def migrate(self) -> None:
        """Bring the schema up to date; safe to repeat, and from several replicas at once."""
        await self.database.migrate()

    async def has_schema(self) -> bool:
        """Return whether the tables are there."""
        async with self.engine.connect() as connection:
            return await connection.run_sync(lambda plain: inspect(plain).has_table(SettingRow.__tablename__))

    async def ping(self) -> None:
        """Return when the database answers; raises `perijove.errors.Unavailable` when it does not."""
        await self.database.ping()

    async def aclose(self) -> None:
        """Close every connection."""
        await self.database.aclose()
