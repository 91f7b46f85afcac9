"""Files that were fetched once and may be needed again."""

from __future__ import annotations

import json
import os
import shutil
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Fetched:
    """A file on this worker's disk and what is known of it."""

    path: Path
    size: int
    sha256: str


class Cache:
    """Immutable things by key, up to a number of bytes; what was not used for longest goes first.

    An entry is a folder with one file, under the name it was stored with, and a note of its size, time and digest. A
    file that no longer fits its note was tampered with and is fetched again: work gets hard links to cached files.

    Parameters
    ----------
    root : Path
        Holds the entries.
    limit : int
        Bytes.
    """

    _NOTE = ".note.json"

    def __init__(self, root: Path, limit: int) -> None:
        self._root = root
        self._limit = limit

    def get(self, key: str) -> Fetched | None:
        """Return the file stored under `key`, and mark it used."""
        entry = self._entry(key)
        try:
            note = json.loads((entry / self._NOTE).read_text("utf-8"))
            path = entry / note["name"]
            stat = path.lstat()
        except (OSError, ValueError, KeyError):
            return None
        if (stat.st_size, stat.st_mtime_ns) != (note["size"], note["time"]):
            shutil.rmtree(entry, ignore_errors=True)
            return None
        os.utime(entry)
        return Fetched(path, note["size"], note["sha256"])

    def put(self, key: str, file: Fetched) -> Fetched:
        """Move `file` into the cache under `key`; return where it lies now."""
        entry = self._entry(key)
        shutil.rmtree(entry, ignore_errors=True)
        entry.mkdir(parents=True)
        path = entry / file.path.name
        file.path.replace(path)
        path.chmod(0o444)
        note = {"name": path.name, "size": file.size, "sha256": file.sha256, "time": path.lstat().st_mtime_ns}
        (entry / self._NOTE).write_text(json.dumps(note), "utf-8")
        self._shrink(keep=entry)
        return Fetched(path, file.size, file.sha256)

    def _entry(self, key: str) -> Path:
        return self._root / key.replace("/", "-").replace(":", "-")

    def _shrink(self, keep: Path) -> None:
        entries = sorted(self._root.iterdir(), key=lambda entry: entry.stat().st_mtime, reverse=True)
        total = 0
        for entry in entries:
            total += sum(file.lstat().st_size for file in entry.iterdir())
            if total > self._limit and entry != keep:
                shutil.rmtree(entry, ignore_errors=True)
