"""An attempt's metadata points: all of them, or evenly fewer where they are too many to be held or answered."""

from __future__ import annotations

from pydantic import ValidationError

from perijove.model.resources import MetadataPoint
from perijove_scheduler.services import transcript

#: The most points, and bytes of them, that are kept.
MOST_POINTS, MOST_BYTES = 10_000, 8 * 1024 * 1024
_METADATA = b'"kind":"metadata"'


class Points:
    """Keeps every `every`-th point that it sees, from the first on, and the last.

    Attributes
    ----------
    total : int
        How many it has seen.
    every : int
        A power of two, which grows when what is kept becomes too much.
    """

    def __init__(self) -> None:
        self.total = 0
        self.every = 1
        self._kept: list[tuple[int, bytes]] = []
        self._size = 0
        self._last: tuple[int, bytes] | None = None

    def see(self, number: int, line: bytes) -> None:
        """Take a record, whatever it is."""
        if _METADATA not in line:
            return
        self._last = (number, line)
        if self.total % self.every == 0:
            self._kept.append(self._last)
            self._size += len(line)
            self._thin_out()
        self.total += 1

    def _thin_out(self) -> None:
        while len(self._kept) > 1 and (len(self._kept) > MOST_POINTS or self._size > MOST_BYTES):
            self._kept = self._kept[::2]
            self._size = sum(len(line) for _, line in self._kept)
            self.every *= 2

    def kept(self) -> list[MetadataPoint]:
        """Return the points that are kept."""
        last = [self._last] if self._last and self._kept[-1] != self._last else []
        return [point for number, line in [*self._kept, *last] if (point := _point(number, line))]


def _point(number: int, line: bytes) -> MetadataPoint | None:
    record = transcript.parsed(line)
    if record.get("kind") != "metadata":
        return None  # another record that has such words in it
    try:
        return MetadataPoint(n=number, t=record["t"], values=record["values"])
    except (KeyError, ValidationError):
        return None
