"""One WebSocket for all the executions a page watches."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from datetime import datetime, timezone
from typing import Any

from jupyter_core.utils import ensure_async
from jupyter_server.auth.decorator import ws_authenticated
from jupyter_server.base.handlers import JupyterHandler
from jupyter_server.base.websocket import WebSocketMixin
from tornado.ioloop import PeriodicCallback
from tornado.web import HTTPError
from tornado.websocket import WebSocketClosedError, WebSocketHandler

from perijove_server.feed import Feed
from perijove_server.handlers.base import RESOURCE
from perijove_server.master import Master

_SERVICE_RESTART = 1012
#: Seconds between two signs of life. A page cannot see a WebSocket's own pings, and leaves a socket that is silent.
_BEAT = 20


class FeedHandler(WebSocketMixin, WebSocketHandler, JupyterHandler):
    """Takes wishes and tells stories; see `perijove_server.feed`.

    One socket, because a browser gives a host only six HTTP/1.1 connections, and each event stream would hold one.
    """

    auth_resource = RESOURCE
    feed: Feed

    @property
    def master(self) -> Master:
        """The connection to the master."""
        master: Master = self.settings["perijove_master"]
        return master

    @ws_authenticated
    async def get(self, *args: Any, **kwargs: Any) -> None:
        """Open the socket for whoever is signed in to this server and may read."""
        if not await ensure_async(self.authorizer.is_authorized(self, self.current_user, "read", RESOURCE)):
            raise HTTPError(403)
        await super().get(*args, **kwargs)

    def open(self, *args: Any, **kwargs: Any) -> None:
        """Begin with nothing watched."""
        super().open(*args, **kwargs)
        self.feed = Feed(self.master, self._send)
        self.master.changed.add(self._restart)
        self._beating = PeriodicCallback(self._beat, _BEAT * 1000)
        self._beating.start()

    def on_message(self, message: str | bytes) -> None:
        """Begin or end a watch."""
        self.feed.take(message)

    def on_close(self) -> None:
        """End every watch."""
        self.master.changed.discard(self._restart)
        self._beating.stop()
        self._ending = asyncio.ensure_future(self.feed.aclose())
        super().on_close()

    def _restart(self) -> None:
        """Let the page open the socket again: its executions are another master's now."""
        self.close(_SERVICE_RESTART, "The Perijove service was changed.")

    async def _beat(self) -> None:
        with suppress(WebSocketClosedError):
            await self.write_message('{"type":"beat"}')

    async def _send(self, message: str) -> None:
        try:
            await self.write_message(message)
        except WebSocketClosedError:
            raise asyncio.CancelledError from None  # nobody is left to be told
        # A culler shall see that a run somebody follows still tells something.
        self.settings["last_activity_times"]["perijove"] = datetime.now(timezone.utc)
