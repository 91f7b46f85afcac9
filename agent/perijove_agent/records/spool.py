"""The spool: an attempt's records on this worker's disk, before they are sent anywhere."""

from __future__ import annotations

import os
from array import array
from pathlib import Path

# How many released records' places are kept before they are let go of together.
_RELEASED = 4096


class Spool:
    """A file of JSON lines, numbered from 1, that is appended to and read back by number.

    Every record is handed to the operating system before it is sent, so the file outlives the agent's process and is,
    compressed, the archive. There is no fsync: a machine that loses power loses its attempt anyway.

    Parameters
    ----------
    path : Path
        The file; what it held is discarded.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        path.parent.mkdir(parents=True, exist_ok=True)
        self._file = os.open(path, os.O_CREAT | os.O_TRUNC | os.O_RDWR | os.O_CLOEXEC, 0o600)
        # _ends[n] is where record _released + n ends; eight bytes a record keep a million records in 8 MB.
        self._ends = array("Q", [0])
        self._released = 0

    @property
    def last(self) -> int:
        """The number of the last record; 0 when there is none."""
        return self._released + len(self._ends) - 1

    @property
    def size(self) -> int:
        """The file's length in bytes."""
        return self._ends[-1]

    def append(self, line: bytes) -> int:
        """Write one record and return its number.

        Raises
        ------
        OSError
            The disk is full or broken; the record was not written, and appending it again is right.
        """
        data = line + b"\n"
        end = self.size
        written = 0
        while written < len(data):
            # A full disk may take half a line; the next append overwrites that half.
            written += os.pwrite(self._file, data[written:], end + written)
        self._ends.append(end + len(data))
        return self.last

    def read(self, first: int, most: int) -> list[bytes]:
        """Return records from number `first` on, without their newlines: at least one, then up to `most` bytes."""
        if first > self.last:
            return []
        start = self.end_of(first - 1)
        stop = first
        while stop < self.last and self.end_of(stop + 1) - start <= most:
            stop += 1
        data = os.pread(self._file, self.end_of(stop) - start, start)
        return data[:-1].split(b"\n")

    def end_of(self, number: int) -> int:
        """Return where in the file a record ends that was not released, or the last that was."""
        return self._ends[number - self._released]

    def bytes_between(self, after: int, last: int) -> int:
        """Return how many bytes the records after number `after` take, up to number `last`."""
        return max(0, self.end_of(min(last, self.last)) - self.end_of(min(after, self.last)))

    def bytes_after(self, number: int) -> int:
        """Return how many bytes the records after `number` take."""
        return self.bytes_between(number, self.last)

    def release(self, number: int) -> None:
        """Let go of where the records up to `number` lie: nobody reads them here any more."""
        if number - self._released >= _RELEASED:
            del self._ends[: number - self._released]
            self._released = number

    def close(self) -> None:
        """Close the file; it stays on disk, without the half line a full disk may have left at its end."""
        if self._file >= 0:
            os.ftruncate(self._file, self.size)
            os.close(self._file)
            self._file = -1

    def discard(self) -> None:
        """Close the file and delete it."""
        self.close()
        self.path.unlink(missing_ok=True)
