"""A signed URL is for one method, one object, one attempt, and a while."""

from __future__ import annotations

import hashlib
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import parse_qs, urlencode, urlsplit, urlunsplit

import httpx
import pytest
from jupyterhub.services.auth import HubOAuth
from tornado.netutil import bind_sockets

from perijove.model.events import Verb
from perijove_hub.hub import Hub
from perijove_hub.identity import Identity
from perijove_hub.web import make_application, make_server
from perijove_scheduler.files.protocol import Upload, attempt_prefix, log_key
from perijove_scheduler.platform import Platform

_MINE = f"{attempt_prefix('ex-1', 1)}out.txt"
_REACHES = {
    "the next attempt's": f"{attempt_prefix('ex-1', 2)}out.txt",
    "another execution's": f"{attempt_prefix('ex-2', 1)}out.txt",
    "another name": f"{attempt_prefix('ex-1', 1)}other.txt",
    "the same folder": attempt_prefix("ex-1", 1),
    "a name below it": f"{_MINE}/more",
    "the log": log_key("ex-1", 1),
    "a way around": f"{attempt_prefix('ex-1', 1)}x/%2e%2e/out.txt",
    "the signing key's database": "../perijove.db",
    "an absolute path": "/etc/passwd",
}


@dataclass
class Store:
    """A service's objects, and its address."""

    platform: Platform
    url: str

    def sign(self, verb: Verb, key: str = _MINE, seconds: int = 600) -> str:
        """Return a signed URL at the address where the service really is."""
        parts = urlsplit(self.platform.files.sign(verb, key, seconds))
        return f"{self.url}files/{parts.path.partition('/files/')[2]}?{parts.query}"

    async def settle(self, content: bytes, key: str = _MINE) -> None:
        """Make an upload final, as the event does that names it."""
        upload = Upload(key, hashlib.sha256(content).hexdigest(), len(content))
        assert await self.platform.files.settle([upload]) == []


@pytest.fixture
async def store(tmp_path: Path) -> AsyncIterator[Store]:
    auth = HubOAuth(api_url="http://127.0.0.1:9/hub/api", api_token="ours", oauth_client_id="service-perijove")
    platform = Platform(data_dir=str(tmp_path), local_group="")
    hub = Hub(platform, Identity(auth), "/", "{}")
    await platform.start()
    hub.started.set()
    server = make_server(make_application(hub, b"k" * 32), 60)
    sockets = bind_sockets(0, "127.0.0.1")
    server.add_sockets(sockets)
    yield Store(platform, f"http://127.0.0.1:{sockets[0].getsockname()[1]}/")
    server.stop()
    await server.close_all_connections()
    await platform.stop()


@pytest.fixture
async def http() -> AsyncIterator[httpx.AsyncClient]:
    async with httpx.AsyncClient(timeout=60) as client:
        yield client


async def test_it_does_what_it_is_for_and_nothing_else(store: Store, http: httpx.AsyncClient) -> None:
    assert (await http.put(store.sign(Verb.PUT), content=b"mine")).status_code == 204
    await store.settle(b"mine")
    assert (await http.get(store.sign(Verb.GET))).content == b"mine"
    assert (await http.head(store.sign(Verb.GET))).status_code == 200
    for verb, method in ((Verb.PUT, "GET"), (Verb.PUT, "HEAD"), (Verb.GET, "PUT")):
        answer = await http.request(method, store.sign(verb), content=b"" if method != "PUT" else b"others")
        assert answer.status_code == 403, method
    for method in ("POST", "DELETE", "PATCH"):
        assert (await http.request(method, store.sign(Verb.PUT))).status_code == 405, method
    assert (await http.get(store.sign(Verb.GET))).content == b"mine"


async def test_used_after_the_end_it_replaces_nothing(store: Store, http: httpx.AsyncClient) -> None:
    url = store.sign(Verb.PUT)
    await http.put(url, content=b"mine")
    await store.settle(b"mine")
    assert (await http.put(url, content=b"others")).status_code == 204
    assert (await http.get(store.sign(Verb.GET))).content == b"mine"


@pytest.mark.parametrize("key", _REACHES.values(), ids=_REACHES)
@pytest.mark.parametrize("verb", Verb)
async def test_it_reaches_no_other_object(store: Store, http: httpx.AsyncClient, verb: Verb, key: str) -> None:
    parts = urlsplit(store.sign(verb))
    moved = urlunsplit(parts._replace(path=f"/files/{key}"))
    answer = await http.request(verb.value, moved, content=b"others" if verb is Verb.PUT else None)
    assert answer.status_code in {400, 403, 404}
    assert [each.key async for each in store.platform.files.list("") if each.key != "platform-id"] == []


async def test_it_expires(store: Store, http: httpx.AsyncClient) -> None:
    for verb in Verb:
        answer = await http.request(verb.value, store.sign(verb, seconds=-1), content=None)
        assert answer.status_code == 403
        assert "expired" in answer.json()["error"]["message"]


@pytest.mark.parametrize(
    "change",
    [{"expires": "99999999999"}, {"verb": "PUT"}, {"name": "page.html"}, {"type": "text/html"}, {"signature": ""},
     {"signature": "0" * 64}, {"expires": "x"}, {"expires": ""}],
    ids=str,
)  # fmt: skip
async def test_nothing_of_it_can_be_changed(store: Store, http: httpx.AsyncClient, change: dict[str, str]) -> None:
    await http.put(store.sign(Verb.PUT), content=b"mine")
    parts = urlsplit(store.sign(Verb.GET))
    query = {name: values[0] for name, values in parse_qs(parts.query).items()} | change
    answer = await http.get(urlunsplit(parts._replace(query=urlencode(query))))
    assert answer.status_code == 403


async def test_what_it_serves_cannot_act_in_a_browser(store: Store, http: httpx.AsyncClient) -> None:
    key = f"{attempt_prefix('ex-1', 1)}page.html"
    await http.put(store.sign(Verb.PUT, key), content=b"<script>alert(1)</script>")
    await store.settle(b"<script>alert(1)</script>", key)
    parts = urlsplit(store.platform.files.sign(Verb.GET, key, 60, 'a"\r\nX-Evil: 1\u202e.html', "text/html"))
    answer = await http.get(f"{store.url}files/{parts.path.partition('/files/')[2]}?{parts.query}")
    assert answer.headers["content-disposition"].startswith("attachment; filename*=UTF-8''a%22%0D%0A")
    assert "x-evil" not in answer.headers
    assert answer.headers["content-security-policy"] == "sandbox; default-src 'none'"
    assert answer.headers["x-content-type-options"] == "nosniff"
