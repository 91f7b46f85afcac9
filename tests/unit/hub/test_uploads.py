from __future__ import annotations

import asyncio

import pytest

from perijove_hub.uploads import Upload


async def test_the_consumer_gets_every_chunk_in_order():
    upload: Upload[list[bytes]] = Upload(ahead=2)

    async def collect() -> list[bytes]:
        return [chunk async for chunk in upload.chunks()]

    upload.start(collect())
    for number in range(20):
        assert await upload.feed(b"%d" % number)
    await upload.feed(None)
    assert await upload.result() == [b"%d" % number for number in range(20)]


async def test_a_slow_consumer_holds_the_sender_up():
    upload: Upload[None] = Upload(ahead=1)
    may_read = asyncio.Event()

    async def consume() -> None:
        await may_read.wait()
        async for _ in upload.chunks():
            pass

    upload.start(consume())
    assert await upload.feed(b"1")
    second = asyncio.create_task(upload.feed(b"2"))
    done, _ = await asyncio.wait({second}, timeout=0.05)
    assert not done
    may_read.set()
    assert await second
    await upload.feed(None)
    await upload.result()


async def test_a_consumer_that_refuses_ends_the_sending_even_of_a_waiting_sender():
    upload: Upload[None] = Upload(ahead=1)
    refuse = asyncio.Event()

    async def consume() -> None:
        await refuse.wait()
        raise ValueError("too much")

    upload.start(consume())
    await upload.feed(b"1")
    waiting = asyncio.create_task(upload.feed(b"2"))
    refuse.set()
    assert await waiting is False
    assert await upload.feed(b"3") is False
    with pytest.raises(ValueError, match="too much"):
        await upload.result()


async def test_a_sender_that_leaves_cancels_the_consumer():
    upload: Upload[None] = Upload()
    cleaned = asyncio.Event()

    async def consume() -> None:
        try:
            async for _ in upload.chunks():
                pass
        finally:
            cleaned.set()

    upload.start(consume())
    await upload.feed(b"half")
    upload.abort()
    with pytest.raises(asyncio.CancelledError):
        await upload.result()
    assert cleaned.is_set() or not upload._chunks.empty()
