"""Unpacking: however much of it there is at a time, transfers go on; cancelled, it writes nothing afterwards."""

from __future__ import annotations

import asyncio
import os
from pathlib import Path

import httpx
import pytest
from waiting import until

from perijove.code import pack, scan
from perijove_agent.staging.download import download
from perijove_agent.staging.unpacking import unpack_revocably

LIMIT = 1 << 30
#: More than the threads of any executor, asyncio's own among them.
MANY = 40


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


async def test_while_more_attempts_unpack_than_there_are_threads_a_file_is_fetched_and_all_of_them_get_through(
    archive: Path, tmp_path: Path
) -> None:
    data = await asyncio.to_thread(archive.read_bytes)
    slow = [tmp_path / f"slow-{number}" for number in range(MANY)]
    for path in slow:
        os.mkfifo(path)
    writers = [os.open(path, os.O_RDWR) for path in slow]  # which waits for no reader
    async with await asyncio.start_server(_give, "localhost") as server, httpx.AsyncClient() as http:
        unpackings = [asyncio.create_task(unpack_revocably(path, path.with_suffix(".d"), LIMIT, "")) for path in slow]
        try:
            await asyncio.sleep(0)
            url = f"http://localhost:{server.sockets[0].getsockname()[1]}/file"
            fetched = await asyncio.wait_for(download(http, url, tmp_path, "file"), 20)
        finally:
            for writer in writers:
                os.write(writer, data)
                os.close(writer)
    await asyncio.wait_for(asyncio.gather(*unpackings), 60)
    assert fetched.path.read_bytes() == b"data"
    assert all((path.with_suffix(".d") / "main.py").exists() for path in slow)


async def _give(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await reader.readuntil(b"\r\n\r\n")
    writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\nConnection: close\r\n\r\ndata")
    await writer.drain()
    writer.close()
