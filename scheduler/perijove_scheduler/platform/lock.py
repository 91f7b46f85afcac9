"""One service to a data directory."""

from __future__ import annotations

import asyncio
import fcntl
import os
from pathlib import Path

from perijove.errors import Unavailable

_POLL = 0.1


class FolderLock:
    """A lock on a folder that ends with its process, however that ends.

    Two services on one folder would each start machines, and end each other's Redis.
    """

    def __init__(self, folder: Path, patience: float = 15.0) -> None:
        self._path = folder / "lock"
        self._patience = patience
        self._handle: int | None = None

    async def acquire(self) -> None:
        """Take the lock; a service that is just ending is waited for.

        Raises
        ------
        perijove.errors.Unavailable
            Another service keeps it.
        """
        deadline = asyncio.get_running_loop().time() + self._patience
        while not self._try():
            if asyncio.get_running_loop().time() >= deadline:
                raise Unavailable(
                    f"Another Perijove service runs on {self._path.parent}.",
                    "Stop it, or set Platform.data_dir to a folder of this one's own.",
                )
            # Waiting in the kernel would take a thread that can't be interrupted.
            await asyncio.sleep(_POLL)

    def release(self) -> None:
        """Let go of the lock."""
        if self._handle is not None:
            os.close(self._handle)
            self._handle = None

    def _try(self) -> bool:
        handle = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            os.close(handle)
            return False
        self._handle = handle
        return True
