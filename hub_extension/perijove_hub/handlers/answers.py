"""How each kind of result goes onto the wire."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import suppress
from typing import TYPE_CHECKING

from pydantic import BaseModel
from tornado.http1connection import HTTP1Connection
from tornado.iostream import StreamClosedError

from perijove.model.resources import Page
from perijove_hub.route import Redirect, Result, Route, Stream, Text

if TYPE_CHECKING:
    from perijove_hub.handlers.resource import ResourceHandler


async def answer(handler: ResourceHandler, route: Route, result: Result) -> None:
    """Write `result`; a list becomes a page that has no next one."""
    handler.set_status(route.status)
    if isinstance(result, list):
        result = Page(items=result)
    if isinstance(result, BaseModel):
        handler.set_header("Content-Type", "application/json")
        handler.write(result.model_dump_json(by_alias=True))
    elif isinstance(result, Text):
        handler.set_status(result.status)
        _describe(handler, result)
        handler.write(result.body)
    elif isinstance(result, Redirect):
        handler.redirect(result.url)
    elif isinstance(result, Stream):
        await _pour_out(handler, result)
    else:
        handler.set_status(204)
        handler.clear_header("Content-Type")


def _describe(handler: ResourceHandler, result: Text | Stream) -> None:
    handler.set_header("Content-Type", result.media_type)
    for name, value in result.headers.items():
        handler.set_header(name, value)


async def _pour_out(handler: ResourceHandler, stream: Stream) -> None:
    """Send a stream as it comes, at the pace the client reads.

    The first piece is waited for before anything is sent, so that what is wrong from the start is still an error
    answer. The task is one of its own: when the client leaves, the handler cancels it and not itself.
    """
    first = await anext(stream.chunks, None)
    # Small pieces go out at once: with Nagle's algorithm each waits for the last one's acknowledgement, up to 40 ms.
    if isinstance(handler.request.connection, HTTP1Connection):
        handler.request.connection.stream.set_nodelay(True)
    handler.set_status(stream.status)
    _describe(handler, stream)
    handler.pouring = asyncio.ensure_future(_pour(handler, first, stream.chunks))
    with suppress(asyncio.CancelledError, StreamClosedError):
        await handler.pouring


async def _pour(handler: ResourceHandler, first: bytes | None, chunks: AsyncIterator[bytes]) -> None:
    try:
        if first is not None and handler.request.method != "HEAD":
            handler.write(first)
            await handler.flush()
            async for chunk in chunks:
                handler.write(chunk)
                await handler.flush()
    finally:
        close = getattr(chunks, "aclose", None)
        if close is not None:
            await close()
