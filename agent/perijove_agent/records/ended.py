"""The spools of attempts that have ended and are not archived yet: files that say by their name whose they are.

An agent that is started again is a new worker, and the master takes an attempt's archive from the worker that ran it
only. So the name has a key of these very records, with which the next agent on this disk proves that it may archive
them.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from typing_extensions import Self

from perijove.patterns import ID_PATTERN
from perijove.wire.protocol import Held
from perijove_agent.records.archive import Archive, Part, compress
from perijove_agent.records.spool import Spool

#: What such a file's name ends with.
ENDED = ".ended"
_ID = ID_PATTERN.strip("^$")
_NAME = re.compile(
    rf"(?P<execution>{_ID})-(?P<attempt>[1-9][0-9]{{0,5}})\.(?P<worker>{_ID})\.(?P<start>[0-9]{{1,18}})\."
    rf"(?P<records>[0-9]{{1,10}})\.(?P<key>[0-9a-f]{{64}})\.ended"
)


@dataclass(frozen=True)
class EndedSpool:
    """One such spool: the attempt, the worker that ran it, the number of its records, and where they lie.

    Attributes
    ----------
    start : int
        Where in the file the first record begins that no segment has.
    key : str
        Of its records, see `perijove.wire.envelopes.records_key`.
    """

    held: Held
    worker: str
    start: int
    records: int
    key: str = field(repr=False)
    path: Path = field(repr=False)

    @classmethod
    def seal(cls, spool: Spool, held: Held, worker: str, key: str, stored: int = 0) -> Self:
        """Close a spool and give its file the name by which an agent that comes after this one knows what it is.

        Parameters
        ----------
        stored : int
            The number of the last record that segments have.
        """
        start = spool.end_of(stored)
        spool.close()
        path = spool.path.with_name(f"{held.execution}-{held.attempt}.{worker}.{start}.{spool.last}.{key}{ENDED}")
        spool.path.replace(path)
        return cls(held, worker, start, spool.last, key, path)

    @classmethod
    def left_in(cls, folder: Path) -> Iterator[Self]:
        """Iterate over those an agent left that is no more."""
        for path in sorted(folder.glob(f"*{ENDED}")):
            if spool := cls.at(path):
                yield spool

    @classmethod
    def at(cls, path: Path) -> Self | None:
        """Return the spool that a file is by its name; None for one that is none."""
        match = _NAME.fullmatch(path.name)
        if match is None:
            return None
        held = Held(match["execution"], int(match["attempt"]))
        return cls(held, match["worker"], int(match["start"]), int(match["records"]), match["key"], path)

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
