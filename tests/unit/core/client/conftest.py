from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable, Iterator
from datetime import datetime, timezone
from typing import Any

import httpx
import pytest

from perijove.client import AsyncClient, Client
from perijove.model.ids import new_id
from perijove.model.resources import Execution
from perijove.model.spec import Notebook, Spec
from perijove.model.status import Status

URL = "https://hub.example.org/services/perijove/"


class Pieces(httpx.SyncByteStream, httpx.AsyncByteStream):
    """A body that arrives in pieces; an exception among them breaks the connection there."""

    def __init__(self, *pieces: bytes | Exception) -> None:
        self._pieces = pieces

    def __iter__(self) -> Iterator[bytes]:
        for piece in self._pieces:
            if isinstance(piece, Exception):
                raise piece
            yield piece

    async def __aiter__(self) -> AsyncIterator[bytes]:
        for piece in self:
            yield piece


class Recorded:
    """What a service said, in order, and what it was asked."""

    def __init__(self) -> None:
        self.replies: list[httpx.Response | Exception] = []
        self.requests: list[httpx.Request] = []
        self.bodies: list[bytes] = []

    def reply(self, *replies: httpx.Response | Exception) -> Recorded:
        self.replies += replies
        return self

    def json(self, body: Any, status: int = 200) -> Recorded:
        return self.reply(httpx.Response(status, json=body))

    def error(self, status: int, code: str, message: str = "No.", hint: str = "Yes.") -> Recorded:
        return self.json({"error": {"code": code, "message": message, "hint": hint}}, status)

    def stream(self, *pieces: bytes | Exception) -> Recorded:
        return self.reply(httpx.Response(200, stream=Pieces(*pieces)))

    def _next(self, request: httpx.Request, body: bytes) -> httpx.Response:
        self.requests.append(request)
        self.bodies.append(body)
        answer = self.replies.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return answer

    def answer(self, request: httpx.Request) -> httpx.Response:
        return self._next(request, request.read())

    async def aanswer(self, request: httpx.Request) -> httpx.Response:
        return self._next(request, await request.aread())


class Talk:
    """Runs the same call through the blocking or the asynchronous client."""

    def __init__(self, service: Recorded, kind: str) -> None:
        self.service = service
        self.kind = kind
        self.slept: list[float] = []

    async def _asleep(self, seconds: float) -> None:
        self.slept.append(seconds)

    def do(self, call: Callable[[Any], Any]) -> Any:
        """Return what a method answers."""
        if self.kind == "blocking":
            with Client(
                URL, "t0k", transport=httpx.MockTransport(self.service.answer), sleep=self.slept.append
            ) as sync:
                return call(sync)

        async def run() -> Any:
            transport = httpx.MockTransport(self.service.aanswer)
            async with AsyncClient(URL, "t0k", transport=transport, sleep=self._asleep) as client:
                return await call(client)

        return asyncio.run(run())

    def collect(self, call: Callable[[Any], Any], into: list[Any] | None = None) -> list[Any]:
        """Return all items of a method that iterates."""
        items: list[Any] = [] if into is None else into
        if self.kind == "blocking":
            self.do(lambda client: items.extend(call(client)))
            return items

        async def gather(client: AsyncClient) -> None:
            async for item in call(client):
                items.append(item)  # noqa: PERF401 - what came before a failure must be there

        self.do(gather)
        return items


@pytest.fixture
def service() -> Recorded:
    return Recorded()


@pytest.fixture(params=["blocking", "asynchronous"])
def talk(request: pytest.FixtureRequest, service: Recorded) -> Talk:
    return Talk(service, request.param)


@pytest.fixture
def execution() -> Callable[..., dict[str, Any]]:
    """Makes an execution as the service writes it."""

    def make(status: str = "created", **changes: Any) -> dict[str, Any]:
        fields = {name: None for name, field in Execution.model_fields.items() if field.is_required()}
        now = datetime(2026, 11, 20, tzinfo=timezone.utc)
        fields |= {"id": new_id("ex"), "number": 12, "project": new_id("pr"), "project_name": "ann", "owner": "ann"}
        fields |= {"status": Status(status), "detail": "", "sentence": "It waits.", "hint": "", "attempt": 1}
        fields |= {"metadata": {}, "metadata_truncated": False, "waits_for": "", "left_out": 0}
        fields |= {"spec": Spec(group="local", notebook=Notebook(path="a.ipynb")), "created_at": now}
        fields |= {"url": f"{URL}executions/12"}
        made = Execution(**{**fields, **changes})
        return {**made.model_dump(mode="json"), "spec": made.spec.as_json()}

    return make


@pytest.fixture
def message() -> Callable[..., bytes]:
    """Makes a server-sent event as the service writes it."""

    def make(event: str, data: Any, place: str = "") -> bytes:
        head = f"event: {event}\n" + (f"id: {place}\n" if place else "")
        return f"{head}data: {json.dumps(data, ensure_ascii=False)}\n\n".encode()

    return make


@pytest.fixture
def log_line(message: Callable[..., bytes]) -> Callable[..., bytes]:
    """Makes the event of a log record."""

    def make(n: int, text: str = "", attempt: int = 1) -> bytes:
        record = {"n": n, "t": 0.0, "kind": "log", "stream": "stdout", "text": text or f"line {n}\n"}
        return message("record", record, f"{attempt}-{n}")

    return make
