"""What a kernel that ended has sent, and nobody has read yet."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import zmq
import zmq.asyncio
from jupyter_client.session import Session

from perijove_agent.kernel.connection import ObservedChannel, new_context


@pytest.fixture
async def context() -> AsyncIterator[zmq.asyncio.Context]:
    context = new_context()
    yield context
    context.destroy(linger=0)


async def test_all_that_a_kernel_has_sent_before_its_end_is_handed_out(
    context: zmq.asyncio.Context, tmp_path: Path
) -> None:
    address, session = f"ipc://{tmp_path}/iopub", Session(key=b"key")
    kernel = context.socket(zmq.XPUB)
    kernel.bind(address)
    reader = context.socket(zmq.SUB)
    reader.subscribe(b"")
    reader.connect(address)
    channel = ObservedChannel(reader, session)
    seen: list[int] = []

    async def observe(message: dict[str, Any]) -> None:
        await asyncio.sleep(0.001)  # slower than the messages come
        seen.append(message["content"]["n"])

    async def read() -> None:
        while True:
            await channel.get_msg()

    channel.observer = observe
    await kernel.recv()  # the subscription
    for n in range(200):
        await kernel.send_multipart(session.serialize(session.msg("stream", {"n": n}), ident=b"stream"))
    kernel.close(linger=-1)
    reading = asyncio.create_task(read())
    await channel.drained()
    reading.cancel()
    assert seen == list(range(200))
    channel.stop()


async def test_a_kernel_that_has_sent_nothing_more_is_not_waited_for(
    context: zmq.asyncio.Context, tmp_path: Path
) -> None:
    kernel, reader = context.socket(zmq.XPUB), context.socket(zmq.SUB)
    kernel.bind(f"ipc://{tmp_path}/iopub")
    reader.subscribe(b"")
    reader.connect(f"ipc://{tmp_path}/iopub")
    channel = ObservedChannel(reader, Session(key=b"key"))
    await kernel.recv()
    kernel.close()
    await asyncio.wait_for(channel.drained(), 30)
    channel.stop()
    assert reader.closed


async def test_a_channel_that_is_closed_meanwhile_hands_out_nothing_more(
    context: zmq.asyncio.Context, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    kernel, reader = context.socket(zmq.XPUB), context.socket(zmq.SUB)
    kernel.bind(f"ipc://{tmp_path}/iopub")
    reader.subscribe(b"")
    reader.connect(f"ipc://{tmp_path}/iopub")
    session = Session(key=b"key")
    channel, looked = ObservedChannel(reader, session), asyncio.Event()
    await kernel.recv()
    await kernel.send_multipart(session.serialize(session.msg("stream", {}), ident=b"stream"))
    await reader.poll()
    kernel.close()
    poll = zmq.asyncio.Socket.poll

    def watched(self: Any, *arguments: Any) -> Any:
        looked.set()
        return poll(self, *arguments)

    monkeypatch.setattr(zmq.asyncio.Socket, "poll", watched)
    waiting = asyncio.create_task(channel.drained())  # nobody reads what is there
    await looked.wait()
    channel.stop()
    await asyncio.wait_for(waiting, 30)
