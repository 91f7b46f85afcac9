"""What both drivers need: a flow under way, and the HTTP request a `Request` stands for."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Generator
from contextlib import closing
from typing import Any, Generic, TypeVar

import httpx

from perijove.client.flow import Emit, FileBody, Flow, Request, Step, Stream
from perijove.client.settings import Settings

T = TypeVar("T")
_CHUNK = 256 * 1024


class Conversation(Generic[T]):
    """A flow under way; `value` is its result once `resume` returned None."""

    value: Any = None

    def __init__(self, flow: Flow[T] | Stream[T]) -> None:
        self._flow = flow

    def resume(self, answer: Any = None, error: Exception | None = None) -> Step | Emit[T] | None:
        """Go on to the next step with the last one's outcome."""
        try:
            return self._flow.send(answer) if error is None else self._flow.throw(error)
        except StopIteration as stop:
            self.value = stop.value
            return None

    def close(self) -> None:
        """End the flow; its ``finally`` blocks run."""
        self._flow.close()


def arguments(settings: Settings, request: Request) -> dict[str, Any]:
    """Return what `httpx.Client.build_request` takes, the body apart."""
    headers = dict(request.headers)
    if not request.signed:
        headers["Authorization"] = f"token {settings.token}"
    if request.file:
        headers["Content-Length"] = str(request.file.size)
    fields: dict[str, Any] = {
        "method": request.method,
        "url": request.path if request.signed else f"{settings.api}{request.path}",
        "params": dict(request.params) or None,
        "headers": headers,
    }
    if request.json is not None:
        fields["json"] = request.json
    if request.read_timeout is not None:
        fields["timeout"] = httpx.Timeout(settings.timeout, read=request.read_timeout)
    return fields


def chunks(body: FileBody) -> Generator[bytes, None, None]:
    """Read a file body in pieces, reporting what has gone."""
    sent = 0
    with body.path.open("rb") as file:
        while chunk := file.read(_CHUNK):
            yield chunk
            sent += len(chunk)
            body.sent(sent)


async def achunks(body: FileBody) -> AsyncIterator[bytes]:
    """Read a file body in pieces, off the event loop."""
    with closing(chunks(body)) as pieces:
        while chunk := await asyncio.to_thread(next, pieces, b""):
            yield chunk
