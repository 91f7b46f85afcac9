"""The spools of attempts that have ended and are not archived yet: files that say by their name whose they are."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from typing_extensions import Self

from perijove.wire.protocol import Held
from perijove_agent.records.archive import Archive, Part, compress
from perijove_agent.records.spool import Spool

#: What such a file's name ends with.
ENDED = ".ended"
_NAME = re.compile(
    r"(?P<execution>[a-z]+-[0-9a-z]+)-(?P<attempt>\d+)\.(?P<worker>[^.]+)\.(?P<start>\d+)\.(?P<records>\d+)\.ended"
)


@dataclass(frozen=True)
class EndedSpool:
    """One such spool: the attempt, the worker that ran it, the number of its records, and where they lie.

    Attributes
    ----------
    start : int
        Where in the file the first record begins that no segment has.
    """

    held: Held
    worker: str
    start: int
    records: int
    path: Path

    @classmethod
    def seal(cls, spool: Spool, held: Held, worker: str, stored: int = 0) -> Self:
        """Close a spool and give its file the name by which an agent that comes after this one knows what it is.

        Parameters
        ----------
        stored : int
            The number of the last record that segments have.
        """
        start = spool.end_of(stored)
        spool.close()
        path = spool.path.with_name(f"{held.execution}-{held.attempt}.{worker}.{start}.{spool.last}{ENDED}")
        spool.path.replace(path)
        return cls(held, worker, start, spool.last, path)

    @classmethod
    def left_in(cls, folder: Path) -> Iterator[Self]:
        """Iterate over those an agent left that is no more."""
        for path in sorted(folder.glob(f"*{ENDED}")):
            if match := _NAME.fullmatch(path.name):
                held = Held(match["execution"], int(match["attempt"]))
                yield cls(held, match["worker"], int(match["start"]), int(match["records"]), path)

    @property
    def archive_path(self) -> Path:
        """Where its archive lies until it is stored."""
        return self.path.with_name(self.path.name + ".zst")

    def compress(self) -> Archive:
        """Compress what no segment has."""
        return compress(self.path, Part(self.start, self.path.stat().st_size, self.records), self.archive_path)

    def discard(self) -> None:
        """Delete it."""
        self.path.unlink(missing_ok=True)
