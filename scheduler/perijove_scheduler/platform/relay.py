"""Rings the leader's bells: what a request to another replica has made ready is begun at once all the same."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from contextlib import aclosing, suppress
from typing import cast

from perijove.errors import Unavailable
from perijove_scheduler.queue.protocol import Queue
from perijove_scheduler.services.bell import Bell


class Relay:
    """Passes rings on to the replica that leads, and rings here what others passed on.

    What is lost on the way the leader finds by itself: each of its loops looks every now and then.
    """

    def __init__(self, bell: Bell, queue: Queue) -> None:
        self._bell = bell
        self._queue = queue
        self._names: set[str] = set()
        self._any = asyncio.Event()
        self._tasks: list[asyncio.Task[None]] = []

    def start(self) -> None:
        """Begin to listen, and to send what `pass_on` is given."""
        self._tasks = [
            asyncio.create_task(self._listen(), name="perijove-relay"),
            asyncio.create_task(self._send(), name="perijove-relay-send"),
        ]

    def pass_on(self, name: str) -> None:
        """Send a ring soon; many of one name are one."""
        self._names.add(name)
        self._any.set()

    async def send(self, name: str) -> None:
        """Send a ring now, if Redis can be reached."""
        with suppress(Unavailable):
            await self._queue.ring([name])

    async def aclose(self) -> None:
        """Stop."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _listen(self) -> None:
        async with aclosing(cast("AsyncGenerator[list[str], None]", self._queue.rings())) as rings:
            async for names in rings:
                for name in names:
                    self._bell.ring_here(name)

    async def _send(self) -> None:
        while True:
            await self._any.wait()
            self._any.clear()
            names, self._names = sorted(self._names), set()
            with suppress(Unavailable):
                await self._queue.ring(names)
