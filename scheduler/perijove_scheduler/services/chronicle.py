"""The records of attempts, wherever they lie: in the archive, or still in their live stream."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass

from perijove_scheduler.files.protocol import Files
from perijove_scheduler.queue.protocol import Queue
from perijove_scheduler.services import archive
from perijove_scheduler.store.tables import AttemptRow

_PAGE = 500
Records = list[tuple[int, bytes]]


@dataclass(frozen=True)
class Chronicle:
    """Reads what an attempt has told so far, without waiting for more."""

    files: Files
    queue: Queue

    async def read(
        self, group: str, execution: str, attempt: int, row: AttemptRow | None, after: int = 0
    ) -> AsyncIterator[Records]:
        """Iterate over batches of the records after number `after`; `row` is the attempt's, if it has one."""
        if row is not None and row.archived_at is not None:
            async for batch in archive.read(self.files, execution, attempt, after):
                yield batch
            return
        while batch := await self.queue.records(group, execution, attempt, after, _PAGE):
            yield batch
            after = batch[-1][0]
