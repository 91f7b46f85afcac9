"""What a kernel that says much at once may cost: no output its form, and nobody else their turn."""

from __future__ import annotations

import asyncio
import time
from pathlib import Path
from typing import Any

import pytest
import zmq
import zmq.asyncio
from jupyter_client.session import Session
from nbformat import NotebookNode
from nbformat.v4 import new_code_cell, new_notebook, output_from_msg

from perijove_agent.kernel.connection import ObservedChannel, new_context
from perijove_agent.work.executor import Executor


def display(data: Any, metadata: Any = None, display_id: str | None = None) -> dict[str, Any]:
    transient = {"display_id": display_id} if display_id else {}
    content = {"data": data, "metadata": metadata or {}, "transient": transient}
    return said("display_data", content)


def said(kind: str, content: dict[str, Any]) -> dict[str, Any]:
    header, parent = {"msg_type": kind}, {"msg_id": "1"}
    return {"msg_type": kind, "header": header, "parent_header": parent, "content": content, "size": 0}


@pytest.fixture
def cell() -> Any:
    return new_code_cell("display(1)")


@pytest.fixture
def executor(cell: NotebookNode) -> Executor:
    executor = Executor(new_notebook(cells=[cell]))
    executor.clear_before_next_output = False  # as when a cell begins
    return executor


def test_displays_are_kept_as_nbformat_would_make_them(executor: Executor, cell: NotebookNode) -> None:
    messages = [
        display({"text/plain": "1"}),
        display({"text/plain": "1", "image/png": "iVBO"}, {"image/png": {"width": 3}}, display_id="d"),
        display({"application/json": "text", "text/html": ""}, {"isolated": True}),
        display({"application/vnd.plotly.v1+json": {"data": [1]}}),
        display({}),
    ]
    for message in messages:
        executor.process_message(message, cell, 0)
    assert cell.outputs == [output_from_msg(message) for message in messages]
    assert all(type(output.data) is type(output.metadata) is NotebookNode for output in cell.outputs)
    executor.process_message(said("clear_output", {"wait": True}), cell, 0)
    assert len(cell.outputs) == len(messages)
    executor.process_message(display({"text/plain": "the only one"}), cell, 0)
    assert [output.data["text/plain"] for output in cell.outputs] == ["the only one"]


@pytest.mark.parametrize("data", [{"text/plain": 1}, {"text/plain": None}, ["text"]])
def test_what_is_invalid_is_left_out_and_said(executor: Executor, cell: NotebookNode, data: Any) -> None:
    executor.process_message(display(data), cell, 0)
    assert cell.outputs == []
    assert executor.complaints.take() == [
        "A 'display_data' message is not in the executed notebook: NotebookValidationError."
    ]


async def test_others_have_their_turn_while_messages_pour_in(tmp_path: Path) -> None:
    context, session = new_context(), Session(key=b"key")
    kernel, reader = context.socket(zmq.XPUB), context.socket(zmq.SUB)
    kernel.bind(f"ipc://{tmp_path}/iopub")
    reader.subscribe(b"")
    reader.connect(f"ipc://{tmp_path}/iopub")
    channel = ObservedChannel(reader, session)
    seen: list[int] = []
    turns: set[int] = set()

    async def observe(message: dict[str, Any]) -> None:
        time.sleep(0.001)  # noqa: ASYNC251 - it works, and gives nobody a turn
        seen.append(message["content"]["n"])

    async def other() -> None:
        while True:
            turns.add(len(seen))
            await asyncio.sleep(0)

    channel.observer = observe
    await kernel.recv()  # the subscription
    for n in range(200):
        await kernel.send_multipart(session.serialize(session.msg("stream", {"n": n}), ident=b"stream"))
    working = asyncio.create_task(other())
    for _ in range(200):
        await channel.get_msg(30)
    working.cancel()
    assert seen == list(range(200))
    assert len(turns) > 10
    channel.stop()
    context.destroy(linger=0)
