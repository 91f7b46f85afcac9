"""Methods from flows: one definition that a `Client` answers at once and an `AsyncClient` as an awaitable."""

from __future__ import annotations

import functools
from collections.abc import AsyncGenerator, Callable, Coroutine, Iterator
from typing import Any, Concatenate, Generic, ParamSpec, TypeVar, overload
from urllib.parse import quote

from typing_extensions import Self

from perijove.client.conversation import sendable
from perijove.client.drivers import AsyncDriver, SyncDriver
from perijove.client.flow import Emit, Flow, Request, Stream
from perijove.client.transfer import send
from perijove.errors import InvalidRequest
from perijove.model.base import Resource
from perijove.model.resources import Page
from perijove.safe_json import repaired_text

P = ParamSpec("P")
T = TypeVar("T")
R = TypeVar("R", bound=Resource)
Driver = TypeVar("Driver", bound=SyncDriver | AsyncDriver)


class Api(Generic[Driver]):
    """A part of the client's surface."""

    def __init__(self, driver: Driver) -> None:
        self._driver = driver


class endpoint(Generic[P, T]):  # noqa: N801 - it is used as a decorator
    """Make a method of an `Api` from a flow: its caller gets a T, or an awaitable of it."""

    def __init__(self, flow: Callable[Concatenate[Any, P], Flow[T]]) -> None:
        self.flow = flow
        functools.update_wrapper(self, flow)  # type: ignore[arg-type]  # for its name and documentation

    @overload
    def __get__(self, owner: None, kind: type[Any]) -> Self: ...
    @overload
    def __get__(self, owner: Api[SyncDriver], kind: type[Any]) -> Callable[P, T]: ...
    @overload
    def __get__(self, owner: Api[AsyncDriver], kind: type[Any]) -> Callable[P, Coroutine[Any, Any, T]]: ...
    def __get__(self, owner: Api[Any] | None, kind: type[Any]) -> Any:
        if owner is None:
            return self
        driver = owner._driver  # noqa: SLF001 - a descriptor is part of the class it serves

        @functools.wraps(self.flow)
        def call(*args: P.args, **kwargs: P.kwargs) -> Any:
            return driver.run(self.flow(owner, *args, **kwargs))

        return call


class stream(Generic[P, T]):  # noqa: N801 - it is used as a decorator
    """Make a method of an `Api` from a stream: its caller gets an iterator, or an async one."""

    def __init__(self, flow: Callable[Concatenate[Any, P], Stream[T]]) -> None:
        self.flow = flow
        functools.update_wrapper(self, flow)  # type: ignore[arg-type]  # for its name and documentation

    @overload
    def __get__(self, owner: None, kind: type[Any]) -> Self: ...
    @overload
    def __get__(self, owner: Api[SyncDriver], kind: type[Any]) -> Callable[P, Iterator[T]]: ...
    @overload
    def __get__(self, owner: Api[AsyncDriver], kind: type[Any]) -> Callable[P, AsyncGenerator[T, None]]: ...
    def __get__(self, owner: Api[Any] | None, kind: type[Any]) -> Any:
        if owner is None:
            return self
        driver = owner._driver  # noqa: SLF001 - a descriptor is part of the class it serves

        @functools.wraps(self.flow)
        def call(*args: P.args, **kwargs: P.kwargs) -> Any:
            return driver.iterate(self.flow(owner, *args, **kwargs))

        return call


def path(*parts: str) -> str:
    """Return a path below ``api/v1/`` with each part quoted, so that no name can leave its place.

    Raises
    ------
    perijove.errors.InvalidRequest
        A part is empty, or dots, which no quoting keeps from meaning a folder.
    """
    if strange := {"", ".", ".."}.intersection(parts):
        raise InvalidRequest(f"'{strange.pop()}' is no name or id.", "Give the name or the id of what you mean.")
    return "/".join(quote(sendable(f"'{repaired_text(part)}'", part), safe="") for part in parts)


def fetch(kind: type[R], request: Request) -> Flow[R]:
    """Send a request whose answer is one resource."""
    response = yield from send(request)
    return kind.model_validate_json(response.content)


def pages(kind: type[Page[R]], address: str, params: dict[str, Any], limit: int | None = None) -> Stream[R]:
    """Emit the items of a list, page after page, until `limit` of them."""
    left, cursor = limit, None
    while left is None or left > 0:
        size = {} if left is None else {"limit": min(left, 100)}
        page = yield from _page(kind, address, {**params, **size}, cursor)
        for item in page.items[:left]:
            yield Emit(item)
        left = None if left is None else left - len(page.items)
        cursor = page.next
        if cursor is None:
            return


def gathered(kind: type[Page[R]], address: str, params: dict[str, Any]) -> Flow[list[R]]:
    """Return all items of a list."""
    page = yield from _page(kind, address, params, None)
    items = [*page.items]
    while page.next is not None:
        page = yield from _page(kind, address, params, page.next)
        items += page.items
    return items


def _page(kind: type[Page[R]], address: str, params: dict[str, Any], cursor: str | None) -> Flow[Page[R]]:
    return fetch(kind, Request("GET", address, {**params, **({"cursor": cursor} if cursor else {})}))
