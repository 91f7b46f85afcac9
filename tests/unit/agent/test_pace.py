"""Transfers that hardly move are ended, and slow ones are not."""

from __future__ import annotations

import asyncio

import pytest

from perijove_agent.pace import Pace, Stalled


async def test_a_transfer_that_hardly_moves_is_ended() -> None:
    pace = Pace(window=0.05, least=100)
    pace.measure(lambda: 3)
    with pytest.raises(Stalled, match=r"less than 100 B went through in 0\.1 s"):
        await pace.keep(asyncio.sleep(3600))


async def test_a_transfer_that_moves_goes_on() -> None:
    moved, pace = 0, Pace(window=0.05, least=100)

    def more() -> int:
        nonlocal moved
        moved += 100
        return moved

    pace.measure(more)
    assert await pace.keep(asyncio.sleep(0.3, "done")) == "done"


async def test_how_a_transfer_fails_is_not_changed() -> None:
    async def fails() -> None:
        raise OSError(5, "broken")

    with pytest.raises(OSError, match="broken"):
        await Pace().keep(fails())
