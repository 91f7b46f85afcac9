"""One answer for many who ask the same at once."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Hashable
from typing import Generic, TypeVar

Key = TypeVar("Key", bound=Hashable)
Answer = TypeVar("Answer")


class Shared(Generic[Key, Answer]):
    """Asks a question once for all who want its answer, and never answers with what was asked before they came.

    Who asks while an answer is on its way shares the next one: what they were told of may be newer than that answer.

    Parameters
    ----------
    question : callable
        Returns the answer to a key.
    """

    def __init__(self, question: Callable[[Key], Awaitable[Answer]]) -> None:
        self._question = question
        self._asked: dict[Key, asyncio.Task[Answer]] = {}
        self._next: dict[Key, asyncio.Task[Answer]] = {}

    async def ask(self, key: Key) -> Answer:
        """Return an answer that was asked for no earlier than now; raises what the question raises."""
        task = self._next.get(key)
        if task is None:
            task = asyncio.create_task(self._answer(key, self._asked.get(key)))
            self._next[key] = task
        # Who leaves does not take the answer from the others.
        return await asyncio.shield(task)

    async def aclose(self) -> None:
        """End what is asked for just now: those who asked have left, and what answers is about to close."""
        tasks = [*self._asked.values(), *self._next.values()]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _answer(self, key: Key, before: asyncio.Task[Answer] | None) -> Answer:
        if before is not None:
            await asyncio.wait({before})
        task = self._asked[key] = self._next.pop(key)
        try:
            return await self._question(key)
        finally:
            if self._asked.get(key) is task:
                del self._asked[key]
