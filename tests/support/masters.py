"""A master at the HTTP boundary, for tests of what speaks to it, and a page's end of the feed."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any

import httpx
from tornado.httpclient import HTTPResponse
from tornado.websocket import WebSocketClientConnection

from perijove.model.fleet import Group
from perijove.model.resources import Info
from perijove.model.spec import Resources

URL = "https://hub.example.org/services/perijove/"
TOKEN = "t0k3n-of-ann"
Answer = Callable[[httpx.Request], "httpx.Response | Awaitable[httpx.Response]"]


class Live(httpx.AsyncByteStream):
    """A body that a test writes while it is read; `closed` is set when the reader leaves."""

    def __init__(self) -> None:
        self._pieces: asyncio.Queue[bytes | Exception | None] = asyncio.Queue()
        self.opened = asyncio.Event()
        self.closed = asyncio.Event()
        self.read = 0

    def write(self, *pieces: bytes | Exception | None) -> Live:
        """Add pieces; None ends the body, an exception breaks it off."""
        for piece in pieces:
            self._pieces.put_nowait(piece)
        return self

    async def __aiter__(self) -> AsyncIterator[bytes]:
        self.opened.set()
        while (piece := await self._pieces.get()) is not None:
            if isinstance(piece, Exception):
                raise piece
            self.read += 1
            yield piece

    async def aclose(self) -> None:
        self.closed.set()


@dataclass
class Service:
    """The master, at the HTTP boundary: answers by method and path, and keeps what it was asked."""

    answers: dict[tuple[str, str], Answer] = field(default_factory=dict)
    requests: list[httpx.Request] = field(default_factory=list)
    #: Answers what has no answer of its own, if it does.
    rest: Callable[[httpx.Request], httpx.Response | None] = lambda _request: None

    def on(self, method: str, path: str, answer: httpx.Response | Answer) -> None:
        """Answer a path below ``api/v1/``, or an absolute URL."""
        url = path if path.startswith("http") else f"{URL}api/v1/{path}"
        self.answers[method, url] = answer if callable(answer) else lambda _request: answer

    def json(self, method: str, path: str, body: Any, status: int = 200) -> None:
        """Answer with JSON, every time."""
        self.on(method, path, lambda _request: httpx.Response(status, json=body))

    def error(self, method: str, path: str, status: int, code: str, message: str = "No.") -> None:
        """Answer as the master refuses."""
        self.json(method, path, {"error": {"code": code, "message": message, "hint": "Yes."}}, status)

    async def __call__(self, request: httpx.Request) -> httpx.Response:
        await request.aread()
        self.requests.append(request)
        answer = self.answers.get((request.method, str(request.url).partition("?")[0]))
        if answer is None and (reply := self.rest(request)) is not None:
            return _unread(reply)
        if answer is None:
            return httpx.Response(404, json={"error": {"code": "not_found", "message": "Nothing.", "hint": ""}})
        reply = answer(request)
        return _unread(reply if isinstance(reply, httpx.Response) else await reply)


class _Whole(httpx.AsyncByteStream):
    def __init__(self, content: bytes) -> None:
        self._content = content

    async def __aiter__(self) -> AsyncIterator[bytes]:
        if self._content:
            yield self._content


def _unread(reply: httpx.Response) -> httpx.Response:
    """Return an answer as it comes from a network: with its body still to be read."""
    if not reply.is_stream_consumed:
        return reply
    return httpx.Response(reply.status_code, headers=reply.headers.raw, stream=_Whole(reply.content))


def info(**changes: Any) -> Info:
    fields = {"version": "0.1.0", "user": "ann", "admin": False, "scopes": ["read", "submit"]}
    return Info(**{**fields, "snapshot_limit": 1 << 20, "notebook_limit": 1 << 20, **changes})


def group(**changes: Any) -> Group:
    fields: dict[str, Any] = {"name": "local", "description": "", "runtime": "process", "image": None}
    fields |= {"provider": "process", "min_workers": 0, "max_workers": 2, "grace_period": 60, "capacity": Resources()}
    return Group(**{**fields, "workers": 1, "idle": 1, "waiting": 0, "running": 0, **changes})


def told(reply: HTTPResponse) -> Any:
    """The JSON that was answered."""
    return json.loads(reply.body)


class Visitor:
    """A page's end of the feed."""

    def __init__(self, socket: WebSocketClientConnection) -> None:
        self.socket = socket

    async def say(self, message: Any) -> None:
        await self.socket.write_message(message if isinstance(message, str) else json.dumps(message))

    async def hear(self) -> dict[str, Any]:
        """The next message."""
        text = await asyncio.wait_for(self.socket.read_message(), 10)
        assert isinstance(text, str), "the socket was closed"
        heard: dict[str, Any] = json.loads(text)
        return heard

    async def left(self) -> None:
        """Wait until the server has closed the socket."""
        assert await asyncio.wait_for(self.socket.read_message(), 10) is None
