"""A coroutine that is begun at once behaves like any other when it is awaited."""

from __future__ import annotations

import asyncio

import pytest

from perijove_agent.tasks import Begun


class Steps:
    """Notes how far a coroutine came."""

    def __init__(self) -> None:
        self.done: list[str] = []
        self.futures = [asyncio.get_running_loop().create_future() for _ in range(2)]

    async def run(self) -> str:
        self.done.append("begun")
        try:
            first = await self.futures[0]
        except (KeyError, asyncio.CancelledError) as error:
            first = type(error).__name__
        self.done.append(first)
        return f"{first} {await self.futures[1]}"


async def test_a_coroutine_is_run_up_to_where_it_first_waits_and_on_when_it_is_awaited() -> None:
    steps = Steps()
    begun = Begun(steps.run())
    assert steps.done == ["begun"]
    asyncio.get_running_loop().call_soon(steps.futures[0].set_result, "one")
    asyncio.get_running_loop().call_later(0.01, steps.futures[1].set_result, "two")
    assert await begun == "one two"


async def test_what_a_begun_coroutine_waits_for_may_fail_and_it_may_go_on() -> None:
    steps = Steps()
    begun = Begun(steps.run())
    steps.futures[0].set_exception(KeyError("gone"))
    steps.futures[1].set_result("two")
    assert await begun == "KeyError two"


async def test_a_cancellation_reaches_a_begun_coroutine() -> None:
    steps = Steps()
    begun = Begun(steps.run())

    async def wait() -> str:
        return await begun

    waiting = asyncio.create_task(wait())
    await asyncio.sleep(0)
    waiting.cancel()
    steps.futures[1].set_result("two")
    assert await waiting == "CancelledError two"


async def test_an_error_of_a_begun_coroutine_is_raised_where_it_is_awaited() -> None:
    steps = Steps()
    begun = Begun(steps.run())
    steps.futures[0].set_result("one")
    steps.futures[1].set_exception(OSError("broken"))
    with pytest.raises(OSError, match="broken"):
        await begun


async def test_an_error_before_the_first_wait_is_raised_at_once() -> None:
    async def broken() -> None:
        raise OSError("broken")

    with pytest.raises(OSError, match="broken"):
        Begun(broken())
