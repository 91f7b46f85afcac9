"""The files that belong to rows which are no more."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable, Sequence

from perijove.errors import NotFound
from perijove_scheduler.files.protocol import Files, notebook_key, notebook_of
from perijove_scheduler.store.store import Store


class Leftovers:
    """Deletes what an execution leaves: its outputs, records and payloads, and the document only it ran.

    A document is shared by all executions that run it, and any replica may make another one at any time, so two rules
    keep it: who stores one sees after the row is written that it is still there, and who deletes one sees afterwards
    that still nobody runs it. Whichever comes last puts it back. Who stores none makes its row beside another's only
    (`perijove_scheduler.store.notebooks.keep_notebook`).
    """

    def __init__(self, store: Store, files: Files) -> None:
        self._store = store
        self._files = files

    async def of_executions(self, executions: Sequence[str]) -> None:
        """Delete everything below the executions' own prefixes."""
        for execution in executions:
            for kind in ("outputs", "logs", "payloads", "uploads"):
                await self._files.delete_prefix(f"{kind}/{execution}/")

    async def of_nobody(self, key: str) -> None:
        """Delete an object that no row names."""
        sha256 = notebook_of(key)
        await (self._files.delete(key) if sha256 is None else self.of_notebook(sha256))

    async def of_notebook(self, sha256: str) -> None:
        """Delete a document, unless an execution runs it."""
        key = notebook_key(sha256)
        if await self._store.executions.uses_notebook(sha256):
            return
        try:
            document = [chunk async for chunk in self._files.get(key)]
        except NotFound:
            return
        await self._files.delete(key)
        if await self._store.executions.uses_notebook(sha256):
            await self._files.put(key, _parts(document))

    async def store_notebook(self, sha256: str, document: bytes) -> None:
        """Store a document for an execution that is about to be made; see to it again when it is made."""
        await self._files.put(notebook_key(sha256), _parts([document]))

    async def keep_notebook(self, sha256: str, document: bytes) -> None:
        """Store the document of an execution that was made just now again, if it was deleted meanwhile."""
        if await self._files.stat(notebook_key(sha256)) is None:
            await self.store_notebook(sha256, document)


async def _parts(parts: Iterable[bytes]) -> AsyncIterator[bytes]:
    for part in parts:
        yield part
