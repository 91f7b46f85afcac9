"""The records of attempts, wherever they lie: in segments, in the archive, or still in their live stream."""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterator, Callable
from contextlib import aclosing
from dataclasses import dataclass

from perijove.wire.limits import RECORD_LIMIT
from perijove_scheduler.files.protocol import Files, log_key, segment_key
from perijove_scheduler.queue.protocol import Gap, Queue
from perijove_scheduler.queue.tail import Tail
from perijove_scheduler.services import archive
from perijove_scheduler.services.archive import Records, mark
from perijove_scheduler.store.segments import Segments
from perijove_scheduler.store.tables import AttemptRow

__all__ = ["Chronicle", "Records"]

_PAGE = 500
#: What iterates over the records after a number.
Source = Callable[[int], AsyncGenerator[Records, None]]


@dataclass(frozen=True)
class Chronicle:
    """Reads an attempt's records in their order, across every seam between the places where they lie.

    No record is passed over silently: where some are missing, a record in the place of the last of them says so.
    """

    files: Files
    queue: Queue
    tail: Tail
    segments: Segments

    async def read(
        self, group: str, execution: str, attempt: int, row: AttemptRow | None, after: int = 0
    ) -> AsyncIterator[Records]:
        """Iterate over batches of what an attempt has recorded so far; `row` is the attempt's, if it has one."""
        if row is not None and row.archived_at is not None:
            batches = self.archived(row, after)
        else:
            batches = self._across(execution, attempt, after, lambda n: self._pages(group, execution, attempt, n))
        async for batch in batches:
            yield batch

    async def follow(
        self, group: str, execution: str, attempt: int, after: int, *, begun: bool = True
    ) -> AsyncGenerator[Records, None]:
        """Iterate over batches of records after number `after`, waiting for more, until the caller stops.

        An attempt that had not `begun`, as far as the database knew, has no segments yet.
        """
        tail = self.tail
        live = self._across(execution, attempt, after, lambda n: tail.follow(group, execution, attempt, n), begun)
        async with aclosing(live) as batches:
            async for batch in batches:
                yield batch

    async def archived(self, row: AttemptRow, after: int) -> AsyncIterator[Records]:
        """Iterate over batches of the records of an attempt that is archived."""
        whole, execution, attempt = _Whole(after), row.execution_id, row.attempt
        async for batch in self._segments(execution, attempt, after):
            yield whole.take(batch)
        async for batch in archive.read(self.files, log_key(execution, attempt), whole.last):
            yield whole.take(batch)
        if row.records is not None and row.removed_at is None and whole.last < row.records:
            yield [whole.missing(row.records)]

    async def last_record(self, group: str, execution: str, attempt: int) -> int:
        """Return the number of the last record that is in a segment or in the live stream."""
        live = await self.queue.last_record(group, execution, attempt)
        return max(live, await self.segments.last(execution, attempt))

    async def _across(
        self, execution: str, attempt: int, after: int, source: Source, segmented: bool = True
    ) -> AsyncGenerator[Records, None]:
        """Read the segments there are and go on with `source`; again where that was trimmed meanwhile.

        A stream is trimmed after its segments are noted, so what it does not have is found there, or is lost.
        """
        whole, first = _Whole(after), 0
        while True:
            if segmented:
                async for batch in self._segments(execution, attempt, whole.last):
                    yield whole.take(batch)
            if first > whole.last + 1:
                yield [whole.missing(first - 1)]
            try:
                async with aclosing(source(whole.last)) as batches:
                    async for batch in batches:
                        yield whole.take(batch)
            except Gap as gap:
                first, segmented = gap.first, True
            else:
                return

    async def _pages(self, group: str, execution: str, attempt: int, after: int) -> AsyncGenerator[Records, None]:
        while batch := await self.queue.records(group, execution, attempt, after, _PAGE):
            yield batch
            after = batch[-1][0]

    async def _segments(self, execution: str, attempt: int, after: int) -> AsyncIterator[Records]:
        while page := await self.segments.of(execution, attempt, after):
            for segment in page:
                if segment.last <= after:
                    continue
                async for batch in archive.read(
                    self.files, segment_key(execution, attempt, segment.first, segment.last), after
                ):
                    yield batch
                after = segment.last


class _Whole:
    """Sees that every record comes once and in order, and marks the place of those that do not come.

    Attributes
    ----------
    last : int
        The number of the last record that came, or is known to be missing.
    """

    def __init__(self, after: int) -> None:
        self.last = after

    def take(self, batch: Records) -> Records:
        """Return what of a batch is new, with a mark in every gap and for what is too large for a record."""
        first, last = batch[0][0], batch[-1][0]
        if any(len(line) > RECORD_LIMIT for _, line in batch):
            batch = [archive.bounded(number, line) for number, line in batch]
        if first == self.last + 1 and last - first + 1 == len(batch):
            self.last = last
            return batch
        taken: Records = []
        for number, line in batch:
            if number <= self.last:
                continue
            if number > self.last + 1:
                taken.append(self.missing(number - 1))
            taken.append((number, line))
            self.last = number
        return taken

    def missing(self, last: int) -> tuple[int, bytes]:
        """Note that the records up to number `last` are not there; return what says so in their place."""
        first, self.last = self.last + 1, last
        which = f"Record {first} is" if first == last else f"Records {first} to {last} are"
        return mark(last, f"{which} missing.")
