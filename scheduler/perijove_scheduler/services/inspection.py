"""Reads a snapshot once it is here and before anybody can use it: one that no worker would unpack is never stored.

It is read from its temporary file, by a process that can be ended: nothing waits for a sender there.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from perijove.aio.executors import SNAPSHOTS
from perijove.code import inspect
from perijove.errors import SnapshotTooLarge, TooLarge, Unavailable
from perijove_scheduler.files.protocol import Check

#: Snapshots that one person may send at a time.
MOST_EACH = 32


class Arrivals:
    """Counts the snapshots on their way, so that nobody fills the disk with half ones."""

    def __init__(self) -> None:
        self._of: Counter[str] = Counter()

    @contextmanager
    def one(self, sender: str) -> Iterator[None]:
        """Count one of a sender's in.

        Raises
        ------
        perijove.errors.Unavailable
            As many are on their way as one may send at a time.
        """
        if self._of[sender] >= MOST_EACH:
            raise Unavailable(f"You send {MOST_EACH} snapshots already, which is the most one user may at a time.")
        self._of[sender] += 1
        try:
            yield
        finally:
            self._of[sender] -= 1
            self._of += Counter()  # drops those that send none


def inspection(limit: int) -> Check:
    """Return a check of a whole snapshot whose files may have `limit` bytes.

    It raises what `perijove.code.inspect` does, `perijove.errors.SnapshotTooLarge` also for one that takes too long to
    read, and `perijove.errors.Unavailable` when too many wait to be read.
    """

    async def check(path: Path) -> None:
        try:
            await SNAPSHOTS.run(inspect, path, limit)
        except TooLarge as error:
            raise SnapshotTooLarge(error.message, error.hint) from error

    return check
