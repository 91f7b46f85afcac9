"""The client of one kernel: jupyter_client's, watched on its way in."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Mapping
from queue import Empty
from types import MappingProxyType
from typing import Any

import zmq
import zmq.asyncio
from jupyter_client.asynchronous.client import AsyncKernelClient
from jupyter_client.channels import AsyncZMQSocketChannel
from traitlets import Type
from zmq.utils.monitor import recv_monitor_message

from perijove.patience import ends_within
from perijove.safe_json import parsed
from perijove_agent.kernel.messages import Complaints, normalised, short
from perijove_agent.runtime import Process

Observer = Callable[[dict[str, Any]], Awaitable[None]]

#: Seconds until ZeroMQ is believed to have missed that a kernel that ended closed its socket.
_CLOSING = 2.0
#: Seconds between two looks at what of a kernel that ended is still to be handed out.
_LOOK = 0.01
#: Seconds for which messages that are there already are handed out without letting the agent do anything else.
_TURN = 0.005
#: Seconds without a message, and nothing left unread, after which a kernel that has replied, or is idle, sends no more.
_SILENCE = 30.0
_NO_REPLY = {"status": "error", "ename": "NoReply", "evalue": "The kernel did not reply.", "traceback": []}


class Channel(AsyncZMQSocketChannel):
    """A channel whose messages `perijove_agent.kernel.messages` has normalised; what is no message is left out.

    Each has its ``size``, in bytes as it was sent.

    Attributes
    ----------
    complaints : Complaints
        Takes sentences about messages that were not as they should be.
    """

    complaints: Complaints

    def __init__(self, socket: zmq.asyncio.Socket, *arguments: Any, **options: Any) -> None:
        super().__init__(socket, *arguments, **options)
        self.session.unpack = _unpacked
        self.complaints = Complaints()

    async def get_msg(self, timeout: float | None = None) -> dict[str, Any]:  # type: ignore[override]  # async twin
        """Return the next message."""
        while True:
            if message := await super().get_msg(timeout):
                return message

    async def _recv(self, **options: Any) -> dict[str, Any]:  # type: ignore[override]  # async twin
        return self._read(await self.socket.recv_multipart(**options))

    def _read(self, parts: list[bytes]) -> dict[str, Any]:
        """Return the message that came in `parts`; nothing, if it is none."""
        try:
            message = self.session.deserialize(self.session.feed_identities(parts)[1])
        except (ValueError, TypeError, KeyError, IndexError, AttributeError) as error:
            self.complaints.add(f"The kernel sent what is no message ({type(error).__name__}); it was left out.")
            return {}
        message["size"] = sum(map(len, parts))
        return normalised(message, self.complaints) or {}


class ReplyChannel(Channel):
    """A shell channel, on which replies come.

    Attributes
    ----------
    asked : str, optional
        The request that was sent last.
    answered : dict, optional
        The header of the request that was answered last.
    published : ObservedChannel, optional
        The kernel's IOPub channel, which knows the requests that it is done with.
    """

    asked: str | None = None
    answered: dict[str, Any] | None = None
    published: ObservedChannel | None = None

    async def get_msg(self, timeout: float | None = None) -> dict[str, Any]:  # type: ignore[override]  # async twin
        """Return the next reply; an error where a kernel is done with a request and sends none."""
        while True:
            try:
                message = await super().get_msg(_SILENCE if timeout is None else timeout)
            except Empty:
                if timeout is not None:
                    raise
                if self.asked is None or self.published is None or self.published.settled != self.asked:
                    continue
                self.complaints.add("The kernel did not reply, although it is done.")
                message = {**self.session.msg("execute_reply", _NO_REPLY), "parent_header": {"msg_id": self.asked}}
            if message["msg_type"].endswith("_reply"):
                self.answered = message["parent_header"]
                return message
            self.complaints.add(f"The kernel sent a '{short(message['msg_type'])}' message in the place of a reply.")


class ObservedChannel(Channel):
    """An IOPub channel that shows every message to an observer before it hands it out.

    So whoever drives the kernel (nbclient) and whoever forwards its messages read one socket, in one order, and a slow
    forwarder slows the driver instead of falling behind it.

    Attributes
    ----------
    settled : str, optional
        The request that the kernel was done with last.
    replies : ReplyChannel, optional
        The kernel's shell channel, which knows the requests that were answered.
    """

    observer: Observer | None = None
    replies: ReplyChannel | None = None

    def __init__(self, socket: zmq.asyncio.Socket, *arguments: Any, **options: Any) -> None:
        super().__init__(socket, *arguments, **options)
        self._closings = socket.get_monitor_socket(zmq.Event.DISCONNECTED)
        self._handing_out = False
        self.settled: str | None = None
        self._paused = 0.0

    async def get_msg(self, timeout: float | None = None) -> dict[str, Any]:  # type: ignore[override]  # async twin
        """Return the next message."""
        message = await self._next_waiting() or await self._next(timeout)
        if self.observer:
            self._handing_out = True
            try:
                await self.observer(message)
            finally:
                self._handing_out = False
        if message["msg_type"] == "status" and message["content"]["execution_state"] == "idle":
            self.settled = message["parent_header"].get("msg_id")
        return message

    async def _next_waiting(self) -> dict[str, Any] | None:
        """Return the next message if it is there, without the turns of the event loop that waiting takes."""
        if time.monotonic() - self._paused > _TURN:
            await asyncio.sleep(0)
            self._paused = time.monotonic()
        return None if self.socket is None else self._read_waiting()

    def _read_waiting(self) -> dict[str, Any] | None:
        try:
            return self._read(zmq.Socket.shadow(self.socket.underlying).recv_multipart(zmq.NOBLOCK))
        except zmq.Again:
            return None

    async def _next(self, timeout: float | None) -> dict[str, Any]:
        """Wait for the next message; return that the kernel is idle where it has replied and sends nothing more."""
        if timeout is not None or self.replies is None:
            return await super().get_msg(timeout)
        while True:
            before = self.replies.answered
            try:
                return await super().get_msg(_SILENCE)
            except Empty:
                if before and before is self.replies.answered and before.get("msg_id") != self.settled:
                    self.complaints.add("The kernel did not say that it is done with what it replied to.")
                    message: dict[str, Any] = self.session.msg("status", {"execution_state": "idle"})
                    return {**message, "parent_header": before}

    async def drained(self) -> None:
        """Wait until all that a kernel that ended has sent was handed out, while somebody else calls `get_msg`.

        A process's end is known before ZeroMQ has read the last of what it sent; that its socket is closed is known
        after that. A channel that is closed meanwhile, as by who ends the attempt, hands out nothing more.
        """
        await ends_within(self._closed(), _CLOSING)
        # A message may be on its way between the socket and the flag: it is not if that is seen twice in a row.
        before, now = True, True
        while self.socket is not None and (before or now):
            before, now = now, self._handing_out or bool(await self.socket.poll(0))
            await asyncio.sleep(_LOOK)

    async def _closed(self) -> None:
        await recv_monitor_message(self._closings)

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
    shell_channel_class = Type(ReplyChannel)

    process: Process
    complaints: Complaints
    _along: Mapping[str, str] = MappingProxyType({})

    def start_channels(self, *arguments: Any, **options: Any) -> None:
        """Connect to the kernel."""
        super().start_channels(*arguments, **options)
        self.complaints = Complaints()
        self.iopub_channel.complaints = self.shell_channel.complaints = self.complaints
        self.iopub_channel.replies, self.shell_channel.published = self.shell_channel, self.iopub_channel

    def ask_along(self, expressions: Mapping[str, str]) -> None:
        """Let the next code that is executed be followed by these expressions, whose values come with its reply."""
        self._along = {**self._along, **expressions}

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
        self.shell_channel.asked = request
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


def _unpacked(part: bytes) -> Any:
    """Read one part of a message; what can't be read becomes None."""
    try:
        return parsed(part)
    except ValueError:
        return None


def new_context() -> zmq.asyncio.Context:
    """Return a context whose sockets never drop a kernel's messages.

    ZeroMQ drops what a subscriber does not take in time; with no high-water mark our side always takes it. What bounds
    the memory is that the kernel is paused when its messages can't be written as fast (`Recorder.brake`).
    """
    context = zmq.asyncio.Context()
    context.setsockopt(zmq.RCVHWM, 0)
    context.setsockopt(zmq.LINGER, 0)
    return context
