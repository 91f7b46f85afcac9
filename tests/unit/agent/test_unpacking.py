"""Unpacking that is cancelled leaves nothing, and writes nothing afterwards."""

from __future__ import annotations

import asyncio
import os
from pathlib import Path

import pytest
from waiting import until

from perijove.code import pack, scan
from perijove_agent.staging.unpacking import unpack_revocably

LIMIT = 1 << 30


@pytest.fixture
def archive(tmp_path: Path) -> Path:
    (tmp_path / "project").mkdir()
    (tmp_path / "project" / "main.py").write_text("print(1)")
    pack(scan(tmp_path / "project"), tmp_path / "code.tar.zst")
    return tmp_path / "code.tar.zst"


async def test_a_snapshot_is_unpacked(archive: Path, tmp_path: Path) -> None:
    await unpack_revocably(archive, tmp_path / "here", LIMIT, "")
    assert (tmp_path / "here" / "main.py").read_text() == "print(1)"


async def test_one_that_is_cancelled_has_ended_when_that_is_known(archive: Path, tmp_path: Path) -> None:
    data = await asyncio.to_thread(archive.read_bytes)
    slow = tmp_path / "slow"
    os.mkfifo(slow)
    writer = os.open(slow, os.O_RDWR)  # which waits for no reader
    unpacking = asyncio.create_task(unpack_revocably(slow, tmp_path / "here", LIMIT, ""))
    os.write(writer, data[:50])
    await asyncio.to_thread(until, (tmp_path / "here").exists)
    unpacking.cancel()
    _, pending = await asyncio.wait({unpacking}, timeout=0.1)
    assert pending == {unpacking}  # its thread still reads
    os.write(writer, data[50:])
    with pytest.raises(asyncio.CancelledError):
        await asyncio.wait_for(unpacking, 30)
    os.close(writer)
    assert list((tmp_path / "here").iterdir()) == []
