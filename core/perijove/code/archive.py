"""Writes a plan as a ``tar.zst`` that is the same, byte for byte, wherever and whenever it is written.

A code version's id is the SHA-256 of these bytes, so the master can check what it stores without unpacking it. Another
version of the zstd library may compress the same tree to other bytes and so give it another id; that costs an
upload and nothing else.
"""

from __future__ import annotations

import hashlib
import os
import stat
import tarfile
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, BinaryIO, cast

import zstandard

from perijove import errors
from perijove.code.plan import Entry, Plan
from perijove.code.scanner import scan

_LEVEL = 3
_EXECUTABLE, _PLAIN, _LINK = 0o755, 0o644, 0o777
_TYPES = {"file": tarfile.REGTYPE, "folder": tarfile.DIRTYPE, "link": tarfile.SYMTYPE}


@dataclass(frozen=True)
class Packed:
    """A written snapshot.

    Attributes
    ----------
    id : str
        The code version: ``~`` and the SHA-256 of the archive.
    path : Path
        Where the archive lies; the caller removes it.
    size : int
        The archive's size in bytes, compressed.
    plan : Plan
        What it holds. It differs from the plan that was given where the folder changed meanwhile.
    """

    id: str
    path: Path
    size: int
    plan: Plan


class _Changed(Exception):
    """A file is not what it was when the folder was scanned."""


def pack(plan: Plan, target: str | Path | None = None, attempts: int = 3) -> Packed:
    """Write the snapshot to a file, streamed; where the folder changes meanwhile, scan and start again.

    Parameters
    ----------
    plan : Plan
        From `scan`.
    target : str or Path, optional
        The file to write; by default a new one in the temporary folder.
    attempts : int
        How often to start before giving up.

    Raises
    ------
    perijove.errors.Conflict
        A file changed during every attempt.
    perijove.errors.InvalidPath
        A file can't be read.
    """
    path = _temporary_file() if target is None else Path(target)
    try:
        return _pack_unchanged(plan, path, attempts)
    except BaseException:
        path.unlink(missing_ok=True)
        raise


def _pack_unchanged(plan: Plan, path: Path, attempts: int) -> Packed:
    changed = ""
    for attempt in range(attempts):
        current = plan if attempt == 0 else scan(plan.root, plan.limit, plan.leave_out, plan.extra)
        try:
            return _write(current, path)
        except _Changed as error:
            changed = str(error)
    raise errors.Conflict(
        f"The file {changed!r} kept changing while the project folder was read.",
        "Stop what writes it, or list it in .perijoveignore, and try again.",
    )


def _temporary_file() -> Path:
    handle, name = tempfile.mkstemp(prefix="perijove-", suffix=".tar.zst")
    os.close(handle)
    return Path(name)


def _write(plan: Plan, path: Path) -> Packed:
    with path.open("wb") as file:
        sink = _Hashing(file)
        # One thread and a fixed level: both change the bytes.
        compressor = zstandard.ZstdCompressor(level=_LEVEL, threads=0, write_checksum=True)
        with compressor.stream_writer(cast("IO[bytes]", sink), closefd=False) as stream:
            _write_tar(plan, stream)
    return Packed(f"~{sink.digest.hexdigest()}", path, sink.size, plan)


def _write_tar(plan: Plan, stream: BinaryIO) -> None:
    with tarfile.open(fileobj=stream, mode="w|", format=tarfile.PAX_FORMAT) as tar:
        for entry in plan.entries:
            if entry.kind == "file":
                with _unchanged(entry.source or plan.root / entry.name, entry) as content:
                    tar.addfile(_header(entry), content)
            else:
                tar.addfile(_header(entry))


def _header(entry: Entry) -> tarfile.TarInfo:
    """Return the entry's header with nothing in it of this machine, its user or the time."""
    header = tarfile.TarInfo(entry.name)
    header.type = _TYPES[entry.kind]
    header.size = entry.size
    header.linkname = entry.target
    header.mode = _EXECUTABLE if entry.executable or entry.kind == "folder" else _PLAIN
    if entry.kind == "link":
        header.mode = _LINK
    return header


@contextmanager
def _unchanged(path: Path, entry: Entry) -> Iterator[BinaryIO]:
    """Open a planned file; raise `_Changed` if it is not the planned one before it is read, or another one after."""
    try:
        # A link or a pipe may have taken the file's place since the scan: neither follow the one nor wait on the other.
        handle = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    except PermissionError as error:
        raise errors.InvalidPath(
            f"The file {entry.name!r} can't be read: {error.strerror}.",
            "Change its permissions, or list it in .perijoveignore.",
        ) from None
    except OSError:
        raise _Changed(entry.name) from None
    with os.fdopen(handle, "rb") as content:
        before = os.fstat(handle)
        if not stat.S_ISREG(before.st_mode) or before.st_size != entry.size:
            raise _Changed(entry.name)
        try:
            yield content
        except OSError as error:
            raise _Changed(entry.name) if _is_short(error) else error from None
        after = os.fstat(handle)
        if (after.st_size, after.st_mtime_ns) != (before.st_size, before.st_mtime_ns):
            raise _Changed(entry.name)


def _is_short(error: OSError) -> bool:
    """Return whether `tarfile` found the file's end too early: its only error without a number."""
    return error.errno is None


class _Hashing:
    """A file that is written through, counted and digested."""

    def __init__(self, file: BinaryIO) -> None:
        self.file = file
        self.size = 0
        self.digest = hashlib.sha256()

    def write(self, data: bytes) -> int:
        self.digest.update(data)
        self.size += len(data)
        return self.file.write(data)

    def flush(self, *_: object) -> None:
        self.file.flush()
