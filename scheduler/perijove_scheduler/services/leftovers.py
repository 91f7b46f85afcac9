"""The files that belong to rows which are no more."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from weakref import WeakValueDictionary

from perijove_scheduler.files.protocol import Files, notebook_key
from perijove_scheduler.store.store import Store


class Leftovers:
    """Deletes what an execution leaves: its outputs, records and payloads, and the document only it ran."""

    def __init__(self, store: Store, files: Files) -> None:
        self._store = store
        self._files = files
        self._locks: WeakValueDictionary[str, asyncio.Lock] = WeakValueDictionary()

    async def of_executions(self, executions: Sequence[str]) -> None:
        """Delete everything below the executions' own prefixes."""
        for execution in executions:
            for kind in ("outputs", "logs", "payloads"):
                await self._files.delete_prefix(f"{kind}/{execution}/")

    async def of_notebook(self, sha256: str) -> None:
        """Delete a document that no execution runs; the caller holds its lock."""
        if not await self._store.executions.uses_notebook(sha256):
            await self._files.delete(notebook_key(sha256))

    @asynccontextmanager
    async def holding(self, sha256: str | None) -> AsyncIterator[None]:
        """Keep a document from being stored by one and deleted by another at once."""
        if sha256 is None:
            yield
            return
        lock = self._locks.setdefault(sha256, asyncio.Lock())
        async with lock:
            yield
