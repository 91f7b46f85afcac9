"""Output messages too large for a record: stored as objects, and referred to."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

from perijove.aio.executors import FILES
from perijove.model.records import INLINE_LIMIT
from perijove_agent.records.encoding import encode
from perijove_agent.records.recorder import Recorder
from perijove_agent.tasks import cancelled

#: Uploads the file of the payload with this SHA-256.
Upload = Callable[[str, Path], Awaitable[None]]
#: Contents stored at a time: each has its file open, and a store that was away may find thousands.
AT_ONCE = 4


class Payloads:
    """Records output messages; the content of large ones goes to the object store.

    The record is written at once and the object follows in the background, so a slow store holds no output up.

    Parameters
    ----------
    recorder : Recorder
        Takes the records.
    folder : Path
        Where contents wait for their upload.
    upload : callable
        Stores one of them.
    """

    def __init__(self, recorder: Recorder, folder: Path, upload: Upload) -> None:
        self._recorder = recorder
        self._folder = folder
        self._upload = upload
        self._uploads: dict[str, asyncio.Task[None]] = {}
        self._turns = asyncio.Semaphore(AT_ONCE)

    async def record(self, cell: str, message: str, content: dict[str, Any]) -> None:
        """Record one output message of a cell."""
        data = encode(content)
        if len(data) <= INLINE_LIMIT:
            await self._recorder.output(cell, message, content)
            return
        digest = hashlib.sha256(data).hexdigest()
        if digest not in self._uploads:
            path = self._folder / digest
            await FILES.run(_write, path, data)
            self._uploads[digest] = asyncio.create_task(self._store(digest, path))
        await self._recorder.output(cell, message, None, ref=digest)

    async def stored(self) -> None:
        """Wait until every payload is stored; raise what went wrong."""
        await asyncio.gather(*self._uploads.values())

    async def aclose(self) -> None:
        """Give up what is not stored yet."""
        await cancelled(self._uploads.values())

    async def _store(self, digest: str, path: Path) -> None:
        async with self._turns:
            await self._upload(digest, path)
        await FILES.run(path.unlink)


def _write(path: Path, data: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data)
