"""What performs the steps of a flow: one blocking driver, one for an event loop."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Iterator
from contextlib import aclosing, closing
from typing import Any, TypeVar

import httpx

from perijove.aio.executors import COMPUTING
from perijove.client.conversation import Conversation, achunks, arguments, chunks
from perijove.client.flow import Emit, Flow, Open, Read, Request, Send, Sleep, Step, Stream, Work
from perijove.client.settings import Settings

T = TypeVar("T")


class _Exchange:
    """The blocking performance of one flow's steps; holds the response opened last."""

    def __init__(self, driver: SyncDriver) -> None:
        self._driver = driver
        self._response: httpx.Response | None = None
        self._body: Iterator[bytes] = iter(())

    def outcome(self, step: Step | Emit[Any]) -> tuple[Any, Exception | None]:
        """Perform a step; return its answer or what it raised."""
        try:
            return self._perform(step), None
        except Exception as error:  # noqa: BLE001 - the flow is what decides about it
            return None, error

    def _perform(self, step: Step | Emit[Any]) -> Any:
        match step:
            case Send(request):
                return self._driver.send(request, stream=False)
            case Open(request):
                return self._open(request)
            case Read():
                return next(self._body, b"")
            case Sleep(seconds):
                return self._driver.sleep(seconds)
            case Work(call):
                return call()
        raise TypeError(f"{step!r} is not a step of this flow")

    def _open(self, request: Request) -> httpx.Response:
        self.close()
        self._response = self._driver.send(request, stream=True)
        self._body = self._response.iter_bytes()
        return self._response

    def close(self) -> None:
        """Close the response opened last."""
        if self._response is not None:
            self._response.close()


class SyncDriver:
    """Performs flows in the calling thread.

    Parameters
    ----------
    settings : Settings
        Which service, as whom.
    transport : httpx.BaseTransport, optional
        What carries the requests instead of the network.
    sleep : callable
        What waits.
    """

    def __init__(
        self,
        settings: Settings,
        transport: httpx.BaseTransport | None = None,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._settings = settings
        self.sleep = sleep
        self._http = httpx.Client(transport=transport, timeout=settings.timeout)

    def send(self, request: Request, *, stream: bool) -> httpx.Response:
        """Send one request."""
        fields = arguments(self._settings, request)
        if request.file:
            fields["content"] = chunks(request.file)
        return self._http.send(self._http.build_request(**fields), stream=stream)

    def run(self, flow: Flow[T]) -> T:
        """Perform a flow and return its result."""
        talk = Conversation(flow)
        with closing(talk), closing(_Exchange(self)) as exchange:
            step = talk.resume()
            while step is not None:
                step = talk.resume(*exchange.outcome(step))
        value: T = talk.value
        return value

    def iterate(self, stream: Stream[T]) -> Iterator[T]:
        """Perform a stream and yield its items."""
        talk = Conversation(stream)
        with closing(talk), closing(_Exchange(self)) as exchange:
            step = talk.resume()
            while step is not None:
                if isinstance(step, Emit):
                    yield step.item
                    step = talk.resume()
                else:
                    step = talk.resume(*exchange.outcome(step))

    def close(self) -> None:
        """Close the connections."""
        self._http.close()


class _AsyncExchange:
    """The performance of one flow's steps on an event loop; holds the response opened last."""

    def __init__(self, driver: AsyncDriver) -> None:
        self._driver = driver
        self._response: httpx.Response | None = None
        self._body: AsyncIterator[bytes] | None = None

    async def outcome(self, step: Step | Emit[Any]) -> tuple[Any, Exception | None]:
        """Perform a step; return its answer or what it raised."""
        try:
            return await self._perform(step), None
        except Exception as error:  # noqa: BLE001 - the flow is what decides about it
            return None, error

    async def _perform(self, step: Step | Emit[Any]) -> Any:
        match step:
            case Send(request):
                return await self._driver.send(request, stream=False)
            case Open(request):
                return await self._open(request)
            case Read():
                return await anext(self._body, b"") if self._body is not None else b""
            case Sleep(seconds):
                return await self._driver.sleep(seconds)
            case Work(call):
                return await COMPUTING.run(call)
        raise TypeError(f"{step!r} is not a step of this flow")

    async def _open(self, request: Request) -> httpx.Response:
        await self.aclose()
        self._response = await self._driver.send(request, stream=True)
        self._body = self._response.aiter_bytes()
        return self._response

    async def aclose(self) -> None:
        """Close the response opened last."""
        if self._response is not None:
            await self._response.aclose()


class AsyncDriver:
    """Performs flows on the running event loop; the parameters are `SyncDriver`'s, and the most connections."""

    def __init__(
        self,
        settings: Settings,
        transport: httpx.AsyncBaseTransport | None = None,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
        connections: int | None = 100,
    ) -> None:
        self._settings = settings
        self.sleep = sleep
        limits = httpx.Limits(max_connections=connections, max_keepalive_connections=20)
        self._http = httpx.AsyncClient(transport=transport, timeout=settings.timeout, limits=limits)

    async def send(self, request: Request, *, stream: bool) -> httpx.Response:
        """Send one request."""
        fields = arguments(self._settings, request)
        if request.file:
            fields["content"] = achunks(request.file)
        return await self._http.send(self._http.build_request(**fields), stream=stream)

    async def run(self, flow: Flow[T]) -> T:
        """Perform a flow and return its result."""
        talk = Conversation(flow)
        with closing(talk):
            async with aclosing(_AsyncExchange(self)) as exchange:
                step = talk.resume()
                while step is not None:
                    step = talk.resume(*await exchange.outcome(step))
        value: T = talk.value
        return value

    async def iterate(self, stream: Stream[T]) -> AsyncGenerator[T, None]:
        """Perform a stream and yield its items."""
        talk = Conversation(stream)
        with closing(talk):
            async with aclosing(_AsyncExchange(self)) as exchange:
                step = talk.resume()
                while step is not None:
                    if isinstance(step, Emit):
                        yield step.item
                        step = talk.resume()
                    else:
                        step = talk.resume(*await exchange.outcome(step))

    async def aclose(self) -> None:
        """Close the connections."""
        await self._http.aclose()
