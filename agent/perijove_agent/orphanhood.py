"""Notices that the platform an agent belongs to is gone for good."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable

import httpx


class Orphanhood:
    """Looks now and then whether the platform answers.

    An agent that the master started on its own machine, or that a cloud bills by the hour, must not idle for ever
    after a platform that was removed.

    Parameters
    ----------
    http : httpx.AsyncClient
        Asks.
    url : str
        The service's address. Any answer counts.
    limit : float
        Seconds.
    """

    def __init__(self, http: httpx.AsyncClient, url: str, limit: float) -> None:
        self._http = http
        self._url = url
        self._limit = limit
        self._seen = time.monotonic()

    def seen(self) -> None:
        """Take note of a sign of life."""
        self._seen = time.monotonic()

    async def run(self, busy: Callable[[], bool]) -> None:
        """Return when the agent was idle, and the platform silent, for the limit."""
        while time.monotonic() - self._seen < self._limit:
            await asyncio.sleep(min(60.0, self._limit / 10))
            if busy() or await self._answers():
                self.seen()

    async def _answers(self) -> bool:
        try:
            await self._http.head(self._url, follow_redirects=False)
        except httpx.TransportError:
            return False
        return True
