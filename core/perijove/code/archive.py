"""Writes a plan as a ``tar.zst`` that is the same, byte for byte, wherever and whenever it is written.

A code version's id is the SHA-256 of these bytes, so the master can check what it stores without unpacking it. Another
version of the zstd library may compress the same tree to other bytes and so give it another id; that costs an
upload and nothing else.
"""

from __future__ import annotations

import errno
import hashlib
import os
import stat
import tarfile
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import IO, BinaryIO, cast

import zstandard

from perijove import errors
from perijove.code.notes import Notes
from perijove.code.plan import Entry, Plan
from perijove.code.scanner import scan

_LEVEL = 3
_EXECUTABLE, _PLAIN, _LINK = 0o755, 0o644, 0o777
#: Files that turn out to be unreadable while they are read, each of which costs another start.
_UNREADABLE = 20
#: What opening a file fails with that is not there any more, or something else by now.
_GONE = frozenset({errno.ENOENT, errno.ENOTDIR, errno.ELOOP, errno.ENXIO})
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


class _Unreadable(Exception):
    """A file can't be read."""

    def __init__(self, entry: Entry, error: OSError) -> None:
        super().__init__(entry.name)
        self.entry = entry
        self.error = error


def pack(plan: Plan, target: str | Path | None = None, attempts: int = 3) -> Packed:
    """Write the snapshot to a file, streamed; where the folder changes meanwhile, scan and start again.

    A file that can't be read is left out, and the plan it returns notes that.

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
        The snapshot can't be written, or very many files can't be read.
    """
    path = Path(target) if target is not None else _temporary_file()
    try:
        return _pack_unchanged(plan, path, attempts)
    except OSError as error:
        path.unlink(missing_ok=True)
        raise _unwritable(path.parent, error) from error
    except BaseException:
        path.unlink(missing_ok=True)
        raise


def _pack_unchanged(plan: Plan, path: Path, attempts: int) -> Packed:
    changed, unreadable = "", dict[str, OSError]()
    while attempts > 0:
        try:
            return _write(_without(plan, unreadable), path)
        except _Unreadable as error:  # noqa: PERF203 - a retry loop
            unreadable[error.entry.name] = error.error
            if len(unreadable) > _UNREADABLE:
                raise errors.InvalidPath(
                    f"{error.entry.name!r} can't be read, and {_UNREADABLE} others.", "Change their permissions."
                ) from error.error
        except _Changed as error:
            changed, attempts = str(error), attempts - 1
            if attempts > 0:
                plan = scan(plan.root, plan.limit, plan.leave_out, plan.extra)
    raise errors.Conflict(
        f"The file {changed!r} kept changing while the project folder was read.",
        "Stop what writes it, or list it in .perijoveignore, and try again.",
    )


def _without(plan: Plan, unreadable: Mapping[str, OSError]) -> Plan:
    """Return the plan without files that can't be read, which it notes; the scan could not see that they can't."""
    if not unreadable:
        return plan
    notes = Notes(plan.notes)
    for name, error in unreadable.items():
        notes.stays(name, error)
    kept = tuple(entry for entry in plan.entries if entry.name not in unreadable)
    return replace(plan, entries=kept, notes=notes.sentences())


def _unwritable(folder: Path, error: OSError) -> errors.InvalidPath:
    return errors.InvalidPath(
        f"The snapshot can't be written in {str(folder)!r}: {error.strerror or error}.",
        "Make room there, or set TMPDIR to a folder with more of it.",
    )


def _temporary_file() -> Path:
    try:
        handle, name = tempfile.mkstemp(prefix="perijove-", suffix=".tar.zst")
    except OSError as error:
        raise _unwritable(Path(tempfile.gettempdir()), error) from error
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
    except OSError as error:
        if error.errno in _GONE:
            raise _Changed(entry.name) from None
        raise _Unreadable(entry, error) from None
    with os.fdopen(handle, "rb") as file:
        before = os.fstat(handle)
        if not stat.S_ISREG(before.st_mode) or before.st_size != entry.size:
            raise _Changed(entry.name)
        try:
            yield cast("BinaryIO", _Content(file, entry))
        except OSError as error:
            raise _Changed(entry.name) if _is_short(error) else error from None
        after = os.fstat(handle)
        if (after.st_size, after.st_mtime_ns) != (before.st_size, before.st_mtime_ns):
            raise _Changed(entry.name)


def _is_short(error: OSError) -> bool:
    """Return whether `tarfile` found the file's end too early: its only error without a number."""
    return error.errno is None


class _Content:
    """A file whose reading fails as that of the file, and so is told from the archive's writing."""

    def __init__(self, file: BinaryIO, entry: Entry) -> None:
        self._file = file
        self._entry = entry

    def read(self, size: int = -1) -> bytes:
        try:
            return self._file.read(size)
        except OSError as error:
            raise _Unreadable(self._entry, error) from None


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
