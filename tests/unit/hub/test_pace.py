"""How fast a sender has to be."""

from __future__ import annotations

import asyncio

from perijove_hub.pace import LEAST, Pace

_PATIENCE = 0.01


async def test_a_sender_that_stops_is_too_slow() -> None:
    called = asyncio.Event()
    pace = Pace(_PATIENCE, called.set)
    pace.start()
    pace.received(LEAST)
    pace.wait()
    await asyncio.wait_for(called.wait(), 60)


async def test_a_sender_that_is_made_to_wait_is_not_to_blame() -> None:
    called = asyncio.Event()
    pace = Pace(_PATIENCE, called.set)
    pace.start()
    pace.received(1)
    await asyncio.sleep(_PATIENCE * 10)
    assert not called.is_set()
    pace.wait()
    await asyncio.wait_for(called.wait(), 60)


async def test_no_sender_takes_longer_than_the_longest_however_steady_it_is() -> None:
    called = asyncio.Event()
    pace = Pace(60, called.set, longest=_PATIENCE)
    pace.start()
    pace.received(LEAST * 60)
    await asyncio.wait_for(called.wait(), 60)


async def test_nothing_is_judged_after_the_end() -> None:
    called = asyncio.Event()
    pace = Pace(_PATIENCE, called.set)
    pace.start()
    pace.stop()
    await asyncio.sleep(_PATIENCE * 10)
    assert not called.is_set()
