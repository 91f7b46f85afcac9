"""A Jupyter server with the extension, in this test's event loop, and a master that says what the test wants."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

import httpx
import pytest
from jupyter_server.serverapp import ServerApp
from jupyter_servers import *  # noqa: F403 - fixtures
from masters import TOKEN, URL, Service, Visitor, group, info
from nbformat.v4 import new_code_cell, new_notebook
from tornado.httpclient import HTTPResponse

from perijove.model.fleet import Group
from perijove.model.ids import new_id
from perijove.model.resources import Execution, Page
from perijove.model.spec import Notebook, Spec
from perijove.model.status import Status
from perijove_server.app import PerijoveServer
from perijove_server.connection import Choice
from perijove_server.master import Master
from perijove_server.stored import Credentials, CredentialsFile


@pytest.fixture
def service() -> Service:
    """A master that knows itself and one worker group."""
    service = Service()
    service.json("GET", "info", info().model_dump(mode="json"))
    service.json("GET", "groups", Page[Group](items=[group()]).model_dump(mode="json"))
    service.json("GET", "groups/local", group().model_dump(mode="json"))
    return service


@pytest.fixture
def execution() -> Callable[..., dict[str, Any]]:
    """Makes an execution as the master writes it."""

    def make(status: str = "created", **changes: Any) -> dict[str, Any]:
        fields = {name: None for name, field in Execution.model_fields.items() if field.is_required()}
        now = datetime(2026, 11, 20, tzinfo=timezone.utc)
        fields |= {"id": new_id("ex"), "number": 12, "project": new_id("pr"), "project_name": "ann", "owner": "ann"}
        fields |= {"status": Status(status), "detail": "", "sentence": "It waits.", "hint": "", "attempt": 1}
        fields |= {"metadata": {}, "metadata_truncated": False, "waits_for": "", "left_out": 0}
        fields |= {"spec": Spec(group="local", notebook=Notebook(path="a.ipynb")), "created_at": now}
        made = Execution(**{**fields, "url": f"{URL}executions/12", **changes})
        return {**made.model_dump(mode="json"), "spec": made.spec.as_json()}

    return make


@pytest.fixture
def server_extension(jp_serverapp: ServerApp) -> PerijoveServer:
    """The extension as the server loaded it."""
    (app,) = jp_serverapp.extension_manager.extension_apps["perijove_server"]
    assert isinstance(app, PerijoveServer)
    return app


@pytest.fixture
def credentials(tmp_path: Path) -> CredentialsFile:
    """Where a person's settings are kept."""
    return CredentialsFile(tmp_path / "jupyter" / "perijove.json")


@pytest.fixture
def connect(server_extension: PerijoveServer, service: Service, credentials: CredentialsFile) -> Callable[..., Master]:
    """Lets the server speak to `service`, as it is configured."""

    def use(url: str = URL, token: str = TOKEN, environment: dict[str, str] | None = None) -> Master:
        choice = Choice(Credentials(url, token), credentials, environment or {})
        master = Master(choice, lambda: httpx.MockTransport(service))
        server_extension.master = server_extension.serverapp.web_app.settings["perijove_master"] = master
        return master

    return use


@pytest.fixture
def master(connect: Callable[..., Master]) -> Master:
    """The configured way to `service`."""
    return connect()


Ask = Callable[..., Awaitable[HTTPResponse]]


@pytest.fixture
def ask(jp_fetch: Any, master: Master) -> Ask:
    """Asks the extension for something; whatever it answers is returned."""

    async def fetch(method: str, path: str, body: Any = None, **options: Any) -> HTTPResponse:
        text = body if isinstance(body, str | bytes) or body is None else json.dumps(body)
        if text is None and method in {"POST", "PUT"}:
            text = ""
        reply = await jp_fetch(
            "perijove",
            "api",
            path,
            method=method,
            body=text,
            raise_error=False,
            allow_nonstandard_methods=True,
            **options,
        )
        assert isinstance(reply, HTTPResponse)
        return reply

    return fetch


@pytest.fixture
async def cookie(ask: Ask) -> str:
    """What a browser sends once its person has signed in."""
    reply = await ask("GET", "settings")
    return "; ".join(line.partition(";")[0] for line in reply.headers.get_list("Set-Cookie"))


@pytest.fixture
async def page(jp_ws_fetch: Any, master: Master) -> AsyncIterator[Visitor]:
    """An open feed."""
    socket = await jp_ws_fetch("perijove", "api", "feed")
    yield Visitor(socket)
    socket.close()


@pytest.fixture
def message() -> Callable[..., bytes]:
    """Makes a server-sent event as the master writes it."""

    def make(event: str, data: Any, place: str = "") -> bytes:
        head = f"event: {event}\n" + (f"id: {place}\n" if place else "")
        return f"{head}data: {json.dumps(data)}\n\n".encode()

    return make


@pytest.fixture
def line(message: Callable[..., bytes]) -> Callable[..., bytes]:
    """Makes the event of a log record."""

    def make(n: int, text: str = "", attempt: int = 1) -> bytes:
        record = {"n": n, "t": 0.0, "kind": "log", "stream": "stdout", "text": text or f"line {n}\n"}
        return message("record", record, f"{attempt}-{n}")

    return make


@pytest.fixture
def document(jp_root_dir: Path) -> Callable[..., dict[str, Any]]:
    """Makes what a page sends of a notebook that lies in the folder ``work``."""

    def make(*sources: str, path: str = "work/train.ipynb", **fields: Any) -> dict[str, Any]:
        (jp_root_dir / "work").mkdir(exist_ok=True)
        cells = [new_code_cell(source, id=f"cell-{n}") for n, source in enumerate(sources or ("1 + 1",), 1)]
        return {"path": path, "content": new_notebook(cells=cells), **fields}

    return make
