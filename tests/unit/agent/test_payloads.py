"""Outputs too large for a record: all of them are stored, a few at a time."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from perijove.model.records import INLINE_LIMIT
from perijove.wire.protocol import Held
from perijove_agent.payloads import AT_ONCE, Payloads
from perijove_agent.records.recorder import Recorder
from perijove_agent.records.sender import Sender
from perijove_agent.records.spool import Spool
from perijove_scheduler.queue.memory import MemoryQueue


async def test_of_many_large_outputs_a_few_are_stored_at_a_time_and_all_in_the_end(tmp_path: Path) -> None:
    under_way, most, stored, is_there = 0, 0, set(), asyncio.Event()

    async def upload(_digest: str, path: Path) -> None:
        nonlocal under_way, most
        under_way += 1
        most = max(most, under_way)
        await is_there.wait()
        under_way -= 1
        stored.add(path.name)

    spool = Spool(tmp_path / "a.jsonl")
    sender = Sender(MemoryQueue().agent("g", "w-1"), Held("x-1", 1), spool, 1 << 20)
    payloads = Payloads(Recorder(spool, sender, pytest.fail), tmp_path / "payloads", upload)
    for number in range(5 * AT_ONCE):
        await payloads.record("cell", "display_data", {"data": {"text/plain": f"{number}{'x' * INLINE_LIMIT}"}})
    is_there.set()
    await payloads.stored()
    spool.close()
    assert (len(stored), most) == (5 * AT_ONCE, AT_ONCE)
    assert list((tmp_path / "payloads").iterdir()) == []
