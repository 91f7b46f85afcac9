"""A run that prints much: Redis holds the latest of it, the object store the rest, and nothing is lost."""

from __future__ import annotations

import asyncio
import io
import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import zstandard

from perijove.model.control import Stop
from perijove.model.events import Archived, Finished, Segmented
from perijove.model.reasons import Reason
from perijove.model.tickets import Ticket
from perijove_scheduler.files.local import LocalFiles
from perijove_scheduler.files.protocol import log_key, segment_key
from perijove_scheduler.queue.memory.agent import MemoryAgentWire

MIB = 1024 * 1024
#: So that a few megabytes are much.
SMALL = {"segment_size": MIB // 4, "stream_room": MIB, "spool_room": MIB}
#: What an append may hold beyond the room there is, and the record that a trimmed stream keeps.
APPEND = MIB // 2


def numbers(count: int) -> str:
    return f"seq 1 {count}"


def printed(records: list[bytes]) -> str:
    return "".join(each["text"] for each in map(json.loads, records) if each.get("stream") == "stdout")


def counted(count: int) -> str:
    return "".join(f"{n}\n" for n in range(1, count + 1))


async def unpacked(master: Any, key: str) -> list[bytes]:
    data = io.BytesIO(await master.read(key))
    return zstandard.ZstdDecompressor().stream_reader(data, read_across_frames=True).read().splitlines()


async def whole(master: Any, ticket: Ticket) -> list[bytes]:
    """Return every record of an archived attempt: its segments', then its archive's."""
    await master.event(Archived, ticket.execution)
    segments = [event for event in master.events if isinstance(event, Segmented)]
    keys = [segment_key(each.execution, each.attempt, each.first, each.last) for each in segments]
    parts = [await unpacked(master, key) for key in [*keys, log_key(ticket.execution, 1)]]
    return list({json.loads(line)["n"]: line for part in parts for line in part}.values())


def size_on_redis(master: Any, ticket: Ticket) -> int:
    stream = master.queue.state("local").logs.get((ticket.execution, 1))
    return sum(map(len, stream.lines)) if stream else 0


async def samples(master: Any, ticket: Ticket) -> AsyncIterator[int]:
    """Iterate over how much an attempt has on Redis, whenever something has happened there."""
    while not any(isinstance(event, Finished) for event in master.events):
        yield size_on_redis(master, ticket)
        await master.queue.signal.wait(1)


async def test_a_run_that_prints_much_keeps_redis_small_and_loses_nothing(
    master: Any, workers: Any, command: Any
) -> None:
    count, ticket = 3_000_000, command(numbers(3_000_000))
    async with workers.agent(**SMALL):
        await master.queue.offer(ticket)
        most = max([size async for size in samples(master, ticket)])
        records = await whole(master, ticket)
    assert most <= SMALL["stream_room"] + APPEND
    assert [json.loads(line)["n"] for line in records] == list(range(1, len(records) + 1))
    assert printed(records) == counted(count)
    (finished,) = [event for event in master.events if isinstance(event, Finished)]
    assert finished.records == len(records)


async def test_after_a_flush_only_what_no_segment_has_is_sent_again(master: Any, workers: Any, command: Any) -> None:
    count, ticket = 1_000_000, command(numbers(1_000_000))
    async with workers.agent(**SMALL):
        await master.queue.offer(ticket)
        segment: Segmented = await master.event(Segmented, ticket.execution)
        master.queue.flush()
        records = await whole(master, ticket)
    stream = master.queue.state("local").logs[ticket.execution, 1]
    assert stream.first > segment.first
    assert printed(records) == counted(count)


class Away(LocalFiles):
    """An object store that takes nothing while it is away."""

    away = True

    async def put(self, *arguments: Any, **options: Any) -> Any:
        if self.away:
            raise OSError(28, "No space left on device")
        return await super().put(*arguments, **options)


@pytest.fixture
def away(master: Any, monkeypatch: pytest.MonkeyPatch) -> type[Away]:
    monkeypatch.setattr(Away, "away", True)
    master.files.__class__ = Away
    return Away


async def test_a_store_that_takes_nothing_makes_the_work_wait_and_holds_no_stop_up(
    master: Any, workers: Any, away: type[Away], command: Any, tmp_path: Path
) -> None:
    ticket = command(f"seq 1 3000000; touch {tmp_path / 'went on'}")
    async with workers.agent(**SMALL, grace=0.2):
        await master.queue.offer(ticket)
        await until_it_stands(master, ticket)
        assert size_on_redis(master, ticket) <= SMALL["stream_room"] + APPEND
        assert not (tmp_path / "went on").exists()
        (worker,) = [each.worker for each in await master.queue.workers("local")]
        await master.queue.tell("local", worker, Stop(execution=ticket.execution, attempt=1))
        finished: Finished = await master.event(Finished, ticket.execution)
        away.away = False
        records = await whole(master, ticket)
    assert finished.reason is Reason.STOPPED_BY_USER
    assert [json.loads(line)["n"] for line in records] == list(range(1, finished.records + 1))


async def test_a_store_that_comes_back_lets_the_work_go_on(
    master: Any, workers: Any, away: type[Away], command: Any
) -> None:
    ticket = command(numbers(1_000_000))
    async with workers.agent(**SMALL):
        await master.queue.offer(ticket)
        await until_it_stands(master, ticket)
        away.away = False
        finished: Finished = await master.event(Finished, ticket.execution)
        records = await whole(master, ticket)
    assert finished.reason is Reason.OK
    assert printed(records) == counted(1_000_000)


async def test_a_part_that_fails_ends_the_attempt_and_is_not_waited_for(
    master: Any, workers: Any, command: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def broken(*_: Any, **__: Any) -> None:
        raise ValueError("no such thing")

    monkeypatch.setattr(MemoryAgentWire, "append", broken)
    ticket = command("echo begun; sleep 600")
    async with workers.agent():
        await master.queue.offer(ticket)
        finished: Finished = await master.event(Finished, ticket.execution)
    assert finished.reason is Reason.AGENT_FAILED
    assert finished.detail == "The agent failed with its log: ValueError: no such thing"


async def until_it_stands(master: Any, ticket: Ticket) -> None:
    """Wait until an attempt has as much on Redis as it may."""
    while size_on_redis(master, ticket) < SMALL["stream_room"] - APPEND:
        await asyncio.wait_for(master.queue.signal.wait(60), 60)
