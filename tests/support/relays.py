"""A network between two programs of this machine that can be cut."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Coroutine
from contextlib import closing, suppress
from typing import Any, TypeVar

T = TypeVar("T")
_CHUNK = 1 << 16


class Relay:
    """Listens on a port of the loopback and passes everything on to another one, until it is cut.

    What was connected when it was cut stays connected and hears nothing any more, for good: as after a laptop has
    slept, or has another network. Nobody new gets through until it is mended.

    Parameters
    ----------
    port : int
        Where what is asked for listens.
    """

    def __init__(self, port: int) -> None:
        self._target = port
        self._whole = True
        self._cuts = 0
        self._passing: set[asyncio.Task[None]] = set()
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="relay", daemon=True)
        self._thread.start()
        self._server = self._do(asyncio.start_server(self._accept, "127.0.0.1", 0))
        self.port: int = self._server.sockets[0].getsockname()[1]

    def cut(self) -> None:
        """Let nothing through, in either direction, and tell nobody."""
        self._whole = False
        self._cuts += 1

    def mend(self) -> None:
        """Let whoever connects from now on through."""
        self._whole = True

    def close(self) -> None:
        """End all connections."""
        self._do(self._end())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    def _do(self, work: Coroutine[Any, Any, T]) -> T:
        return asyncio.run_coroutine_threadsafe(work, self._loop).result(30)

    async def _end(self) -> None:
        self._server.close()
        passing = [*self._passing]
        for task in passing:
            task.cancel()
        await asyncio.gather(*passing, return_exceptions=True)

    def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        # Not a coroutine: of those asyncio logs, as an error, that they were cancelled.
        task = asyncio.ensure_future(self._pass_on(reader, writer))
        self._passing.add(task)
        task.add_done_callback(self._passing.discard)

    async def _pass_on(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with closing(writer):
            if not self._whole:
                return
            there, back = await asyncio.open_connection("127.0.0.1", self._target)
            with closing(back):
                ways = [asyncio.ensure_future(way) for way in (self._copy(reader, back), self._copy(there, writer))]
                try:
                    await asyncio.wait(ways, return_when=asyncio.FIRST_COMPLETED)
                finally:
                    for way in ways:
                        way.cancel()
                    await asyncio.gather(*ways, return_exceptions=True)

    async def _copy(self, source: asyncio.StreamReader, sink: asyncio.StreamWriter) -> None:
        cuts = self._cuts
        with suppress(ConnectionError):
            while data := await source.read(_CHUNK):
                if self._cuts == cuts:
                    sink.write(data)
                    await sink.drain()
