"""One process to a data folder."""

from __future__ import annotations

import asyncio
import fcntl
import os
import platform
from contextlib import suppress
from pathlib import Path

from perijove.errors import Unavailable

_POLL = 0.1
_LONGEST = 200


class FolderLock:
    """A lock on a folder that ends with its process, however that ends: the kernel keeps it (flock(2)).

    Two services on one folder would each start machines, and end each other's Redis; two agents would remove each
    other's work.

    Parameters
    ----------
    folder : Path
        The folder; made if need be.
    who : str
        What the folder serves, such as ``agent``, for the sentence of the refusal.
    hint : str
        What helps whoever is refused.
    patience : float
        Seconds to wait for a process that is just ending.
    """

    def __init__(self, folder: Path, who: str, hint: str, patience: float) -> None:
        self._folder = folder
        self._path = folder / "lock"
        self._who = who
        self._hint = hint
        self._patience = patience
        self._handle: int | None = None

    async def acquire(self) -> None:
        """Take the lock.

        Raises
        ------
        perijove.errors.Unavailable
            Another process keeps it, or the folder can't be used.
        """
        deadline = asyncio.get_running_loop().time() + self._patience
        while not self._try():
            if asyncio.get_running_loop().time() >= deadline:
                raise Unavailable(f"Another Perijove {self._who} runs on {self._folder}{self._holder()}.", self._hint)
            # Waiting in the kernel would take a thread that can't be interrupted.
            await asyncio.sleep(_POLL)

    def release(self) -> None:
        """Let go of the lock."""
        if self._handle is not None:
            os.close(self._handle)
            self._handle = None

    def _try(self) -> bool:
        try:
            self._folder.mkdir(parents=True, exist_ok=True, mode=0o700)
            # A link or a pipe in its place is not the lock; work that the agent runs could put one there.
            flags = os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK
            handle = os.open(self._path, flags, 0o600)
        except OSError as error:
            raise self._unusable(error) from error
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(handle)
            return False
        except OSError as error:
            os.close(handle)
            raise self._unusable(error) from error
        with suppress(OSError):  # for people only: a full disk is no reason not to start
            os.ftruncate(handle, 0)
            os.pwrite(handle, f"process {os.getpid()} on {platform.node()}"[:_LONGEST].encode(), 0)
        self._handle = handle
        return True

    def _unusable(self, error: OSError) -> Unavailable:
        return Unavailable(f"The folder {self._folder} can't be used: {error.strerror or error}.", self._hint)

    def _holder(self) -> str:
        """Return who says that it has the lock, in brackets."""
        with suppress(OSError):
            said = self._path.read_bytes()[:_LONGEST].decode(errors="replace").strip()
            return f" ({said})" if said.isprintable() and said else ""
        return ""
