"""Reading what agents report, as one consumer group named ``master``."""

from __future__ import annotations

import asyncio
import math
import time
from collections import defaultdict
from collections.abc import Sequence
from typing import Any

from perijove.errors import Unavailable
from perijove.wire import limits
from perijove.wire.connection import COMMAND_TIMEOUT, reach
from perijove.wire.envelopes import Envelope
from perijove.wire.keys import GroupKeys
from perijove_scheduler.queue.protocol import Delivery
from perijove_scheduler.queue.redis.link import RedisLink, is_damage

_MASTER = "master"
_IDLE_MS = int(limits.CONSUMER_IDLE * 1000)
#: How many events of a group are read at a time: at first, and at most.
_FIRST_COUNT, _MOST = 64, 10_000
#: Bytes after which fewer events are read at a time.
_MUCH = 32 * 1024 * 1024
#: Seconds between two looks for what another consumer has left behind.
_LOOK_BACK = 5.0

Entries = Sequence[tuple[bytes | None, dict[bytes, bytes] | None]]


class Events:
    """The event streams of all groups."""

    def __init__(self, link: RedisLink) -> None:
        self._link = link
        self._delivered: set[tuple[str, str]] = set()
        self._count = _FIRST_COUNT
        self._looked_back: defaultdict[str, float] = defaultdict(lambda: -math.inf)

    async def read(self, groups: Sequence[str], consumer: str, timeout: float, limit: int) -> list[Delivery]:
        """Return what was delivered and not acknowledged, or else wait for new events."""
        if not groups:
            await asyncio.sleep(timeout)
            return []
        limit = min(limit, self._count)
        for _ in range(2):
            try:
                return await self._read(groups, consumer, timeout, limit)
            except Unavailable as error:
                # Redis 7 ends a blocked read with UNBLOCKED when a stream is flushed under it.
                if not is_damage(error.__cause__):
                    raise
            # One key that is not there, or is no stream, fails the read of all.
            await self._create(groups)
            if found := await self._each(groups, consumer, ">", limit):
                self._note(found)
                return found
        return []

    async def _read(self, groups: Sequence[str], consumer: str, timeout: float, limit: int) -> list[Delivery]:
        found = await self._left_over(groups, consumer, limit)
        if not found:
            # A read that is cut short may have been delivered something all the same: then it looks back at once.
            looked_back = self._looked_back.pop(consumer)
            found = await self._new(groups, consumer, timeout, limit)
            self._looked_back[consumer] = looked_back
        elif rest := [group for group in groups if group not in {delivery.group for delivery in found}]:
            # What one group has left over holds no other's events up.
            found += await self._each(rest, consumer, ">", limit)
        self._note(found)
        return found

    def _note(self, found: Sequence[Delivery]) -> None:
        self._delivered.update((delivery.group, delivery.entry) for delivery in found)
        size = sum(len(delivery.envelope.document) for delivery in found)
        # Redis bounds a read by the number of its events, which may be megabytes each.
        if size > _MUCH:
            self._count = max(1, self._count // 4)
        elif size < _MUCH // 8:
            self._count = min(_MOST, self._count * 2)

    async def _left_over(self, groups: Sequence[str], consumer: str, limit: int) -> list[Delivery]:
        """Return what was delivered before; asked only where there may be some, as each batch would wait for it.

        That is after a batch that was not acknowledged, and now and then for what another consumer has left.
        """
        now, theirs = time.monotonic(), set(groups)
        expected = any(group in theirs for group, _ in self._delivered)
        if not expected and now < self._looked_back[consumer] + _LOOK_BACK:
            return []
        found = await self._pending(groups, consumer, limit)
        if not found:
            # Of groups that were not asked for there may be some.
            self._delivered = {each for each in self._delivered if each[0] not in theirs}
            self._looked_back[consumer] = now
        return found

    async def _create(self, groups: Sequence[str]) -> None:
        keys = [GroupKeys(group).events for group in groups]
        async with self._link.redis.pipeline(transaction=False) as pipe:
            for key in keys:
                pipe.type(key)
            types: list[bytes] = await reach(pipe.execute())
        async with self._link.redis.pipeline(transaction=False) as pipe:
            for key, kind in zip(keys, types, strict=True):
                if kind not in {b"stream", b"none"}:  # a worker of the group made something else of it
                    pipe.delete(key)
            for group in groups:
                # From the start: what was reported before the group existed is read too.
                pipe.xgroup_create(GroupKeys(group).events, _MASTER, id="0", mkstream=True)
            # Where a group exists already that is no error; where one is still missing, the next read says so.
            await reach(pipe.execute(raise_on_error=False))

    async def _pending(self, groups: Sequence[str], consumer: str, limit: int) -> list[Delivery]:
        async with self._link.redis.pipeline(transaction=False) as pipe:
            for group in groups:
                pipe.xautoclaim(GroupKeys(group).events, _MASTER, consumer, _IDLE_MS, "0-0", count=limit)
            await self._link.answers(pipe)
        # Taken over or its own from before: both are now this consumer's.
        return await self._each(groups, consumer, "0", limit)

    async def _each(self, groups: Sequence[str], consumer: str, after: str, limit: int) -> list[Delivery]:
        """Return what there is after an entry, without waiting; a group whose stream is damaged has nothing."""
        async with self._link.redis.pipeline(transaction=False) as pipe:
            for group in groups:
                stream: Any = {GroupKeys(group).events: after}
                pipe.xreadgroup(_MASTER, consumer, stream, count=limit)
            answers = await self._link.answers(pipe)
        return _deliveries(groups, [stream for answer in answers for stream in answer or ()])

    async def _new(self, groups: Sequence[str], consumer: str, timeout: float, limit: int) -> list[Delivery]:
        """Wait for new events."""
        fresh: Any = {GroupKeys(group).events: ">" for group in groups}
        read: Any = self._link.blocking.xreadgroup(
            _MASTER, consumer, fresh, count=limit, block=max(1, int(timeout * 1000))
        )
        return _deliveries(groups, await reach(read, timeout + COMMAND_TIMEOUT))

    async def acknowledge(self, deliveries: Sequence[Delivery]) -> None:
        """Acknowledge applied events and remove them from their streams."""
        entries: defaultdict[str, list[str]] = defaultdict(list)
        for delivery in deliveries:
            entries[GroupKeys(delivery.group).events].append(delivery.entry)
        async with self._link.redis.pipeline(transaction=False) as pipe:
            for stream, names in entries.items():
                pipe.xack(stream, _MASTER, *names)
                pipe.xdel(stream, *names)
            await self._link.answers(pipe)
        self._delivered.difference_update((delivery.group, delivery.entry) for delivery in deliveries)


def _deliveries(groups: Sequence[str], streams: Sequence[tuple[bytes, Entries]]) -> list[Delivery]:
    names = {GroupKeys(group).events.encode(): group for group in groups}
    return [
        Delivery(names[stream], entry.decode(), Envelope.of(fields))
        for stream, entries in streams
        for entry, fields in entries
        if entry is not None
    ]
