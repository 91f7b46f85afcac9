"""A TCP proxy whose connections can be cut, refused and slowed."""

from __future__ import annotations

import asyncio
from contextlib import suppress

from perijove.ports import free_ports

_PIECE = 16 * 1024


class Proxy:
    """Passes on what comes to `port` of the loopback to `target`, another port of it.

    Attributes
    ----------
    delay : float
        Seconds every piece is held up.
    """

    def __init__(self, target: int) -> None:
        self.port = free_ports(1)[0]
        self.delay = 0.0
        self._target = target
        self._server: asyncio.Server | None = None
        self._connections: set[asyncio.StreamWriter] = set()
        self._passing: set[asyncio.Task[None]] = set()

    async def open(self) -> None:
        """Take connections."""
        self._server = await asyncio.start_server(self._connected, "127.0.0.1", self.port)

    async def cut(self) -> None:
        """Break every connection off, and refuse new ones."""
        if self._server is not None:
            self._server.close()
        for writer in list(self._connections):
            writer.transport.abort()
        while self._passing:
            await asyncio.wait(set(self._passing))

    def _connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.create_task(self._serve(reader, writer))
        self._passing.add(task)
        task.add_done_callback(self._passing.discard)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._connections.add(writer)
        try:
            inner_reader, inner_writer = await asyncio.open_connection("127.0.0.1", self._target)
        except OSError:
            self._connections.discard(writer)
            writer.transport.abort()
            return
        self._connections.add(inner_writer)
        try:
            await asyncio.gather(self._pass_on(reader, inner_writer), self._pass_on(inner_reader, writer))
        finally:
            self._connections -= {writer, inner_writer}

    async def _pass_on(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(OSError):
            while data := await reader.read(_PIECE):
                if self.delay:
                    await asyncio.sleep(self.delay)
                writer.write(data)
                await writer.drain()
        # Either side's end is the connection's: neither Redis nor its clients half-close.
        writer.transport.abort()
