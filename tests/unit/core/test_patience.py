"""Many who wait for as long do not wake together, and waits after failures grow up to a bound."""

from __future__ import annotations

import asyncio

import pytest

from perijove.patience import Backoff, ends_within, spread


def test_a_spread_time_is_up_to_a_quarter_shorter_or_longer() -> None:
    times = [spread(8.0) for _ in range(1_000)]
    assert 6.0 <= min(times) < max(times) <= 10.0


def test_waits_double_up_to_the_most_and_begin_again_after_a_success() -> None:
    waits = Backoff(first=1.0, most=4.0)
    bounds = (1.0, 2.0, 4.0, 4.0)
    assert all(bound / 2 <= waits.next() <= bound for bound in bounds)
    assert waits.failures == len(bounds)
    waits.reset()
    assert waits.next() <= 1.0


async def test_what_does_not_end_in_time_is_cancelled_and_its_error_is_raised_when_it_does() -> None:
    never, ended = asyncio.Event(), asyncio.Event()

    async def wait() -> None:
        try:
            await never.wait()
        finally:
            ended.set()

    assert not await ends_within(wait(), 0.01)
    await ended.wait()

    async def fail() -> None:
        raise ValueError("what a surprise")

    with pytest.raises(ValueError, match="surprise"):
        await ends_within(fail(), 10)
