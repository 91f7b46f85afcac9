"""A real agent on the in-memory queue, and a master small enough to read: it signs URLs and remembers events."""

from __future__ import annotations

import asyncio
import dataclasses
import json
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager, nullcontext
from pathlib import Path
from typing import Any

import nbformat
import pytest
import zstandard
from nbformat.v4 import new_code_cell, new_notebook
from tornado.httpserver import HTTPServer
from tornado.testing import bind_unused_port
from tornado.web import Application, HTTPError, RequestHandler, stream_request_body

from perijove.errors import NotFound
from perijove.model.control import Signed, SignedObject, Trimmed
from perijove.model.events import Event, Finished, ObjectRequest, Segmented, SignRequest, Verb
from perijove.model.ids import new_id
from perijove.model.records import RECORD, Record
from perijove.model.spec import Resources, Spec
from perijove.model.tickets import Ticket
from perijove_agent.agent import Agent
from perijove_agent.assembly import assembled, http_client
from perijove_agent.settings import Settings
from perijove_scheduler.files.local import LocalFiles
from perijove_scheduler.files.protocol import attempt_prefix, code_key, log_key, notebook_key, payload_key, segment_key
from perijove_scheduler.queue.memory import MemoryQueue, MemoryTail

GROUP = "local"


@stream_request_body
class _FileHandler(RequestHandler):
    """Serves and takes what a signed URL names."""

    def initialize(self, files: LocalFiles, refused: set[str]) -> None:
        self.files = files
        self.refused = refused
        self.body: asyncio.Queue[bytes | None] = asyncio.Queue(4)

    def prepare(self) -> None:
        key = self.path_args[0]
        query = {name: self.get_query_argument(name) for name in self.request.query_arguments}
        self.grant = self.files.verify(self.request.method or "", key, query)
        if key.rpartition("/")[2] in self.refused:
            raise HTTPError(413)
        if self.request.method == "PUT":
            self.stored = asyncio.create_task(self.files.put(key, self._chunks()))

    async def data_received(self, chunk: bytes) -> None:
        await self.body.put(chunk)

    async def put(self, key: str) -> None:
        await self.body.put(None)
        await self.stored

    async def get(self, key: str) -> None:
        for name, value in self.grant.headers().items():
            self.set_header(name, value)
        try:
            async for chunk in self.files.get(key):
                self.write(chunk)
        except NotFound:
            self.set_status(404)
            self.set_header("Content-Type", "application/json")

    async def _chunks(self) -> AsyncIterator[bytes]:
        while chunk := await self.body.get():
            yield chunk


class Master:
    """Answers what agents ask, and remembers their events.

    Attributes
    ----------
    data : dict
        Datum id → key of its object.
    refused : set of str
        Names of objects that the store does not take.
    """

    def __init__(self, queue: MemoryQueue, files: LocalFiles, refused: set[str]) -> None:
        self.queue = queue
        self.files = files
        self.events: list[Event] = []
        self.data: dict[str, str] = {}
        self.refused = refused
        self._changed = asyncio.Condition()

    async def run(self) -> None:
        while True:
            if not self.queue.reachable:
                await self.queue.signal.wait(1)
                continue
            for delivery in await self.queue.read_events([GROUP], "master", 60, 1000):
                assert delivery.event is not None
                if isinstance(delivery.event, SignRequest):
                    await self._sign(delivery.event)
                if isinstance(delivery.event, Segmented):
                    await self._take_over(delivery.event)
                await self.queue.acknowledge([delivery])
                async with self._changed:
                    self.events.append(delivery.event)
                    self._changed.notify_all()

    async def event(self, kind: type[Any], execution: str | None = None) -> Any:
        """Wait for an event of a kind."""

        def found() -> list[Event]:
            mine = [e for e in self.events if execution is None or getattr(e, "execution", "") == execution]
            return [e for e in mine if isinstance(e, kind)]

        async with self._changed:
            await asyncio.wait_for(self._changed.wait_for(lambda: bool(found())), 150)
        return found()[-1]

    async def run_ticket(self, ticket: Ticket) -> tuple[Finished, list[Record]]:
        """Offer a ticket; return how it finished, and its records."""
        await self.queue.offer(ticket)
        finished: Finished = await self.event(Finished, ticket.execution)
        return finished, await self.records(ticket)

    async def records(self, ticket: Ticket) -> list[Record]:
        """Return the records that arrived so far, which must be numbered without a gap."""
        lines = await self._lines(ticket.execution, ticket.attempt)
        assert [n for n, _ in lines] == list(range(1, len(lines) + 1))
        records = [RECORD.validate_json(line) for _, line in lines]
        assert [record.n for record in records] == list(range(1, len(lines) + 1))
        return records

    async def record(self, ticket: Ticket, wanted: Callable[[Record], bool]) -> Record:
        """Wait for a record."""

        async def look() -> Record:
            async for batch in MemoryTail(self.queue).follow(GROUP, ticket.execution, ticket.attempt, 0):
                for _, line in batch:
                    if wanted(record := RECORD.validate_json(line)):
                        return record
            raise AssertionError("the records ended")

        return await asyncio.wait_for(look(), 60)

    async def read(self, key: str) -> bytes:
        """Return an object."""
        return b"".join([chunk async for chunk in self.files.get(key)])

    async def output(self, ticket: Ticket, name: str) -> bytes:
        """Return an output's bytes."""
        return await self.read(attempt_prefix(ticket.execution, ticket.attempt) + name)

    async def _lines(self, execution: str, attempt: int) -> list[tuple[int, bytes]]:
        """Return an attempt's records: the older ones lie in the object store, and have left the queue."""
        lines: list[tuple[int, bytes]] = []
        for segment in [e for e in self.events if isinstance(e, Segmented) and e.execution == execution]:
            data = await self.read(segment_key(execution, attempt, segment.first, segment.last))
            older = zstandard.ZstdDecompressor().decompressobj().decompress(data).splitlines()
            lines += enumerate(older, segment.first)
        return lines + await self.queue.records(GROUP, execution, attempt, len(lines), 10**9)

    async def _take_over(self, segment: Segmented) -> None:
        attempt = (GROUP, segment.execution, segment.attempt)
        await self.queue.trim_records([(attempt, segment.last)])
        trimmed = Trimmed(execution=segment.execution, attempt=segment.attempt, last=segment.last)
        await self.queue.tell(GROUP, segment.worker, trimmed)

    async def _sign(self, request: SignRequest) -> None:
        objects = [self._signed(request, item) for item in request.objects]
        await self.queue.tell(GROUP, request.worker, Signed(request=request.request, objects=objects))

    def _signed(self, request: SignRequest, item: ObjectRequest) -> SignedObject:
        prefix = (request.execution, request.attempt)
        places = {
            "code": lambda: (Verb.GET, code_key(item.name)),
            "notebook": lambda: (Verb.GET, notebook_key(item.name)),
            "datum": lambda: (Verb.GET, self.data[item.name]),
            "output": lambda: (Verb.PUT, attempt_prefix(*prefix) + item.name),
            "log": lambda: (Verb.PUT, log_key(*prefix)),
            "segment": lambda: (Verb.PUT, segment_key(*prefix, *map(int, item.name.split("-")))),
            "payload": lambda: (Verb.PUT, payload_key(*prefix, item.name)),
        }
        try:
            verb, key = places[item.what]()
        except KeyError:
            return SignedObject(what=item.what, name=item.name, error="There is no such datum.")
        url = self.files.sign(verb, key, 600, key.rpartition("/")[2])
        return SignedObject(what=item.what, name=item.name, url=url)


@pytest.fixture
def queue() -> MemoryQueue:
    return MemoryQueue()


@pytest.fixture
async def master(queue: MemoryQueue, tmp_path: Path) -> AsyncIterator[Master]:
    socket, port = bind_unused_port()
    files = LocalFiles(tmp_path / "files", b"k" * 32, f"http://127.0.0.1:{port}/")
    refused: set[str] = set()
    handler = ("/files/(.*)", _FileHandler, {"files": files, "refused": refused})
    server = HTTPServer(Application([handler]), max_body_size=1 << 40)
    server.add_socket(socket)
    master = Master(queue, files, refused)
    running = asyncio.create_task(master.run())
    yield master
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)
    server.stop()
    await server.close_all_connections()


class Workers:
    """Starts agents; ends those that still run when the test does."""

    def __init__(self, queue: MemoryQueue, folder: Path) -> None:
        self._queue = queue
        self.settings = Settings(
            url="http://127.0.0.1:9/",
            group=GROUP,
            token="secret",
            data_dir=folder,
            capacity=Resources(cpus=2, memory=1 << 40),
            grace=2,
        )

    @asynccontextmanager
    async def agent(
        self, warm: int = 0, failing: type[Exception] | None = None, **changes: Any
    ) -> AsyncIterator[Agent]:
        """Run an agent; leaving the context makes it leave as SIGTERM does, unless it is to end by a fault."""
        settings = dataclasses.replace(self.settings, **changes)
        worker = new_id("wk")
        async with AsyncExitStack() as stack:
            http = await stack.enter_async_context(http_client())
            wire = self._queue.agent(GROUP, worker)
            agent = await stack.enter_async_context(assembled(settings, worker, wire, http, warm, renew_every=0.05))
            running = asyncio.create_task(agent.run())
            try:
                yield agent
            finally:
                agent.leave()
                with pytest.raises(failing) if failing else nullcontext():
                    await asyncio.wait_for(running, 60)


@pytest.fixture
def workers(queue: MemoryQueue, tmp_path: Path) -> Workers:
    return Workers(queue, tmp_path / "agent")


@pytest.fixture
async def agent(workers: Workers, master: Master) -> AsyncIterator[Agent]:
    async with workers.agent() as agent:
        yield agent


def ticket(spec: dict[str, Any], notebook: dict[str, Any] | None = None) -> Ticket:
    return Ticket(
        execution=new_id("ex"), attempt=1, project="demo", number=7, owner="ada",
        spec=Spec.model_validate({"group": GROUP, **spec}), notebook=notebook,
    )  # fmt: skip


@pytest.fixture
def command() -> Callable[..., Ticket]:
    """Make the ticket of commands."""
    return lambda *lines, **spec: ticket({"command": list(lines), **spec})


@pytest.fixture
def notebook() -> Callable[..., Ticket]:
    """Make the ticket of a notebook with these cells; their ids are ``c1``, ``c2``, …"""

    def make(*sources: str, kernel: str | None = None, tags: dict[int, list[str]] | None = None, **spec: Any) -> Ticket:
        cells = [
            new_code_cell(source, id=f"c{n}", metadata={"tags": (tags or {}).get(n, [])})
            for n, source in enumerate(sources, 1)
        ]
        document = json.loads(nbformat.writes(new_notebook(cells=cells)))
        return ticket({"notebook": {"path": "work/book.ipynb", "kernel": kernel}, **spec}, document)

    return make


@pytest.fixture
def python() -> str:
    return sys.executable
