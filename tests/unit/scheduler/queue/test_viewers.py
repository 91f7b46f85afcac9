"""Viewers of one stream: nobody misses a record without knowing it."""

from __future__ import annotations

import asyncio

from perijove_scheduler.queue.viewers import BUFFER_BATCHES, BUFFER_BYTES, Batch, Stream, Viewer


def batch(first: int, last: int) -> Batch:
    return [(n, b"line") for n in range(first, last + 1)]


async def taken(viewer: Viewer) -> list[int]:
    """Return the numbers a viewer gets before it falls behind."""
    return [n for records in [one async for one in viewer.live()] for n, _ in records]


async def test_a_viewer_gets_what_is_pushed_until_it_falls_behind() -> None:
    viewer = Viewer(0)
    viewer.push(batch(1, 2), 10)
    reading = asyncio.create_task(taken(viewer))
    await asyncio.sleep(0)
    viewer.push(batch(3, 4), 10)
    await asyncio.sleep(0)
    viewer.fall_behind()
    assert await reading == [1, 2, 3, 4]
    assert viewer.position == 4


async def test_what_a_viewer_has_is_left_out() -> None:
    viewer = Viewer(3)
    for one in (batch(1, 2), batch(2, 5), batch(4, 6)):
        viewer.push(one, 10)
    assert [await anext(viewer.live()) for _ in range(2)] == [batch(4, 5), batch(6, 6)]


async def test_a_gap_ends_the_live_part() -> None:
    viewer = Viewer(1)
    viewer.push(batch(3, 4), 10)
    assert await taken(viewer) == []
    assert viewer.position == 1


async def test_a_viewer_too_slow_for_the_bytes_falls_behind() -> None:
    viewer = Viewer(0)
    viewer.push(batch(1, 1), BUFFER_BYTES)
    viewer.push(batch(2, 2), 1)
    assert await taken(viewer) == []


async def test_a_viewer_too_slow_for_the_batches_falls_behind() -> None:
    viewer = Viewer(0)
    for n in range(1, BUFFER_BATCHES + 2):
        viewer.push(batch(n, n), 1)
    assert await taken(viewer) == []


async def test_a_viewer_that_caught_up_starts_afresh() -> None:
    viewer = Viewer(0)
    viewer.fall_behind()
    viewer.start()
    viewer.push(batch(1, 1), 10)
    assert await anext(viewer.live()) == batch(1, 1)


async def test_a_stream_gives_every_viewer_each_batch() -> None:
    stream, viewers = Stream(4), [Viewer(4), Viewer(5)]
    stream.viewers.update(viewers)
    stream.deliver(batch(5, 6), 10)
    assert [await anext(viewer.live()) for viewer in viewers] == [batch(5, 6), batch(6, 6)]


def test_a_streams_position_never_goes_back() -> None:
    stream = Stream(4)
    stream.deliver(batch(1, 3), 10)
    assert stream.position == 4
