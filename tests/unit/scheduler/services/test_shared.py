"""Many who ask the same at once cost one question, and nobody gets an answer that is older than their asking."""

from __future__ import annotations

import asyncio

import pytest

from perijove_scheduler.services.shared import Shared


class Oracle:
    """Answers with the number of the question, once the test lets it."""

    def __init__(self) -> None:
        self.asked: list[str] = []
        self.gate = asyncio.Event()
        self.begun = asyncio.Event()

    async def answer(self, key: str) -> int:
        self.asked.append(key)
        self.begun.set()
        number = len(self.asked)
        await self.gate.wait()
        if key == "broken":
            raise ValueError(key)
        return number


async def test_who_asks_at_once_shares_one_answer() -> None:
    oracle = Oracle()
    oracle.gate.set()
    shared = Shared(oracle.answer)
    assert await asyncio.gather(*(shared.ask("a") for _ in range(100))) == [1] * 100
    assert oracle.asked == ["a"]
    assert await shared.ask("a") == 2


async def test_who_comes_while_an_answer_is_under_way_gets_the_next_one() -> None:
    oracle = Oracle()
    shared = Shared(oracle.answer)
    first = asyncio.create_task(shared.ask("a"))
    await oracle.begun.wait()
    others = [asyncio.create_task(shared.ask("a")) for _ in range(50)]
    for _ in range(10):  # more turns than it takes to ask
        await asyncio.sleep(0)
    assert oracle.asked == ["a"]
    oracle.gate.set()
    assert [await first, *await asyncio.gather(*others)] == [1] + [2] * 50
    assert oracle.asked == ["a", "a"]


async def test_another_question_does_not_wait() -> None:
    oracle = Oracle()
    shared = Shared(oracle.answer)
    first, second = asyncio.create_task(shared.ask("a")), asyncio.create_task(shared.ask("b"))
    await oracle.begun.wait()
    await asyncio.sleep(0)
    assert sorted(oracle.asked) == ["a", "b"]
    oracle.gate.set()
    assert {await first, await second} == {1, 2}


async def test_an_error_goes_to_all_who_asked_and_ends_with_them() -> None:
    oracle = Oracle()
    oracle.gate.set()
    shared = Shared(oracle.answer)
    answers = await asyncio.gather(*(shared.ask("broken") for _ in range(3)), return_exceptions=True)
    assert [type(answer) for answer in answers] == [ValueError] * 3
    with pytest.raises(ValueError, match="broken"):
        await shared.ask("broken")
    assert oracle.asked == ["broken", "broken"]


async def test_who_leaves_takes_the_answer_from_nobody() -> None:
    oracle = Oracle()
    shared = Shared(oracle.answer)
    leaving, staying = asyncio.create_task(shared.ask("a")), asyncio.create_task(shared.ask("a"))
    await oracle.begun.wait()
    leaving.cancel()
    oracle.gate.set()
    assert await staying == 1
