"""The spool and its sender: whatever Redis does, every record arrives once and in order."""

from __future__ import annotations

import asyncio
import os
import tempfile
import tracemalloc
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
import zstandard
from hypothesis import given, settings
from hypothesis import strategies as st

from perijove import errors
from perijove.model.records import RECORD
from perijove.wire.archives import FOOTER_SIZE, last_of
from perijove.wire.connection import Full
from perijove.wire.protocol import Appended, Held
from perijove_agent.records.archive import Part, compress
from perijove_agent.records.recorder import Recorder
from perijove_agent.records.sender import BATCH, Sender
from perijove_agent.records.spool import Spool
from perijove_scheduler.queue.memory import MemoryQueue
from perijove_scheduler.queue.protocol import Gap

WORKER = "wk-00000000000000000000000001"
HELD = Held("ex-00000000000000000000000001", 1)


class Tearing:
    """The in-memory queue's append, with a plan of failures: away before or after it was done, or everything lost."""

    def __init__(self, queue: MemoryQueue, plan: list[str]) -> None:
        self.asked: list[int] = []
        self._queue = queue
        self._wire = queue.agent("local", "wk-00000000000000000000000001")
        self._plan = plan

    async def append(self, held: Held, first: int, lines: Sequence[bytes], covered: int = 0) -> Appended:
        self.asked.append(first)
        step = self._plan.pop(0) if self._plan else "works"
        if step == "flush":
            self._queue.flush()
        if step == "away":
            raise errors.Unavailable
        answer = await self._wire.append(held, first, lines, covered)
        if step == "unheard":
            raise errors.Unavailable
        return answer


@settings(max_examples=40, deadline=None)
@given(
    st.lists(st.integers(0, 200_000), max_size=12),
    st.lists(st.sampled_from(["works", "away", "unheard", "flush"]), max_size=6),
)
async def test_every_record_arrives_once_and_in_order(sizes: list[int], plan: list[str]) -> None:
    queue = MemoryQueue()
    with tempfile.TemporaryDirectory() as folder:
        spool = Spool(Path(folder) / "spool" / "a.jsonl")
        sender = Sender(Tearing(queue, plan), HELD, spool, room=1 << 30)
        running = asyncio.create_task(sender.run())
        lines = [f"{number}:".encode() + b"x" * size for number, size in enumerate(sizes, 1)]
        for line in lines:
            spool.append(line)
            sender.notify()
        await asyncio.wait_for(sender.drained(), 60)
        # A flush after the last append is noticed by the renewal, which makes the sender offer everything again.
        sender.rewind()
        await asyncio.wait_for(sender.drained(), 60)
        running.cancel()
        spool.close()
    arrived = await queue.records("local", HELD.execution, HELD.attempt, 0, 1000)
    assert arrived == list(enumerate(lines, 1))


@given(st.lists(st.binary(max_size=50).map(lambda b: b.replace(b"\n", b" ")), min_size=1), st.integers(1, 200))
def test_a_spool_reads_back_what_was_written(lines: list[bytes], most: int) -> None:
    with tempfile.TemporaryDirectory() as folder:
        spool = Spool(Path(folder) / "a.jsonl")
        assert [spool.append(line) for line in lines] == list(range(1, len(lines) + 1))
        read: list[bytes] = []
        while batch := spool.read(len(read) + 1, most):
            assert len(batch) == 1 or sum(len(line) + 1 for line in batch) <= most
            read += batch
        assert read == lines
        assert spool.bytes_after(len(lines)) == 0
        spool.close()
        archive = compress(spool.path, Part(0, spool.path.stat().st_size, len(lines)), spool.path.with_suffix(".zst"))
        assert last_of(archive.path.read_bytes()[-FOOTER_SIZE:]) == len(lines)
        content = zstandard.ZstdDecompressor().decompressobj().decompress(archive.path.read_bytes())
        assert content == b"".join(line + b"\n" for line in lines)


async def test_a_crowded_spool_pauses_its_producer_until_there_is_room(tmp_path: Path) -> None:
    queue = MemoryQueue()
    queue.reachable = False
    pauses: list[str] = []

    class Producer:
        def pause(self) -> None:
            pauses.append("pause")

        def resume(self) -> None:
            pauses.append("resume")

    spool = Spool(tmp_path / "a.jsonl")
    sender = Sender(queue.agent("local", "wk-00000000000000000000000001"), HELD, spool, room=1000)
    recorder = Recorder(spool, sender, pytest.fail)
    recorder.brake = Producer()
    running = asyncio.create_task(sender.run())
    writing = asyncio.create_task(recorder.log("stdout", "x" * 2000))
    done, _ = await asyncio.wait({writing}, timeout=0.05)
    assert (done, pauses) == (set(), ["pause"])
    queue.reachable = True
    await asyncio.wait_for(writing, 60)
    assert pauses == ["pause", "resume"]
    running.cancel()
    spool.close()


async def test_a_full_disk_ends_the_attempt_with_a_sentence(tmp_path: Path, monkeypatch: Any) -> None:
    spool = Spool(tmp_path / "a.jsonl")
    sender = Sender(MemoryQueue().agent("local", "wk-00000000000000000000000001"), HELD, spool, room=1000)
    said: list[str] = []
    recorder = Recorder(spool, sender, said.append, patience=0)

    def full(*_: Any) -> int:
        raise OSError(28, os.strerror(28))

    with monkeypatch.context() as patch:
        patch.setattr(os, "pwrite", full)
        await recorder.log("stdout", "lost")
    assert said == ["The worker cannot write its log: No space left on device."]
    await recorder.log("stdout", "dropped")
    assert spool.last == 0
    spool.close()


async def test_a_disk_that_fills_up_halfway_through_a_line_keeps_whole_lines_only(
    tmp_path: Path, monkeypatch: Any
) -> None:
    spool = Spool(tmp_path / "a.jsonl")
    spool.append(b"one")
    whole = os.pwrite

    def half(file: int, data: bytes, offset: int) -> int:
        whole(file, data[:2], offset)
        raise OSError(28, os.strerror(28))

    with monkeypatch.context() as patch:
        patch.setattr(os, "pwrite", half)
        with pytest.raises(OSError, match="No space"):
            spool.append(b"two!")
    spool.append(b"3")
    spool.close()
    assert spool.path.read_bytes() == b"one\n3\n"


async def test_every_kind_of_record_is_one_of_the_vocabulary(tmp_path: Path) -> None:
    from perijove.model.records import CellState, Phase

    queue = MemoryQueue()
    spool = Spool(tmp_path / "a.jsonl")
    sender = Sender(queue.agent("local", "wk-00000000000000000000000001"), HELD, spool, room=1 << 20)
    recorder = Recorder(spool, sender, pytest.fail)
    await recorder.phase(Phase.PREPARING)
    await recorder.log("system", "$ true\n")
    await recorder.cell("c1", CellState.RUNNING, 1, 2)
    await recorder.output("c1", "stream", {"name": "stdout", "text": "x"})
    await recorder.metadata({"loss": 0.5})
    await recorder.progress(1, 2)
    await recorder.stats(0.5, 1024)
    kinds = [RECORD.validate_json(line).kind for line in spool.read(1, 1 << 20)]
    assert kinds == ["phase", "log", "cell", "output", "metadata", "progress", "stats"]
    assert recorder.latest.values == {"loss": 0.5}
    spool.close()


# ------------------------------------------------------------------------------------------- segments


def filled(folder: Path, count: int, size: int = 1000) -> Spool:
    spool = Spool(folder / "a.jsonl")
    for number in range(1, count + 1):
        spool.append(f"{number}:".encode() + b"x" * size)
    return spool


async def test_no_more_is_sent_than_redis_may_hold_until_it_is_stored(tmp_path: Path) -> None:
    queue, spool = MemoryQueue(), filled(tmp_path, 2000)
    sender = Sender(queue.agent("local", WORKER), HELD, spool, room=1 << 30, stream_room=500_000)
    running = asyncio.create_task(sender.run())
    sender.notify()
    sent = []
    while sender.stored < spool.last:
        last = await asyncio.wait_for(sender.due(min(400_000, spool.bytes_after(sender.stored))), 60)
        sent.append(sender.unstored)
        await queue.trim_records([(("local", HELD.execution, HELD.attempt), last)])
        await sender.took(last)
    assert max(sent) <= 500_000 + BATCH
    assert await asyncio.wait_for(sender.drained(), 60)
    assert await queue.last_record("local", HELD.execution, HELD.attempt) == 2000
    running.cancel()
    spool.close()


async def test_a_flush_sends_again_what_is_not_stored_and_nothing_else(tmp_path: Path) -> None:
    queue, spool = MemoryQueue(), filled(tmp_path, 100)
    wire = Tearing(queue, [])
    sender = Sender(wire, HELD, spool, room=1 << 30)
    running = asyncio.create_task(sender.run())
    sender.notify()
    await asyncio.wait_for(sender.drained(), 60)
    await sender.took(60)
    queue.flush()
    wire.asked.clear()
    sender.rewind()
    await asyncio.wait_for(sender.drained(), 60)
    assert wire.asked == [61]
    with pytest.raises(Gap):
        await queue.records("local", HELD.execution, HELD.attempt, 59, 1000)
    arrived = await queue.records("local", HELD.execution, HELD.attempt, 60, 1000)
    assert [number for number, _ in arrived] == list(range(61, 101))
    running.cancel()
    spool.close()


class OutOfMemory(Tearing):
    """A Redis that is full from its second append on."""

    appends = 0

    async def append(self, held: Held, first: int, lines: Sequence[bytes], covered: int = 0) -> Appended:
        self.appends += 1
        if self.appends > 1:
            raise Full
        return await super().append(held, first, lines, covered)


async def test_a_full_redis_makes_a_segment_due_however_small_and_an_end_does_not_wait_for_it(tmp_path: Path) -> None:
    spool = filled(tmp_path, 1000)
    sender = Sender(OutOfMemory(MemoryQueue(), []), HELD, spool, room=1 << 30)
    running = asyncio.create_task(sender.run())
    sender.notify()
    assert 0 < await asyncio.wait_for(sender.due(1 << 30), 60) < spool.last
    assert not await asyncio.wait_for(sender.drained(standstill=0.01), 60)
    running.cancel()
    spool.close()


def test_a_spool_of_a_million_records_keeps_the_places_of_those_that_may_be_read_again(tmp_path: Path) -> None:
    tracemalloc.start()
    spool = filled(tmp_path, 20_000, size=10)
    before = tracemalloc.get_traced_memory()[0]
    spool.release(15_000)
    freed = before - tracemalloc.get_traced_memory()[0]
    tracemalloc.stop()
    assert freed > 100_000
    assert spool.last == 20_000
    assert spool.read(15_001, 1) == [b"15001:" + b"x" * 10]
    assert spool.bytes_after(15_000) == spool.size - spool.end_of(15_000) == 5000 * 17
    assert spool.append(b"one more") == 20_001
    assert spool.read(20_001, 1) == [b"one more"]
    spool.close()
