"""Objects as files below one folder of this machine.

Not `obstore.LocalStore`, which is meant for the remote stores of this interface: it follows symbolic links out of its
folder, does not make writes durable, and refuses names such as ``model#1``, which people do give their outputs.
"""

from __future__ import annotations

import errno
import math
import os
import time
from collections.abc import AsyncIterable, AsyncIterator, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager, contextmanager, suppress
from functools import partial
from itertools import islice
from operator import methodcaller
from pathlib import Path
from typing import BinaryIO

from perijove.aio.executors import FILES
from perijove.errors import InvalidPath, NotFound, Unavailable
from perijove.model.events import Verb
from perijove.model.ids import safe_relative_path
from perijove.paths import is_file, leads_through_link
from perijove.trees import is_folder
from perijove_scheduler.files.incoming import Incoming, make_private, remove_abandoned, sync_folder
from perijove_scheduler.files.protocol import Check, Stored, Upload, digest_in, upload_key
from perijove_scheduler.files.signing import Grant, Signer

_CHUNK = 1024 * 1024
_BATCH = 500
_INCOMING = ".incoming"
# Seconds: a stalled upload is longer given up by then.
_ABANDONED = 24 * 3600.0
#: Seconds between two looks for such files.
SWEEP_EVERY = 3600.0
# What Linux' file systems take: bytes of one name; and of a path, less what the root may take.
_NAME_LIMIT = 255
_KEY_LIMIT = 2048


#: What a disk says that is full, broken or away, or a process that has too much open.
_OUT_OF_ORDER = {
    errno.EMFILE, errno.ENFILE, errno.ENOSPC, errno.EDQUOT, errno.EIO, errno.ESTALE, errno.EROFS, errno.ENOMEM,
    errno.EACCES, errno.EPERM, errno.ETIMEDOUT,
}  # fmt: skip


@contextmanager
def _usable() -> Iterator[None]:
    try:
        yield
    except OSError as error:
        if error.errno not in _OUT_OF_ORDER:
            raise
        raise Unavailable(f"The object store cannot be used: {error.strerror}.") from error


class LocalFiles:
    """`Files` on local disk.

    Parameters
    ----------
    root : Path
        The folder; made when first needed.
    key : bytes
        The secret that signs URLs, at least 32 bytes.
    base_url : str
        The public address of the service, under which ``files/`` is served.
    """

    def __init__(self, root: Path, key: bytes, base_url: str) -> None:
        self._root = root.absolute()
        self._signer = Signer(key, base_url)
        self._swept = -math.inf

    async def put(
        self,
        key: str,
        body: AsyncIterable[bytes],
        limit: int | None = None,
        sha256: str | None = None,
        check: Check | None = None,
    ) -> Stored:
        """Write an object from a stream, atomically and durably."""
        target = await FILES.run(self._path, key)
        async with self._incoming(body, limit) as incoming:
            for digest in filter(None, (sha256, digest_in(key))):
                incoming.verify(digest)
            if check is not None:
                await check(incoming.path)
            await FILES.run(incoming.commit, target)
        return Stored(key, incoming.size, incoming.sha256)

    async def receive(self, key: str, body: AsyncIterable[bytes], limit: int) -> Stored:
        """Take an upload: it lies under a key of its own, with its digest, until it is settled."""
        if digest_in(key) is not None:
            return await self.put(key, body, limit)
        _checked(key)
        async with self._incoming(body, limit) as incoming:
            target = await FILES.run(self._path, upload_key(key, incoming.sha256))
            await FILES.run(incoming.commit, target)
        return Stored(key, incoming.size, incoming.sha256)

    @asynccontextmanager
    async def _incoming(self, body: AsyncIterable[bytes], limit: int | None) -> AsyncIterator[Incoming]:
        """Write a stream to a temporary file; what the context has not made an object by its end is removed."""
        await self._sweep()
        async with FILES.holding(partial(Incoming, self._root / _INCOMING, limit), Incoming.discard) as incoming:
            async for chunk in _gathered(body):
                await FILES.run(incoming.write, chunk)
            yield incoming

    async def _sweep(self) -> None:
        """Remove what killed writers left, now and then."""
        if time.monotonic() - self._swept >= SWEEP_EVERY:
            self._swept = time.monotonic()
            await FILES.run(remove_abandoned, self._root / _INCOMING, _ABANDONED)

    async def settle(self, uploads: Sequence[Upload], *, replace: bool = False) -> list[Upload]:
        """Make uploads the objects they are for; return those that are not there."""
        with _usable():
            return await FILES.run(self._settle, uploads, replace) if uploads else []

    def _settle(self, uploads: Sequence[Upload], replace: bool) -> list[Upload]:
        folders: set[Path] = set()
        missing = [upload for upload in uploads if not self._settled(upload, replace, folders)]
        for folder in folders:
            sync_folder(folder)
        return missing

    def _settled(self, upload: Upload, replace: bool, folders: set[Path]) -> bool:
        target, source = self._path(upload.key), self._path(upload_key(upload.key, upload.sha256))
        if (not replace and is_file(target)) or not is_file(source):
            return is_file(target) and target.stat().st_size == upload.size
        if source.stat().st_size != upload.size:
            return False
        make_private(target.parent)
        source.replace(target)
        folders.add(target.parent)
        self._prune(source.parent)
        return True

    async def get(self, key: str, start: int = 0, end: int | None = None) -> AsyncIterator[bytes]:
        """Iterate over an object's bytes from `start` to before `end`."""
        async with FILES.holding(partial(self._open, key, start), methodcaller("close")) as file:
            left = end - start if end is not None else None
            while chunk := await FILES.run(file.read, _CHUNK if left is None else max(0, min(_CHUNK, left))):
                left = None if left is None else left - len(chunk)
                yield chunk

    def _open(self, key: str, start: int) -> BinaryIO:
        try:
            file = self._path(key).open("rb", buffering=0)
        except (FileNotFoundError, IsADirectoryError, NotADirectoryError) as error:
            raise NotFound("There is no such file.") from error
        file.seek(start)
        return file

    async def stat(self, key: str) -> Stored | None:
        """Return an object's size, or None if there is none."""
        return await FILES.run(self._stat, key)

    def _stat(self, key: str) -> Stored | None:
        path = self._path(key)
        return _stored(key, path) if is_file(path) else None

    async def delete(self, key: str) -> None:
        """Delete an object and the folders it leaves empty."""
        await FILES.run(self._delete, key)

    def _delete(self, key: str) -> None:
        path = self._path(key)
        with suppress(FileNotFoundError, NotADirectoryError, IsADirectoryError):
            path.unlink()
        self._prune(path.parent)

    def _prune(self, folder: Path) -> None:
        """Remove empty folders up to the root; a folder that is not empty, or is gone, ends it."""
        with suppress(OSError):
            while folder != self._root:
                folder.rmdir()
                folder = folder.parent

    async def delete_prefix(self, prefix: str) -> int:
        """Delete every object whose key starts with `prefix`; return how many."""
        if not prefix.endswith("/"):
            raise InvalidPath("A prefix to delete must end with a slash.")
        return await FILES.run(self._delete_prefix, prefix)

    def _delete_prefix(self, prefix: str) -> int:
        keys = [stored.key for stored in self._scan(prefix)]
        for key in keys:
            self._delete(key)
        return len(keys)

    async def list(self, prefix: str) -> AsyncIterator[Stored]:
        """Iterate over the objects whose key starts with `prefix`, in the order of their names."""
        found = self._scan(prefix)
        while batch := await FILES.run(lambda: list(islice(found, _BATCH))):
            for stored in batch:
                yield stored

    def _scan(self, prefix: str) -> Iterator[Stored]:
        folder, _, _ = prefix.rpartition("/")
        top = self._path(folder) if folder else self._root
        for path, key in _walk(top, folder):
            if key.startswith(prefix):
                with suppress(FileNotFoundError):
                    yield _stored(key, path)

    def sign(self, verb: Verb, key: str, seconds: int, name: str = "", media_type: str = "") -> str:
        """Return a URL under which the master serves, or takes, this object for `seconds` seconds."""
        _checked(key)
        return self._signer.sign(verb, key, seconds, name, media_type)

    def verify(self, verb: str, key: str, query: Mapping[str, str]) -> Grant:
        """Check a signed URL; see `Signer.verify`."""
        return self._signer.verify(verb, key, query)

    def _path(self, key: str) -> Path:
        """Return where an object lies. A symbolic link anywhere below the root is refused, wherever it points."""
        path = self._root / _checked(key)
        if leads_through_link(self._root, key):
            raise InvalidPath("The key leads through a symbolic link.")
        return path


def _stored(key: str, path: Path) -> Stored:
    status = path.stat()
    return Stored(key, status.st_size, modified=status.st_mtime)


def _checked(key: str) -> str:
    try:
        parts = safe_relative_path(key).split("/")
    except ValueError as error:
        raise InvalidPath(f"A key {error}.") from error
    if parts[0] == _INCOMING:
        raise InvalidPath(f"Keys below '{_INCOMING}' are reserved.")
    if len(key) > _KEY_LIMIT or max(len(os.fsencode(part)) for part in parts) > _NAME_LIMIT:
        raise InvalidPath("The key is too long to be stored.")
    return key


def _walk(folder: Path, key: str) -> Iterator[tuple[Path, str]]:
    """Iterate over the files below `folder`, whose own key is `key`; links are neither followed nor shown."""
    pending = [_listed(folder, key)]
    while pending:
        entry, child = next(pending[-1], (None, ""))
        if entry is None:
            pending.pop()
        elif is_folder(entry):
            if child != _INCOMING:
                pending.append(_listed(Path(entry.path), child))
        elif entry.is_file(follow_symlinks=False):
            yield Path(entry.path), child


def _listed(folder: Path, key: str) -> Iterator[tuple[os.DirEntry[str], str]]:
    """Iterate over what is in a folder, by name, each with its key."""
    try:
        with os.scandir(folder) as found:
            entries = sorted(found, key=lambda entry: entry.name)
    except (FileNotFoundError, NotADirectoryError):
        return
    for entry in entries:
        yield entry, f"{key}/{entry.name}" if key else entry.name


async def _gathered(body: AsyncIterable[bytes]) -> AsyncIterator[bytes]:
    """Join small pieces, so that a thread is asked once a megabyte and not once a packet."""
    pieces: list[bytes] = []
    size = 0
    async for piece in body:
        pieces.append(piece)
        size += len(piece)
        if size >= _CHUNK:
            yield b"".join(pieces)
            pieces, size = [], 0
    if pieces:
        yield b"".join(pieces)
