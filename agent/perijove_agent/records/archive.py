"""A finished attempt's spool, compressed: the archive of its records."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path

import zstandard

_CHUNK = 1 << 20


@dataclass(frozen=True)
class Archive:
    """A compressed spool on disk."""

    path: Path
    size: int
    sha256: str


def compress(spool: Path) -> Archive:
    """Compress the file `spool` into ``<spool>.zst``, in constant memory, and return what came out."""
    path = spool.with_name(spool.name + ".zst")
    digest = hashlib.sha256()
    size = 0
    chunks = zstandard.ZstdCompressor(level=3).chunker(chunk_size=_CHUNK)
    with spool.open("rb") as source, path.open("wb") as target:
        while data := source.read(_CHUNK):
            for chunk in chunks.compress(data):
                size += target.write(chunk)
                digest.update(chunk)
        for chunk in chunks.finish():  # type: ignore[no-untyped-call]  # its stub has none
            size += target.write(chunk)
            digest.update(chunk)
    return Archive(path, size, digest.hexdigest())
