"""The connection to the master, which the whole server shares."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from importlib import import_module
from typing import TYPE_CHECKING, Any

from perijove.aio.executors import COMPUTING
from perijove_server.connection import Choice, Connection

if TYPE_CHECKING:
    import httpx

    from perijove.client import AsyncClient
    from perijove.model.resources import Info
    from perijove_server.exchange import Exchange
    from perijove_server.proxied import Proxied


class Master:
    """The Perijove service this Jupyter server speaks to.

    Parameters
    ----------
    choice : Choice
        Which one it is.
    transport : callable, optional
        Makes what carries requests instead of the network.

    Attributes
    ----------
    watching : int
        How many event streams are being passed on just now.
    changed : set of callables
        Are called when another master, or another token, is used from now on.
    """

    def __init__(self, choice: Choice, transport: Callable[[], httpx.AsyncBaseTransport] | None = None) -> None:
        self._choice = choice
        self._transport = transport
        self._connection: Connection | None = None
        self._client: AsyncClient | None = None
        self._exchange: Exchange | None = None
        self.watching = 0
        self.changed: set[Callable[[], None]] = set()

    async def client(self) -> AsyncClient:
        """Return the client, made when it is first needed.

        Raises
        ------
        perijove.errors.PerijoveError
            No address or token is known; the sentence says which.
        """
        settings = (await self._connected()).settings
        if self._client is None:
            from perijove.client import AsyncClient  # noqa: PLC0415 - httpx is slow to import

            # Event streams hold their connections for as long as somebody watches; requests shall always find one.
            self._client = AsyncClient(settings.url, settings.token, transport=self._carrier(), connections=None)
        return self._client

    @asynccontextmanager
    async def answer(self, request: Proxied) -> AsyncIterator[httpx.Response]:
        """Pass one request on and open its answer; see `Exchange.answer`."""
        settings = (await self._connected()).settings
        if self._exchange is None:
            from perijove_server.exchange import Exchange  # noqa: PLC0415 - httpx is slow to import

            self._exchange = Exchange(settings, self._carrier())
        async with self._exchange.answer(request) as response:
            yield response

    async def info(self) -> Info:
        """Return what the master says of itself and of the caller, asking once."""
        return await self._ask(await self._connected())

    async def describe(self) -> dict[str, Any]:
        """Return what a person may see of the choice; see `Choice.describe`."""
        await _import_client()
        return self._choice.describe()

    async def use(self, url: str, token: str) -> Info:
        """Use another master from now on, if it is one and takes the token; return what it says.

        Raises
        ------
        perijove.errors.PerijoveError
            It cannot be used; nothing has changed.
        """
        await _import_client()
        connection = self._choice.propose(url, token)
        info = await self._ask(connection)
        self._choice.keep(connection)
        await self._begin_again()
        return info

    async def forget(self) -> None:
        """Forget what the person said."""
        await _import_client()
        self._choice.forget()
        await self._begin_again()

    async def aclose(self) -> None:
        """Close the connections, if there are any."""
        client, self._client = self._client, None
        exchange, self._exchange = self._exchange, None
        self._connection = None
        if client is not None:
            await client.aclose()
        if exchange is not None:
            await exchange.aclose()

    async def _connected(self) -> Connection:
        if self._connection is None:
            await _import_client()
            self._connection = self._choice.find()
        return self._connection

    async def _ask(self, connection: Connection) -> Info:
        from perijove_server.check import ask_info  # noqa: PLC0415

        return await ask_info(connection.settings, self._carrier())

    async def _begin_again(self) -> None:
        for tell in [*self.changed]:
            tell()
        await self.aclose()

    def _carrier(self) -> httpx.AsyncBaseTransport | None:
        """Return what carries requests; None for the network, by the proxy that the environment names."""
        return self._transport() if self._transport is not None else None


async def _import_client() -> None:
    """Import what is slow to import in a thread: on the event loop it would hold up every kernel of this server."""
    await COMPUTING.run(import_module, "perijove_server.exchange")
