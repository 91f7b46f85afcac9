"""Sends a spool to Redis: in order, in batches, again where Redis forgot."""

from __future__ import annotations

import asyncio
import time

from perijove.patience import set_within
from perijove.wire.protocol import AgentWire, Held
from perijove_agent.persistence import persist
from perijove_agent.records.spool import Spool

#: Bytes of records in one append.
BATCH = 256 * 1024
#: Seconds between two appends of a burst, so that small records travel together. The last never waits.
LINGER = 0.01
#: How many appends may follow each other at once before they count as a burst; one is earned back every `LINGER`.
AT_ONCE = 8


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
    """

    def __init__(self, wire: AgentWire, held: Held, spool: Spool, room: int) -> None:
        self._wire = wire
        self._held = held
        self._spool = spool
        self._room = room
        self._news = asyncio.Event()
        self._moved = asyncio.Condition()
        self._hurry = asyncio.Event()
        self._credit = float(AT_ONCE)
        self._counted = time.monotonic()
        self.sent = 0

    def notify(self) -> None:
        """Something was spooled."""
        self._news.set()

    def rewind(self) -> None:
        """Redis forgot this attempt: offer it every record again. It leaves out those it has."""
        self.sent = 0
        self._news.set()

    @property
    def crowded(self) -> bool:
        """Whether so much is unsent that the producer has to wait."""
        return self._spool.bytes_after(self.sent) > self._room

    async def room(self) -> None:
        """Wait until there is room for more."""
        async with self._moved:
            await self._moved.wait_for(lambda: not self.crowded)

    async def drained(self) -> None:
        """Wait until Redis has every record; from now on they do not wait for each other."""
        self._hurry.set()
        async with self._moved:
            await self._moved.wait_for(lambda: self.sent >= self._spool.last)

    async def run(self) -> None:
        """Send until cancelled. Redis being away only makes it wait."""
        what = f"the log of {self._held.execution}"
        while True:
            await self._news.wait()
            self._news.clear()
            while self.sent < self._spool.last:
                await persist(what, self._send, most=5.0)
            await self._linger()

    async def _linger(self) -> None:
        """Wait for others to travel with the next, unless little was sent lately."""
        now = time.monotonic()
        self._credit = min(AT_ONCE, self._credit + (now - self._counted) / LINGER) - 1
        self._counted = now
        if self._credit < 1:
            await set_within(self._hurry, LINGER)

    async def _send(self) -> None:
        first = self.sent + 1
        lines = self._spool.read(first, BATCH)
        answer = await self._wire.append(self._held, first, lines)
        async with self._moved:
            # Smaller than what was sent: Redis lost records, so they go again. Never beyond what we have.
            self.sent = min(answer.last, self._spool.last)
            self._moved.notify_all()
