"""Importing what the first run needs before a person asks for it."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from importlib import import_module

from perijove.aio.executors import COMPUTING

_SLOW = ("perijove_server.exchange", "perijove_server.preview", "perijove_server.sending", "perijove_server.ran")

_log = logging.getLogger(__name__)


def import_slow() -> None:
    """Import nbconvert, papermill and what else takes seconds; when it is needed it is there."""
    for name in _SLOW:
        import_module(name)


class WarmUp:
    """Does slow work once, in a thread, a while after a page has shown itself.

    A server that nobody opens a page of never pays for it; a page that loads is not disturbed.

    Parameters
    ----------
    delay : float
        Seconds to leave the page to itself.
    work : callable
        The work.
    """

    def __init__(self, delay: float, work: Callable[[], None] = import_slow) -> None:
        self._delay = delay
        self._work = work
        self._task: asyncio.Task[None] | None = None

    def begin(self) -> None:
        """Begin, unless it has begun."""
        if self._task is None:
            self._task = asyncio.ensure_future(self._run())

    async def aclose(self) -> None:
        """Leave it, if it still waits."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)

    async def _run(self) -> None:
        await asyncio.sleep(self._delay)
        try:
            await COMPUTING.run(self._work)
        except Exception:  # noqa: BLE001 - the first run will meet it again, and say so
            _log.warning("What a run needs cannot be imported.", exc_info=True)
