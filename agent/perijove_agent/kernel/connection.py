"""The client of one kernel: jupyter_client's, watched on its way in."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from types import MappingProxyType
from typing import Any

import zmq
import zmq.asyncio
from jupyter_client.asynchronous.client import AsyncKernelClient
from jupyter_client.channels import AsyncZMQSocketChannel
from traitlets import Type
from zmq.utils.monitor import recv_monitor_message

from perijove_agent.runtime import Process

Observer = Callable[[dict[str, Any]], Awaitable[None]]

#: Seconds until ZeroMQ is believed to have missed that a kernel that ended closed its socket.
_CLOSING = 2.0
#: Seconds between two looks at what of a kernel that ended is still to be handed out.
_LOOK = 0.01
#: Seconds for which messages that are there already are handed out without letting the agent do anything else.
_TURN = 0.005


class ObservedChannel(AsyncZMQSocketChannel):
    """An IOPub channel that shows every message to an observer before it hands it out.

    So whoever drives the kernel (nbclient) and whoever forwards its messages read one socket, in one order, and a slow
    forwarder slows the driver instead of falling behind it.
    """

    observer: Observer | None = None

    def __init__(self, socket: zmq.asyncio.Socket, *arguments: Any, **options: Any) -> None:
        super().__init__(socket, *arguments, **options)
        self._closings = socket.get_monitor_socket(zmq.Event.DISCONNECTED)
        self._handing_out = False
        self._paused = 0.0

    async def get_msg(self, timeout: float | None = None) -> dict[str, Any]:  # type: ignore[override]  # async twin
        """Return the next message."""
        message = await self._next_waiting() or await super().get_msg(timeout)
        if self.observer:
            self._handing_out = True
            try:
                await self.observer(message)
            finally:
                self._handing_out = False
        return message

    async def _next_waiting(self) -> dict[str, Any] | None:
        """Return the next message if it is there, without the turns of the event loop that waiting takes."""
        if time.monotonic() - self._paused > _TURN:
            await asyncio.sleep(0)
            self._paused = time.monotonic()
        return None if self.socket is None else self.session.recv(self.socket)[1]

    async def drained(self) -> None:
        """Wait until all that a kernel that ended has sent was handed out, while somebody else calls `get_msg`.

        A process's end is known before ZeroMQ has read the last of what it sent; that its socket is closed is known
        after that. A channel that is closed meanwhile, as by who ends the attempt, hands out nothing more.
        """
        with suppress(TimeoutError, asyncio.TimeoutError):  # Python 3.10 has two of them
            await asyncio.wait_for(recv_monitor_message(self._closings), _CLOSING)
        # A message may be on its way between the socket and the flag: it is not if that is seen twice in a row.
        before, now = True, True
        while self.socket is not None and (before or now):
            before, now = now, self._handing_out or bool(await self.socket.poll(0))
            await asyncio.sleep(_LOOK)

    def close(self) -> None:
        """Close the socket, and the one that tells of its end."""
        if self.socket is not None:
            self.socket.disable_monitor()
            self._closings.close(linger=0)
        super().close()

    stop = close


class KernelConnection(AsyncKernelClient):
    """A client that knows its kernel's process, so it needs no heartbeat to tell whether the kernel lives."""

    iopub_channel_class = Type(ObservedChannel)

    process: Process
    _along: Mapping[str, str] = MappingProxyType({})

    def ask_along(self, expressions: Mapping[str, str]) -> None:
        """Let the next code that is executed be followed by these expressions, whose values come with its reply."""
        self._along = expressions

    def execute(
        self,
        code: str,
        silent: bool = False,
        store_history: bool = True,
        user_expressions: dict[str, Any] | None = None,
        allow_stdin: bool | None = None,
        stop_on_error: bool = True,
    ) -> str:
        """Send code, as jupyter_client does, and return its request's id."""
        asked, self._along = {**self._along, **(user_expressions or {})}, {}
        request: str = super().execute(code, silent, store_history, asked, allow_stdin, stop_on_error)
        return request

    async def _async_is_alive(self) -> bool:
        return self.process.returncode is None

    is_alive = _async_is_alive

    def forward_to(self, observer: Observer) -> None:
        """Show every IOPub message from now on to `observer`."""
        self.iopub_channel.observer = observer

    async def last_messages(self) -> None:
        """Wait until all that a kernel that ended has sent was handed out to who reads its IOPub messages."""
        await self.iopub_channel.drained()


def new_context() -> zmq.asyncio.Context:
    """Return a context whose sockets never drop a kernel's messages.

    ZeroMQ drops what a subscriber does not take in time; with no high-water mark our side always takes it. What bounds
    the memory is that the kernel is paused when its messages can't be written as fast (`Recorder.brake`).
    """
    context = zmq.asyncio.Context()
    context.setsockopt(zmq.RCVHWM, 0)
    context.setsockopt(zmq.LINGER, 0)
    return context
