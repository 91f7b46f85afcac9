"""A file while it is being written: invisible until it is whole."""

from __future__ import annotations

import hashlib
import os
import time
from contextlib import suppress
from itertools import takewhile
from pathlib import Path
from uuid import uuid4

from perijove.errors import Conflict, InvalidRequest, TooLarge

_ATTEMPTS = 5


class Incoming:
    """A temporary file that becomes an object, or vanishes. Its methods block.

    Parameters
    ----------
    folder : Path
        Where temporary files lie: the object's file system, so that the last step is a rename.
    limit : int, optional
        The most bytes it may have.

    Attributes
    ----------
    path : Path
        Where it lies until it is an object.
    """

    def __init__(self, folder: Path, limit: int | None = None) -> None:
        make_private(folder)
        self.path = folder / uuid4().hex
        self._limit = limit
        self._digest = hashlib.sha256()
        self._file = os.fdopen(os.open(self.path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb", buffering=0)
        self.size = 0

    @property
    def sha256(self) -> str:
        """The SHA-256 of what was written so far, in hexadecimal."""
        return self._digest.hexdigest()

    def write(self, data: bytes) -> None:
        """Append `data`. Raises `TooLarge` before anything beyond the limit is written."""
        self.size += len(data)
        if self._limit is not None and self.size > self._limit:
            raise TooLarge(f"It is larger than the limit of {self._limit} bytes.")
        self._digest.update(data)
        view = memoryview(data)
        while view:
            view = view[self._file.write(view) :]

    def verify(self, sha256: str) -> None:
        """Raise `InvalidRequest` unless this is the digest of what was written."""
        if sha256 != self.sha256:
            raise InvalidRequest(
                f"The content's SHA-256 is {self.sha256}, not {sha256}.", "It changed on the way: send it again."
            )

    def commit(self, target: Path) -> None:
        """Make the file durable and let it appear as `target`, replacing what is there."""
        os.fsync(self._file.fileno())
        self._file.close()
        self._move(target)
        sync_folder(target.parent)

    def _move(self, target: Path) -> None:
        for _ in range(_ATTEMPTS):
            if self._appeared(target):
                return
        raise Conflict("The object's folder is being deleted.")

    def _appeared(self, target: Path) -> bool:
        try:
            make_private(target.parent)
            self.path.replace(target)
        except FileNotFoundError:
            return False  # a deletion removed the folder, empty until now, between the two calls
        except (NotADirectoryError, IsADirectoryError, FileExistsError) as error:
            raise Conflict("An object's name is another one's folder.") from error
        return True

    def discard(self) -> None:
        """Remove the file if it has not become an object; harmless after `commit`."""
        self._file.close()
        with suppress(FileNotFoundError):
            self.path.unlink()


def make_private(folder: Path) -> None:
    """Make a folder, and those above it that are missing, for this user only: `Path.mkdir` does so with the last."""
    missing = list(takewhile(lambda each: not each.exists(), (folder, *folder.parents)))
    for each in reversed(missing):
        each.mkdir(mode=0o700, exist_ok=True)


def remove_abandoned(folder: Path, older_than: float) -> None:
    """Remove temporary files that nobody wrote to for `older_than` seconds: their writers were killed."""
    with suppress(FileNotFoundError):
        for path in folder.iterdir():
            with suppress(FileNotFoundError):
                if time.time() - path.stat().st_mtime > older_than:
                    path.unlink()


def sync_folder(folder: Path) -> None:
    """Make a rename durable: the folder's entry is data of the folder."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
