"""Records of a spool, compressed: the archive of an attempt, or a segment of it."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path

import zstandard

from perijove.wire.archives import footer

_CHUNK = 1 << 20
#: zstd's levels: an attempt that goes on waits for its segments, and nobody for an archive.
SEGMENT_LEVEL, ARCHIVE_LEVEL = 1, 3


@dataclass(frozen=True)
class Archive:
    """Compressed records on disk."""

    path: Path
    size: int
    sha256: str


@dataclass(frozen=True)
class Part:
    """What of a spool is compressed: the bytes from `start` to before `stop`, which end with record `last`."""

    start: int
    stop: int
    last: int


def compress(spool: Path, part: Part, target: Path, level: int = ARCHIVE_LEVEL) -> Archive:
    """Compress a part of the file `spool` into `target`, in constant memory, and return what came out."""
    digest = hashlib.sha256()
    size, left = 0, part.stop - part.start
    chunks = zstandard.ZstdCompressor(level=level).chunker(chunk_size=_CHUNK)
    with spool.open("rb") as source, target.open("wb") as file:

        def write(chunk: bytes) -> None:
            nonlocal size
            size += file.write(chunk)
            digest.update(chunk)

        source.seek(part.start)
        while left > 0 and (data := source.read(min(left, _CHUNK))):
            left -= len(data)
            for chunk in chunks.compress(data):
                write(chunk)
        for chunk in chunks.finish():
            write(chunk)
        write(footer(part.last))
    return Archive(target, size, digest.hexdigest())
