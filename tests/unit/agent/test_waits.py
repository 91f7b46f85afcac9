"""What an attempt waits for is reported when it lasts, taken back when it is over, and bounded in its log."""

from __future__ import annotations

import asyncio

import pytest

from perijove.model.events import WAITS_LIMIT
from perijove_agent import waits
from perijove_agent.waits import Waits, waiting


class Heard:
    """Collects what is reported and logged."""

    def __init__(self, after: float) -> None:
        self.reported: asyncio.Queue[str] = asyncio.Queue()
        self.lines: asyncio.Queue[str] = asyncio.Queue()
        self.waits = Waits(self.reported.put_nowait, self._log, after)

    async def _log(self, stream: str, text: str) -> None:
        assert stream == "system"
        await self.lines.put(text)


async def test_a_wait_that_lasts_is_reported_and_taken_back() -> None:
    heard = Heard(after=0)
    with heard.waits.collecting():
        with waiting("It waits for a store."):
            assert await heard.reported.get() == "It waits for a store."
        assert heard.reported.get_nowait() == ""


async def test_a_wait_that_is_short_is_not_reported() -> None:
    heard = Heard(after=0.02)
    with heard.waits.collecting():
        with waiting("It waits for a moment."):
            pass
        with waiting("It waits longer."):
            assert await heard.reported.get() == "It waits longer."


async def test_the_wait_that_began_last_is_reported_and_then_the_one_before() -> None:
    heard = Heard(after=0)
    with heard.waits.collecting(), waiting("It waits for a store."):
        assert await heard.reported.get() == "It waits for a store."
        with waiting("It waits for a signature."):
            assert await heard.reported.get() == "It waits for a signature."
        assert heard.reported.get_nowait() == "It waits for a store."


async def test_a_wait_may_go_on_for_another_reason() -> None:
    heard = Heard(after=0)
    with heard.waits.collecting(), waiting("It waits for a store.") as wait:
        assert await heard.reported.get() == "It waits for a store."
        wait.now("The store is full.")
        assert heard.reported.get_nowait() == "The store is full."


async def test_a_task_that_is_begun_within_reports_to_the_same_attempt() -> None:
    heard = Heard(after=0)

    async def transfer() -> None:
        with waiting("It waits for a store."):
            assert await heard.reported.get() == "It waits for a store."

    with heard.waits.collecting():
        task = asyncio.create_task(transfer())
    await task


async def test_a_sentence_is_logged_once_bounded_and_not_without_end(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(waits, "MOST_LINES", 2)
    heard = Heard(after=0)
    writing = asyncio.create_task(heard.waits.run())
    sentences = ["x" * 2 * WAITS_LIMIT, "two", "two", "three", "four"]
    with heard.waits.collecting():
        for sentence in sentences:
            with waiting(sentence):
                await heard.reported.get()
            assert heard.reported.get_nowait() == ""
    first, second = await heard.lines.get(), await heard.lines.get()
    assert first.startswith("xxx")
    assert len(first) <= WAITS_LIMIT + 1
    assert second == "two\n"
    await asyncio.sleep(0)
    assert heard.lines.empty()
    writing.cancel()
