"""The master's REST API under this server's own origin, with the user's token added here."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from typing import TYPE_CHECKING

from jupyter_server.auth.decorator import authorized
from tornado.iostream import StreamClosedError
from tornado.web import authenticated

from perijove_server.handlers.base import Handler
from perijove_server.proxied import answered, proxied

if TYPE_CHECKING:
    import httpx


class ProxyHandler(Handler):
    """Passes a request on and streams its answer back, as fast as the page takes it."""

    _passing: asyncio.Task[None] | None = None

    @authenticated
    @authorized
    async def get(self, path: str) -> None:
        """Pass a GET on."""
        await self._pass_on(path)

    @authenticated
    @authorized
    async def post(self, path: str) -> None:
        """Pass a POST on."""
        await self._pass_on(path)

    @authenticated
    @authorized
    async def delete(self, path: str) -> None:
        """Pass a DELETE on."""
        await self._pass_on(path)

    def on_connection_close(self) -> None:
        """Stop fetching what nobody waits for any more."""
        if self._passing is not None:
            self._passing.cancel()
        super().on_connection_close()

    async def _pass_on(self, path: str) -> None:
        self.settings["perijove_warm_up"].begin()
        self._passing = asyncio.ensure_future(self._exchange(path))
        with suppress(asyncio.CancelledError, StreamClosedError):
            await self._passing

    async def _exchange(self, path: str) -> None:
        asked = self.request
        request = proxied(asked.method or "", path, asked.query, asked.body, asked.headers)
        async with self.master.answer(request) as response:
            await self._answer(response)

    async def _answer(self, response: httpx.Response) -> None:
        import httpx  # noqa: PLC0415 - slow to import; by now it is there

        self.set_status(response.status_code)
        self.clear_header("Content-Type")
        for name, value in answered(response.headers).items():
            self.set_header(name, value)
        try:
            async for chunk in response.aiter_raw():
                self.write(chunk)
                await self.flush()
        except httpx.TransportError as error:
            self.log.warning("The answer to %s broke off: %s", self.request.path, error)
            # Ending it in order would make what came look whole.
            self.detach().close()
            return
        self.finish(set_content_type=response.headers.get("Content-Type", "application/json"))
