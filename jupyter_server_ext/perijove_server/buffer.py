"""A queue between what reads a story and what sends it on, bounded by what it holds, not by how many."""

from __future__ import annotations

import asyncio
from collections import deque
from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True)
class Piece:
    """One thing to tell, as JSON. `attempt` is a record's."""

    kind: Literal["execution", "record", "away"]
    json: str
    attempt: int = 0


class Buffer:
    """Holds up whoever puts while it is full; hands out what has come since the last time.

    Parameters
    ----------
    limit : int
        Characters it holds before it counts as full.
    """

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._pieces: deque[Piece] = deque()
        self._held = 0
        self._ended = False
        self._failure: Exception | None = None
        self._news = asyncio.Event()
        self._room = asyncio.Event()

    async def put(self, piece: Piece) -> None:
        """Add a piece, once there is room."""
        while self._held >= self._limit:
            self._room.clear()
            await self._room.wait()
        self.add(piece)

    def add(self, piece: Piece) -> None:
        """Add a piece at once; for what is small and rare."""
        self._pieces.append(piece)
        self._held += len(piece.json)
        self._news.set()

    def end(self, failure: Exception | None = None) -> None:
        """Say that nothing more comes, and why if it is a failure."""
        self._ended, self._failure = True, failure
        self._news.set()

    async def take(self, most: int) -> list[Piece]:
        """Return the next pieces, about `most` characters of them; empty at the end.

        Raises
        ------
        Exception
            The failure it ended with.
        """
        await self._news.wait()
        taken: list[Piece] = []
        size = 0
        while self._pieces and size < most:
            taken.append(self._pieces.popleft())
            size += len(taken[-1].json)
        self._held -= size
        self._room.set()
        if not taken and self._failure is not None:
            raise self._failure
        if not self._pieces and not self._ended:
            self._news.clear()
        return taken
