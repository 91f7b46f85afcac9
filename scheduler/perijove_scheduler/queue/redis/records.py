"""Reading attempts' record streams."""

from __future__ import annotations

from collections.abc import Awaitable, Sequence
from typing import Any, cast

from perijove.errors import Unavailable
from perijove.wire import limits, logs
from perijove.wire.connection import reach
from perijove.wire.keys import GroupKeys
from perijove_scheduler.queue.protocol import Attempt, Gap
from perijove_scheduler.queue.redis.link import RedisLink, is_damage

# Entries of a first page: at most 1 MiB, since each viewer that does not read holds a page. Later pages ask for as many
# as are about that large.
_FIRST_COUNT = 2
_PAGE_BYTES = _FIRST_COUNT * limits.ENTRY_LIMIT

Entries = Sequence[tuple[bytes, dict[bytes, bytes]]]


class Records:
    """The record streams of all attempts."""

    def __init__(self, link: RedisLink) -> None:
        self._link = link

    async def read(self, group: str, execution: str, attempt: int, after: int, limit: int) -> list[tuple[int, bytes]]:
        """Return up to about `limit` records after number `after`, and not much more than 1 MiB of them.

        Raises
        ------
        perijove_scheduler.queue.protocol.Gap
            The stream's next record is a later one than the next.
        """
        key = GroupKeys(group).log(execution, attempt)
        records: list[tuple[int, bytes]] = []
        position, count, size = after, min(_FIRST_COUNT, limit), 0
        while True:
            entries = await self._entries(key, after, count)
            for entry, fields in entries:
                size += sum(map(len, fields.values()))
                fresh = [record for record in logs.unpack(entry, fields) if record[0] > position]
                if fresh and fresh[0][0] > position + 1:
                    if records:
                        return records
                    raise Gap(fresh[0][0])
                records += fresh
                position = records[-1][0] if records else position
            if len(entries) < count or len(records) >= limit or size >= _PAGE_BYTES:
                return records
            after = logs.last_number(entries[-1][0])
            count = _next_count(count, len(entries), size, limit - len(records))

    async def _entries(self, key: str, after: int, count: int) -> Entries:
        return await self._read(self._link.redis.xrange(key, min=f"{after + 1}-0", count=count))

    async def last(self, group: str, execution: str, attempt: int) -> int:
        """Return the number of the stream's last record; 0 when there is no stream, or not one of ours."""
        key = GroupKeys(group).log(execution, attempt)
        entries = await self._read(self._link.redis.xrevrange(key, max=f"{limits.RECORDS}-0", count=1))
        return logs.last_number(entries[0][0]) if entries else 0

    async def _read(self, command: Awaitable[Any]) -> Entries:
        """Return entries; none of a key that a worker made something else of."""
        try:
            return cast("Entries", await reach(command))
        except Unavailable as error:
            if is_damage(error.__cause__):
                return []
            raise

    async def trim(self, trims: Sequence[tuple[Attempt, int]]) -> None:
        """Drop the entries whose records all come before the given number.

        The entry that ends with it stays, so that whoever appends finds the number of the stream's last record.
        """
        async with self._link.redis.pipeline(transaction=False) as pipe:
            for (group, execution, attempt), number in trims:
                pipe.xtrim(GroupKeys(group).log(execution, attempt), minid=f"{number}-0", approximate=False)
            await self._link.answers(pipe)

    async def expire(self, attempts: Sequence[Attempt], seconds: float) -> None:
        """Drop the streams of attempts after `seconds`."""
        async with self._link.redis.pipeline(transaction=False) as pipe:
            for group, execution, attempt in attempts:
                pipe.pexpire(GroupKeys(group).log(execution, attempt), int(seconds * 1000))
            await reach(pipe.execute())


def _next_count(count: int, read: int, size: int, wanted: int) -> int:
    """Return how many entries to ask for next: many small ones, or few large ones."""
    mean = max(1, size // max(1, read))
    return max(1, min(wanted, count * 8, (_PAGE_BYTES - size) // mean))
