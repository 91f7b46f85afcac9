"""Passing requests of a page on to the master, and its answers back, as they are."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import httpx

from perijove.client.problems import lost, problem
from perijove.client.settings import Settings
from perijove_server.proxied import Proxied

#: An answer from here on is an error, except one that tells where a file ends.
_BAD_REQUEST, _RANGE_NOT_SATISFIABLE = 400, 416
#: A page may download many files at once; each holds a connection for as long as it takes.
_LIMITS = httpx.Limits(max_connections=None, max_keepalive_connections=20)


class Exchange:
    """The connections that requests of pages use.

    Parameters
    ----------
    settings : Settings
        Which master, as whom.
    transport : httpx.AsyncBaseTransport, optional
        What carries the requests instead of the network.
    """

    def __init__(self, settings: Settings, transport: httpx.AsyncBaseTransport | None = None) -> None:
        self._settings = settings
        self._http = httpx.AsyncClient(transport=transport, timeout=settings.timeout, limits=_LIMITS)

    @asynccontextmanager
    async def answer(self, request: Proxied) -> AsyncIterator[httpx.Response]:
        """Pass a request on and open its answer; its body is not read yet, and not decoded when it is read raw.

        Raises
        ------
        perijove.errors.ConnectionLost
            The master did not answer, or something else did.
        perijove.errors.PerijoveError
            The master refused; the error is its own.
        """
        response = await self._send(request.method, f"{self._settings.api}{request.address}", request, self._own())
        try:
            if request.stored and response.has_redirect_location:
                place = str(response.url.join(response.headers["Location"]))
                await response.aclose()
                # A signed address, perhaps on another host: the token is not for it.
                response = await self._send("GET", place, request, {})
            await _check(response)
            yield response
        finally:
            await response.aclose()

    async def aclose(self) -> None:
        """Close the connections."""
        await self._http.aclose()

    def _own(self) -> dict[str, str]:
        return {"Authorization": f"token {self._settings.token}"}

    async def _send(self, method: str, url: str, request: Proxied, own: dict[str, str]) -> httpx.Response:
        # Passed on as it is, an encoded body would be decoded by nobody.
        headers = {**request.headers, **own, "Accept-Encoding": "identity"}
        built = self._http.build_request(method, url, content=request.body or None, headers=headers)
        try:
            return await self._http.send(built, stream=True)
        except httpx.TransportError as error:
            raise lost(error) from error


async def _check(response: httpx.Response) -> None:
    refused = response.status_code >= _BAD_REQUEST and response.status_code != _RANGE_NOT_SATISFIABLE
    if refused or response.has_redirect_location:
        try:
            body = await response.aread()
        except httpx.TransportError as error:
            raise lost(error) from error
        raise problem(response, body)
