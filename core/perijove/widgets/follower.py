"""Follows an execution in a thread of its own and draws, at most a few times a second, what it tells."""

from __future__ import annotations

import asyncio
import logging
import threading
from collections.abc import Callable
from contextlib import suppress

from perijove.client import AsyncClient
from perijove.errors import PerijoveError
from perijove.widgets.picture import Picture

#: Seconds between two drawings: a front end that is drawn faster than people read falls behind.
PAUSE = 0.2
_log = logging.getLogger(__name__)


class Follower:
    """A thread that keeps a picture of one execution until that ends, or `close` is called.

    Only this thread changes the picture and draws it, so neither needs a lock.

    Parameters
    ----------
    connect : callable
        Makes the client the thread uses; httpx clients do not cross event loops.
    picture : Picture
        What is known so far.
    draw : callable
        Shows the picture; called in the thread.
    """

    def __init__(
        self,
        connect: Callable[[], AsyncClient],
        picture: Picture,
        draw: Callable[[Picture], None],
        pause: float = PAUSE,
    ) -> None:
        self._connect = connect
        self._picture = picture
        self._draw = draw
        self._pause = pause
        self._loop = asyncio.new_event_loop()
        self._task = self._loop.create_task(self._run())
        self._thread = threading.Thread(target=self._work, name=f"perijove {picture.execution.number}", daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Stop following; the execution goes on. Returns when nothing more will be drawn."""
        with suppress(RuntimeError):  # the loop is closed: it has ended by itself
            self._loop.call_soon_threadsafe(self._task.cancel)
        if threading.current_thread() is not self._thread:
            self._thread.join()

    def wait(self, timeout: float | None = None) -> bool:
        """Wait until the execution has ended, or this was closed; return whether that is so."""
        self._thread.join(timeout)
        return not self._thread.is_alive()

    def _work(self) -> None:
        try:
            with suppress(asyncio.CancelledError):
                self._loop.run_until_complete(self._task)
        finally:
            self._loop.run_until_complete(self._loop.shutdown_asyncgens())
            self._loop.run_until_complete(self._loop.shutdown_default_executor())
            self._loop.close()

    async def _run(self) -> None:
        news = asyncio.Event()
        drawing = asyncio.create_task(self._keep_drawing(news))
        try:
            await self._follow(news)
        finally:
            drawing.cancel()
            with suppress(asyncio.CancelledError):
                await drawing
        self._draw_once()

    async def _follow(self, news: asyncio.Event) -> None:
        def away(failure: PerijoveError) -> None:
            self._picture.note = f"{failure.message} The execution goes on; trying again …"
            news.set()

        try:
            async with self._connect() as client:
                async for event in client.executions.events(self._picture.execution.id, away=away):
                    self._picture.take(event)
                    news.set()
        except PerijoveError as error:
            self._picture.note = f"{error.message} {error.hint}".strip()

    async def _keep_drawing(self, news: asyncio.Event) -> None:
        while True:
            await news.wait()
            news.clear()
            self._draw_once()
            await asyncio.sleep(self._pause)

    def _draw_once(self) -> None:
        try:
            self._draw(self._picture)
        except Exception:  # noqa: BLE001 - a front end that went away must not end what follows the execution
            _log.exception("A view of execution %s could not be drawn.", self._picture.execution.number)
