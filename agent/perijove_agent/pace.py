"""Ends transfers that hardly move: a byte now and then keeps a connection alive, and brings nothing."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any, TypeVar

import httpx

from perijove.model.durations import describe_seconds
from perijove.model.sizes import describe_size
from perijove_agent.tasks import cancelled

#: Seconds over which a transfer is measured, and the bytes it has to move in them.
WINDOW = 60.0
LEAST = 60 * 1024

Result = TypeVar("Result")


class Stalled(httpx.TransportError):
    """A transfer hardly moved."""


class Pace:
    """Measures one transfer.

    Parameters
    ----------
    window : float
        Seconds.
    least : int
        Bytes it moves in them.
    """

    def __init__(self, window: float = WINDOW, least: int = LEAST) -> None:
        self._window = window
        self._least = least
        self.total: Callable[[], int] = lambda: 0

    def measure(self, total: Callable[[], int]) -> None:
        """Ask this from now on how many bytes have gone through."""
        self.total = total

    async def keep(self, transfer: Coroutine[Any, Any, Result]) -> Result:
        """Return what `transfer` returns.

        Raises
        ------
        Stalled
            It moved less than it has to.
        """
        task = asyncio.ensure_future(transfer)
        try:
            while True:
                before = self.total()
                await asyncio.wait({task}, timeout=self._window)
                if task.done():
                    return task.result()
                if self.total() - before < self._least:
                    raise Stalled(
                        f"less than {describe_size(self._least)} went through in {describe_seconds(self._window)}"
                    )
        finally:
            await cancelled([task])
