"""A real Jupyter server with the extension, configured for a user of the real platform."""

from __future__ import annotations

import json
import shutil
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest
from jupyter_servers import *  # noqa: F403 - fixtures
from masters import Visitor
from tornado.httpclient import HTTPResponse

from perijove.client.client import Client

Ask = Callable[..., Awaitable[HTTPResponse]]


@pytest.fixture
def token(alice: Client) -> str:
    """What the server shows the platform; a test may show something else."""
    return alice.settings.token


@pytest.fixture
def extension_config(alice: Client, token: str) -> dict[str, Any]:
    return {"url": alice.settings.url, "token": token}


@pytest.fixture
def ask(jp_fetch: Any) -> Ask:
    """Asks the extension for something; whatever it answers is returned."""

    async def fetch(method: str, path: str, body: Any = None, **options: Any) -> HTTPResponse:
        text = json.dumps(body) if method in {"POST", "PUT"} else None
        options = {"raise_error": False, "request_timeout": 60, **options}
        reply = await jp_fetch("perijove", "api", path, method=method, body=text, **options)
        assert isinstance(reply, HTTPResponse)
        return reply

    return fetch


@pytest.fixture
async def page(jp_ws_fetch: Any) -> AsyncIterator[Visitor]:
    """An open feed."""
    socket = await jp_ws_fetch("perijove", "api", "feed")
    yield Visitor(socket)
    socket.close()


@pytest.fixture
def digits(jp_root_dir: Path, root: Path) -> dict[str, Any]:
    """The example notebook, as an editor holds it, in the server's folder ``examples``."""
    folder = jp_root_dir / "examples"
    folder.mkdir()
    file = Path(shutil.copy(root / "examples" / "digits.ipynb", folder))
    return {"path": "examples/digits.ipynb", "content": json.loads(file.read_text())}
