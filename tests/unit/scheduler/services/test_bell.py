from __future__ import annotations

import asyncio

from perijove_scheduler.services.bell import Bell


async def test_a_ring_before_the_wait_is_remembered_once() -> None:
    bell = Bell()
    bell.ring("dispatcher")
    bell.ring("dispatcher")
    assert await bell.wait("dispatcher", 60)
    assert not await bell.wait("dispatcher", 0)


async def test_a_ring_wakes_who_waits_for_that_name_only() -> None:
    bell = Bell()
    waiting = asyncio.create_task(bell.wait("scaler", 60))
    bell.ring("dispatcher")
    bell.ring("scaler")
    assert await waiting
    assert await bell.wait("dispatcher", 0)
