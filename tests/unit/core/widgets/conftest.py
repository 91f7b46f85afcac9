"""An execution whose events a test lays down, behind the clients' transport."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable, Iterator
from datetime import datetime, timezone
from typing import Any

import httpx
import pytest

from perijove.client import AsyncClient, Client, RemoteExecution
from perijove.model.ids import new_id
from perijove.model.resources import Execution
from perijove.model.spec import Notebook, Spec
from perijove.model.status import Status

URL = "https://hub.example.org/services/perijove/"
NOW = datetime(2026, 11, 20, tzinfo=timezone.utc)
GROUP = {
    "name": "local", "description": "for tests", "runtime": "process", "image": None, "provider": "process",
    "min_workers": 0, "max_workers": 1, "grace_period": 1, "capacity": {}, "workers": 1, "idle": 1, "waiting": 0,
    "running": 0,
}  # fmt: skip


class Service:
    """One execution and its events; `hold` keeps its stream open after them."""

    def __init__(self) -> None:
        self.id = new_id("ex")
        self.messages: list[bytes] = []
        self.hold = False
        self.stopped = 0
        self.created: list[dict[str, Any]] = []

    def execution(self, status: Status = Status.STARTED, **changes: Any) -> Execution:
        fields = {name: None for name, field in Execution.model_fields.items() if field.is_required()}
        fields |= {"id": self.id, "number": 12, "project": new_id("pr"), "project_name": "ann", "owner": "ann"}
        fields |= {"status": status, "detail": "", "sentence": "It goes <on>.", "hint": "", "attempt": 1}
        fields |= {"metadata": {}, "metadata_truncated": False, "waits_for": "", "left_out": 0}
        fields |= {"spec": Spec(group="local", notebook=Notebook(path="a.ipynb")), "created_at": NOW}
        return Execution(**{**fields, "url": f"{URL}executions/12", **changes})

    def body(self, status: Status = Status.STARTED) -> dict[str, Any]:
        made = self.execution(status)
        return {**made.model_dump(mode="json"), "spec": made.spec.as_json()}

    def tell(self, kind: str, attempt: int = 1, **fields: Any) -> None:
        """Lay down a record."""
        n = len(self.messages) + 1
        data = {"n": n, "t": 0.0, "kind": kind, **fields}
        self.messages.append(f"event: record\nid: {attempt}-{n}\ndata: {json.dumps(data)}\n\n".encode())

    def end(self, status: Status = Status.COMPLETE) -> None:
        """Lay down the end."""
        self.messages.append(f"event: execution\ndata: {json.dumps(self.body(status))}\n\n".encode())
        self.messages.append(b"event: end\ndata: {}\n\n")

    def answer(self, request: httpx.Request) -> httpx.Response:
        """Answer one request."""
        place = request.url.path.removeprefix("/services/perijove/api/v1/")
        if place.endswith("/events"):
            return httpx.Response(200, stream=_Stream(self))
        if place.endswith("/stop"):
            self.stopped += 1
            return httpx.Response(200, json=self.body(Status.STOPPING))
        if place == "executions":
            self.created.append(json.loads(request.content))
            return httpx.Response(201, json=self.body(Status.CREATED))
        group = {"items": [GROUP], "next": None} if place == "groups" else GROUP
        info = {
            "version": "1",
            "user": "ann",
            "admin": False,
            "scopes": [],
            "snapshot_limit": 9**9,
            "notebook_limit": 9,
        }
        code = {"id": "~" + 64 * "0", "project": "p", "size": 1, "created_by": "ann", "created_at": NOW.isoformat()}
        return httpx.Response(200, json=info if place == "info" else group if "group" in place else code)


class _Stream(httpx.AsyncByteStream):
    def __init__(self, service: Service) -> None:
        self._service = service

    async def __aiter__(self) -> AsyncIterator[bytes]:
        for message in self._service.messages:
            yield message
        if self._service.hold:
            await asyncio.Event().wait()


@pytest.fixture
def service() -> Service:
    return Service()


@pytest.fixture
def client(service: Service) -> Iterator[Client]:
    with Client(URL, "t0k", transport=httpx.MockTransport(service.answer), sleep=lambda _seconds: None) as client:
        yield client


@pytest.fixture
def connect(service: Service) -> Callable[[], AsyncClient]:
    return lambda: AsyncClient(URL, "t0k", transport=httpx.MockTransport(service.answer))


@pytest.fixture
def remote(service: Service, client: Client) -> RemoteExecution:
    return RemoteExecution(client, service.execution(Status.CREATED))
