"""A stop and the limits hold in every phase, and every phase says what it waits for."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest

from perijove.errors import Unavailable
from perijove.model.control import Stop
from perijove.model.events import Advanced, Finished
from perijove.model.reasons import Reason
from perijove.model.records import Phase
from perijove_agent import attempt
from perijove_scheduler.queue.memory.agent import MemoryAgentWire

Answer = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


async def trickle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Send a byte now and then."""
    await reader.readuntil(b"\r\n\r\n")
    writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 1000000\r\n\r\n")
    while True:
        writer.write(b"x")
        await writer.drain()
        await asyncio.sleep(0.05)


async def swallow(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Take all that comes, slowly, and never answer."""
    while True:
        await reader.readexactly(65536)
        await asyncio.sleep(0.01)


async def refuse(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Have no room."""
    await reader.readuntil(b"\r\n\r\n")
    writer.write(b"HTTP/1.1 507 Insufficient Storage\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
    await writer.drain()
    writer.close()


@pytest.fixture
async def server() -> AsyncIterator[Callable[[Answer], Awaitable[str]]]:
    """Start servers that answer in their own ways; return their addresses."""
    servers: list[asyncio.Server] = []
    answering: set[asyncio.Task[None]] = set()

    async def start(answer: Answer) -> str:
        async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            task = asyncio.ensure_future(answer(reader, writer))
            answering.add(task)
            await asyncio.gather(task, return_exceptions=True)
            writer.close()

        servers.append(await asyncio.start_server(serve, "127.0.0.1", 0))
        return f"http://127.0.0.1:{servers[-1].sockets[0].getsockname()[1]}/file"

    yield start
    for task in answering:
        task.cancel()
    for each in servers:
        each.close()


async def stop(master: Any, ticket: Any) -> None:
    (worker,) = await master.queue.workers("local")
    await master.queue.tell("local", worker.worker, Stop(execution=ticket.execution, attempt=1))


async def until_it_waits(master: Any, ticket: Any, wanted: Callable[[str], bool]) -> None:
    """Wait until what the attempt reported last of what it waits for is this."""

    def found() -> bool:
        mine = [e for e in master.events if isinstance(e, Advanced) and e.execution == ticket.execution]
        reported = [e.waits for e in mine if e.waits is not None]
        return bool(reported) and wanted(reported[-1])

    async with master._changed:
        await master._changed.wait_for(found)


def store_elsewhere(master: Any, monkeypatch: pytest.MonkeyPatch, name: str, url: str) -> None:
    """Have the output `name` stored under another address."""
    sign = master._signed

    def signed(request: Any, item: Any) -> Any:
        answer = sign(request, item)
        return answer.model_copy(update={"url": url}) if item.name == name else answer

    monkeypatch.setattr(master, "_signed", signed)


async def test_the_time_limit_covers_the_fetching_of_inputs(
    master: Any, agent: Any, command: Any, server: Callable[[Answer], Awaitable[str]]
) -> None:
    inputs = [{"name": "data", "uris": [await server(trickle)]}]
    finished, records = await master.run_ticket(command("true", inputs=inputs, **{"time-limit": 3}))
    assert finished.reason is Reason.TIME_LIMIT
    assert finished.detail == "Its time limit is 3.0 s. Its code and inputs were not there yet."
    assert any(getattr(r, "text", "") == "It is fetching input 'data'.\n" for r in records)


async def test_a_stop_ends_the_fetching_of_inputs(
    master: Any, agent: Any, command: Any, server: Callable[[Answer], Awaitable[str]]
) -> None:
    ticket = command("true", inputs=[{"name": "data", "uris": [await server(trickle)]}])
    await master.queue.offer(ticket)
    await master.record(ticket, lambda r: r.kind == "phase" and r.phase is Phase.PREPARING)
    await stop(master, ticket)
    finished: Finished = await master.event(Finished, ticket.execution)
    assert finished.reason is Reason.STOPPED_BY_USER


async def test_a_stop_ends_the_storing_of_outputs_and_keeps_those_that_are_stored(
    master: Any, workers: Any, command: Any, server: Callable[[Answer], Awaitable[str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    store_elsewhere(master, monkeypatch, "huge", await server(swallow))
    ticket = command("truncate -s 12G $PERIJOVE_OUTPUTS/huge; echo kept > $PERIJOVE_OUTPUTS/a.txt")
    async with workers.agent(grace=1):
        await master.queue.offer(ticket)
        await master.record(ticket, lambda r: "It is storing 'huge'." in getattr(r, "text", ""))
        await stop(master, ticket)
        finished: Finished = await master.event(Finished, ticket.execution)
        records = await master.records(ticket)
    assert finished.reason is Reason.STOPPED_BY_USER
    assert finished.detail == "It was stopped while its outputs were stored; 1 of them are kept."
    assert [output.name for output in finished.outputs] == ["a.txt"]
    assert [left.name for left in finished.left_out] == ["huge"]
    assert any(getattr(r, "text", "").startswith(finished.detail) for r in records)


async def test_a_full_store_is_said_and_a_stop_ends_the_wait(
    master: Any, workers: Any, command: Any, server: Callable[[Answer], Awaitable[str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    store_elsewhere(master, monkeypatch, "big", await server(refuse))
    ticket = command("echo big > $PERIJOVE_OUTPUTS/big")
    async with workers.agent(grace=1):
        await master.queue.offer(ticket)
        said = "It waits for the object store, which does not take 'big': the server answered 507 Insufficient Storage."
        await master.record(ticket, lambda r: said in getattr(r, "text", ""))
        await stop(master, ticket)
        finished: Finished = await master.event(Finished, ticket.execution)
    assert finished.reason is Reason.STOPPED_BY_USER
    waits = [e.waits for e in master.events if isinstance(e, Advanced) and e.waits]
    assert any(each.startswith(said) for each in waits)


async def test_what_is_waited_for_no_longer_is_taken_back(
    master: Any, agent: Any, command: Any, server: Callable[[Answer], Awaitable[str]], tmp_path: Path
) -> None:
    reported = asyncio.Event()

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        await reported.wait()
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 1\r\nConnection: close\r\n\r\nx")
        await writer.drain()
        writer.close()

    inputs = [{"name": "data", "uris": [await server(answer)]}]
    ticket = command(f"until [ -e {tmp_path}/seen ]; do sleep 0.05; done", inputs=inputs)
    await master.queue.offer(ticket)
    await until_it_waits(master, ticket, lambda sentence: sentence == "It is fetching input 'data'.")
    reported.set()
    await until_it_waits(master, ticket, lambda sentence: sentence == "")
    (tmp_path / "seen").touch()
    finished: Finished = await master.event(Finished, ticket.execution)
    assert finished.reason is Reason.OK


async def test_a_stop_ends_the_looking_up_of_packages(
    master: Any, agent: Any, command: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(attempt, "WRAP_UP", 0.5)
    ticket = command("true")
    inventory = agent.holdings._tools.inventory
    async with inventory._turns[agent.holdings._tools.runtime.python]:
        await master.queue.offer(ticket)
        await master.record(ticket, lambda r: "It is looking up which packages it had." in getattr(r, "text", ""))
        await stop(master, ticket)
        finished: Finished = await master.event(Finished, ticket.execution)
    # Its work was done, and its results are stored: what is missing makes it no failure.
    assert finished.reason is Reason.OK
    assert finished.environment == {}


async def test_a_stop_ends_a_run_whose_records_redis_does_not_take(
    master: Any, workers: Any, command: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def full(*_: Any) -> Any:
        raise Unavailable("OOM command not allowed when used memory > 'maxmemory'.")

    ticket = command("trap '' INT; while :; do echo 0123456789012345678901234567890123456789; done")
    async with workers.agent(grace=0.5, spool_room=100_000):
        monkeypatch.setattr(MemoryAgentWire, "append", full)
        await master.queue.offer(ticket)
        await until_it_waits(master, ticket, lambda sentence: sentence.startswith("Its output is held up until Redis"))
        await stop(master, ticket)
        finished: Finished = await master.event(Finished, ticket.execution)
        assert finished.reason is Reason.STOPPED_BY_USER
        monkeypatch.undo()
