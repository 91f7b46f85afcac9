from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest

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


async def test_what_is_ready_together_comes_as_one_batch():
    source = Source()
    for item in (1, 2, 3, None):
        source.items.put_nowait(item)
    pump = Pump(source)
    assert [batch async for batch in pump.batches(10)] == [[1, 2, 3]]
    await pump.aclose()


async def test_a_silent_source_yields_empty_batches_and_loses_nothing():
    source = Source()
    pump = Pump(source)
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
    pump = Pump(source)
    with pytest.raises(ValueError, match="gone"):
        await anext(pump.batches(10))
    await pump.aclose()


async def test_a_shutdown_ends_every_stream_and_those_that_come_after():
    viewers, source = Viewers(), Source()
    pump = Pump(source)
    viewers.add(pump)
    reading = asyncio.create_task(anext(pump.batches(10), "ended"))
    await asyncio.sleep(0)
    viewers.stop()
    assert await reading == "ended"
    late = Pump(Source())
    viewers.add(late)
    assert [batch async for batch in late.batches(10)] == []
    for one in (pump, late):
        viewers.discard(one)
        await one.aclose()
    assert len(viewers) == 0


async def test_closing_a_pump_closes_its_source():
    source = Source()
    pump = Pump(source)
    await pump.aclose()
    assert source.closed
