"""The client of one kernel: jupyter_client's, watched on its way in."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

import zmq
import zmq.asyncio
from jupyter_client.asynchronous.client import AsyncKernelClient
from jupyter_client.channels import AsyncZMQSocketChannel
from traitlets import Type

from perijove_agent.runtime import Process

Observer = Callable[[dict[str, Any]], Awaitable[None]]


class ObservedChannel(AsyncZMQSocketChannel):
    """An IOPub channel that shows every message to an observer before it hands it out.

    So whoever drives the kernel (nbclient) and whoever forwards its messages read one socket, in one order, and a slow
    forwarder slows the driver instead of falling behind it.
    """

    observer: Observer | None = None

    async def get_msg(self, timeout: float | None = None) -> dict[str, Any]:  # type: ignore[override]  # async twin
        """Return the next message."""
        message: dict[str, Any] = await super().get_msg(timeout)
        if self.observer:
            await self.observer(message)
        return message


class KernelConnection(AsyncKernelClient):
    """A client that knows its kernel's process, so it needs no heartbeat to tell whether the kernel lives."""

    iopub_channel_class = Type(ObservedChannel)

    process: Process

    async def _async_is_alive(self) -> bool:
        return self.process.returncode is None

    is_alive = _async_is_alive

    def forward_to(self, observer: Observer) -> None:
        """Show every IOPub message from now on to `observer`."""
        self.iopub_channel.observer = observer


def new_context() -> zmq.asyncio.Context:
    """Return a context whose sockets never drop a kernel's messages.

    ZeroMQ drops what a subscriber does not take in time; with no high-water mark our side always takes it. What bounds
    the memory is that the kernel is paused when its messages can't be written as fast (`Recorder.brake`).
    """
    context = zmq.asyncio.Context()
    context.setsockopt(zmq.RCVHWM, 0)
    context.setsockopt(zmq.LINGER, 0)
    return context
