"""Sends a spool to Redis: in order, in batches, again where Redis forgot."""

from __future__ import annotations

import asyncio
import time

from perijove.patience import set_within
from perijove.wire.connection import Full
from perijove.wire.protocol import AgentWire, Held
from perijove_agent.persistence import persist
from perijove_agent.records.spool import Spool
from perijove_agent.waits import waiting

#: Bytes of records in one append.
BATCH = 256 * 1024
#: Seconds between two appends of a burst, so that small records travel together. The last never waits.
LINGER = 0.01
#: How many appends may follow each other at once before they count as a burst; one is earned back every `LINGER`.
AT_ONCE = 8
MIB = 1024 * 1024
#: Seconds without any progress after which an attempt that ends waits no longer for Redis to take its records.
STANDSTILL = 10.0


class Sender:
    """Sends the records of one attempt as they are spooled.

    Parameters
    ----------
    wire : AgentWire
        Where to.
    held : Held
        Whose they are.
    spool : Spool
        Where from.
    room : int
        Bytes that may be spooled and not yet sent, before `room` makes the producer wait.
    stream_room : int
        Bytes that may be in Redis and not yet in the object store; what comes then stays in the spool.

    Attributes
    ----------
    sent : int
        The number of the last record that Redis has.
    stored : int
        The number of the last record that the object store has, and Redis need not keep.
    refused : bool
        Whether Redis has no memory left for more.
    """

    def __init__(self, wire: AgentWire, held: Held, spool: Spool, room: int, stream_room: int = 24 * MIB) -> None:
        self._wire = wire
        self._held = held
        self._spool = spool
        self._room = room
        self._stream_room = stream_room
        self._news = asyncio.Event()
        self._moved = asyncio.Condition()
        self._hurry = asyncio.Event()
        self._credit = float(AT_ONCE)
        self._counted = time.monotonic()
        self._progress = time.monotonic()
        self._open = False
        self.sent = 0
        self.stored = 0
        self.refused = False

    def notify(self) -> None:
        """Something was spooled."""
        self._news.set()

    def rewind(self) -> None:
        """Redis forgot this attempt: offer it again what the object store has not. It leaves out what it has."""
        self.sent = self.stored
        self._news.set()

    @property
    def crowded(self) -> bool:
        """Whether so much is unsent that the producer has to wait."""
        return not self._open and self._spool.bytes_after(self.sent) > self._room

    @property
    def unstored(self) -> int:
        """How many bytes of records are in Redis and not in the object store."""
        return self._spool.bytes_between(self.stored, self.sent)

    @property
    def blocked(self) -> bool:
        """Whether nothing more may be sent before the object store has some of it."""
        return self.unstored >= self._stream_room

    async def open(self) -> None:
        """Make nobody wait any more: what is left to be spooled is little, and has to end."""
        async with self._moved:
            self._open = True
            self._moved.notify_all()

    async def room(self) -> None:
        """Wait until there is room for more."""
        with waiting("Its output is held up until Redis or the object store has taken what it printed before."):
            async with self._moved:
                await self._moved.wait_for(lambda: not self.crowded)

    async def due(self, size: int) -> int:
        """Wait until `size` bytes are in Redis that the object store should have, or until Redis is full.

        Returns
        -------
        int
            The number of the last record to store.
        """
        async with self._moved:
            await self._moved.wait_for(lambda: self.unstored >= size or (self.refused and self.unstored > 0))
        return self.sent

    async def took(self, last: int) -> None:
        """Note that the object store has every record up to number `last`."""
        async with self._moved:
            self.stored = max(self.stored, min(last, self._spool.last))
            self.sent = max(self.sent, self.stored)
            self._spool.release(self.stored)
            self._advanced()

    async def drained(self, standstill: float = STANDSTILL) -> bool:
        """Wait until Redis has every record; from now on they do not wait for each other.

        Returns
        -------
        bool
            False where it took none for `standstill` seconds: what is left then comes with the archive.
        """
        self._hurry.set()
        self._progress = time.monotonic()
        sending = asyncio.ensure_future(self._all_sent())
        try:
            with waiting("It waits until Redis has taken the rest of its log."):
                while (left := self._progress + standstill - time.monotonic()) > 0 and not sending.done():
                    await asyncio.wait({sending}, timeout=left)
            return sending.done()
        finally:
            sending.cancel()

    async def _all_sent(self) -> None:
        async with self._moved:
            await self._moved.wait_for(lambda: self.sent >= self._spool.last)

    async def run(self) -> None:
        """Send until cancelled. Redis being away only makes it wait."""
        what = f"the log of {self._held.execution}"
        while True:
            await self._news.wait()
            self._news.clear()
            while self.sent < self._spool.last:
                await self._unblocked()
                await persist(what, self._send, most=5.0)
            await self._linger()

    async def _unblocked(self) -> None:
        if self.blocked:
            async with self._moved:
                await self._moved.wait_for(lambda: not self.blocked)

    async def _linger(self) -> None:
        """Wait for others to travel with the next, unless little was sent lately."""
        now = time.monotonic()
        self._credit = min(AT_ONCE, self._credit + (now - self._counted) / LINGER) - 1
        self._counted = now
        if self._credit < 1:
            await set_within(self._hurry, LINGER)

    async def _send(self) -> None:
        first, covered = self.sent + 1, self.stored
        lines = self._spool.read(first, BATCH)
        try:
            answer = await self._wire.append(self._held, first, lines, covered)
        except Full:
            async with self._moved:
                self.refused = True
                self._moved.notify_all()
            raise
        async with self._moved:
            # Smaller than what was sent: Redis lost records, so they go again. Never beyond what we have.
            self.sent = max(self.stored, min(answer.last, self._spool.last))
            self.refused = False
            self._advanced()

    def _advanced(self) -> None:
        self._progress = time.monotonic()
        self._moved.notify_all()
