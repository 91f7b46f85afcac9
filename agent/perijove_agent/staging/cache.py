"""Files that were fetched once and may be needed again."""

from __future__ import annotations

import json
import os
import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from perijove_agent.removal import remove

#: What an entry holds.
_NOTE, _FOLDER = "note.json", "content"


@dataclass(frozen=True)
class Fetched:
    """A file on this worker's disk and what is known of it."""

    path: Path
    size: int
    sha256: str


class Cache:
    """Immutable things by key, up to a number of bytes; what was not used for longest goes first.

    An entry is a folder with one file, under the name it was stored with, and a note of its size, time and digest. A
    file that no longer fits its note was tampered with and is fetched again: work gets hard links to cached files. So
    is one whose note is missing or damaged, as it is where an agent was killed between the two.

    Its methods may be called from several threads at a time. What is `in_use` stays, however much there is.

    Parameters
    ----------
    root : Path
        Holds the entries.
    limit : int
        Bytes.
    """

    def __init__(self, root: Path, limit: int) -> None:
        self._root = root
        self._limit = limit
        self._used: Counter[Path] = Counter()
        # Held while entries come, go and are counted; reading what an entry holds needs none.
        self._lock = threading.Lock()

    @contextmanager
    def in_use(self, key: str) -> Iterator[None]:
        """Keep the entry of `key`, there already or put meanwhile, for as long as the context lasts."""
        entry = self._entry(key)
        with self._lock:
            self._used[entry] += 1
        try:
            yield
        finally:
            with self._lock:
                self._used[entry] -= 1
                self._used += Counter()  # drops what nobody uses

    def get(self, key: str) -> Fetched | None:
        """Return the file stored under `key`, and mark it used; None where there is none, or a damaged one."""
        entry = self._entry(key)
        with self._lock:
            try:
                found = self._read(entry)
                os.utime(entry)
            except (OSError, ValueError, KeyError, TypeError):
                return None
        return found

    def put(self, key: str, file: Fetched) -> Fetched:
        """Move `file` into the cache under `key`; return where it lies now."""
        entry = self._entry(key)
        with self._lock:
            remove(entry)
            path = entry / _FOLDER / file.path.name
            path.parent.mkdir(parents=True)
            file.path.replace(path)
            path.chmod(0o444)
            note = {"name": path.name, "size": file.size, "sha256": file.sha256, "time": path.lstat().st_mtime_ns}
            (entry / _NOTE).write_text(json.dumps(note), "utf-8")
            self._used[entry] += 1
            try:
                self._shrink()
            finally:
                self._used[entry] -= 1
        return Fetched(path, file.size, file.sha256)

    def discard(self, key: str) -> None:
        """Remove an entry that was found to be damaged."""
        with self._lock:
            remove(self._entry(key))

    def _read(self, entry: Path) -> Fetched | None:
        note = json.loads((entry / _NOTE).read_text("utf-8"))
        path = entry / _FOLDER / Path(note["name"]).name
        stat = path.lstat()
        fits = (stat.st_size, stat.st_mtime_ns) == (note["size"], note["time"])
        return Fetched(path, note["size"], str(note["sha256"])) if fits else None

    def _entry(self, key: str) -> Path:
        return self._root / key.replace("/", "-").replace(":", "-")

    def _shrink(self) -> None:
        """Remove what was not used for longest, and is not in use, until the rest is within the limit."""
        with os.scandir(self._root) as listed:
            entries = sorted(((_used_at(each), Path(each.path)) for each in listed), reverse=True)
        total = 0
        for _, entry in entries:
            total += _size(entry)
            if total > self._limit and not self._used[entry]:
                remove(entry)


def _used_at(entry: os.DirEntry[str]) -> float:
    try:
        return entry.stat(follow_symlinks=False).st_mtime
    except OSError:
        return 0.0


def _size(entry: Path) -> int:
    """Return how many bytes an entry's files have; what is gone, or is no entry of ours, has none."""
    try:
        with os.scandir(entry / _FOLDER) as files:
            return sum(file.stat(follow_symlinks=False).st_size for file in files)
    except OSError:
        return 0
