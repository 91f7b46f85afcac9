from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest

from perijove_hub.problems import TooMany
from perijove_hub.viewers import Pump, Viewers


class Source:
    """An async iterator fed by the test, which knows whether it was closed."""

    def __init__(self) -> None:
        self.items: asyncio.Queue[int | Exception | None] = asyncio.Queue()
        self.closed = False

    def __aiter__(self) -> AsyncIterator[int]:
        return self._read()

    async def _read(self) -> AsyncIterator[int]:
        while (item := await self.items.get()) is not None:
            if isinstance(item, Exception):
                raise item
            yield item

    async def aclose(self) -> None:
        self.closed = True


def len_of(_item: object) -> int:
    return 1


async def test_what_is_ready_together_comes_as_one_batch():
    source = Source()
    for item in (1, 2, 3, None):
        source.items.put_nowait(item)
    pump = Pump(source, len_of)
    assert [batch async for batch in pump.batches(10)] == [[1, 2, 3]]
    await pump.aclose()


async def test_a_silent_source_yields_empty_batches_and_loses_nothing():
    source = Source()
    pump = Pump(source, len_of)
    batches = pump.batches(0.001)
    assert await anext(batches) == []
    source.items.put_nowait(7)
    seen = [batch async for batch in _until_filled(batches)]
    assert seen[-1] == [7]
    await batches.aclose()
    await pump.aclose()


async def _until_filled(batches: AsyncIterator[list[int]]) -> AsyncIterator[list[int]]:
    async for batch in batches:
        yield batch
        if batch:
            return


async def test_an_error_of_the_source_reaches_the_viewer():
    source = Source()
    source.items.put_nowait(ValueError("gone"))
    pump = Pump(source, len_of)
    with pytest.raises(ValueError, match="gone"):
        await anext(pump.batches(10))
    await pump.aclose()


async def test_what_came_before_an_error_is_told_before_it():
    source = Source()
    for item in (1, 2, ValueError("gone")):
        source.items.put_nowait(item)
    pump = Pump(source, len_of)
    batches = pump.batches(10)
    assert await anext(batches) == [1, 2]
    with pytest.raises(ValueError, match="gone"):
        await anext(batches)
    await pump.aclose()


async def test_no_more_is_read_ahead_than_may_wait_however_large_the_items_are():
    taken: list[int] = []

    async def large() -> AsyncIterator[int]:
        for item in range(100):
            taken.append(item)
            yield item

    pump = Pump(large(), lambda _: 300, ahead=1000)
    batches = pump.batches(10)
    for first in (0, 4, 8):
        assert await anext(batches) == [first, first + 1, first + 2, first + 3]
        await asyncio.sleep(0)  # the source has nothing to wait for: it is read on until no more may wait
        assert len(taken) == first + 8
    await pump.aclose()


async def test_a_shutdown_ends_every_stream_and_those_that_come_after():
    viewers, source = Viewers(), Source()
    pump = Pump(source, len_of)
    viewers.add(pump)
    reading = asyncio.create_task(anext(pump.batches(10), "ended"))
    await asyncio.sleep(0)
    viewers.stop()
    assert await reading == "ended"
    late = Pump(Source(), len_of)
    viewers.add(late)
    assert [batch async for batch in late.batches(10)] == []
    for one in (pump, late):
        viewers.discard(one)
        await one.aclose()
    assert len(viewers) == 0


async def test_closing_a_pump_closes_its_source():
    source = Source()
    pump = Pump(source, len_of)
    await pump.aclose()
    assert source.closed


async def test_one_user_may_follow_as_many_streams_as_the_limit_says_and_not_one_more():
    viewers, pumps = Viewers(most_each=2), [Pump(Source(), len_of) for _ in range(2)]
    for pump in pumps:
        viewers.check("ada")
        viewers.add(pump, "ada")
    with pytest.raises(TooMany):
        viewers.check("ada")
    viewers.check("bob")
    viewers.discard(pumps[0])
    viewers.check("ada")
    for pump in pumps:
        await pump.aclose()
