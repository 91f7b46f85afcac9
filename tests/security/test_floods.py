"""Large bodies and a thousand viewers: refused early or served, while memory stays where it was."""

from __future__ import annotations

import asyncio
import resource
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, suppress
from urllib.parse import urlsplit

import httpx
import psutil
import pytest
from perijove_local.processes import processes_of
from sites import STREAMS, Site
from waiting import until

from perijove_hub.openapi import all_routes

_MIB = 2**20
_BODY = 100 * _MIB
#: MiB a service may grow by what it keeps of its own accord: caches, pools, fragments.
_SLACK = 60
_AT_ONCE = 25
#: How many viewers are opened and never read.
_STUCK = 20
_NAMES = {"project": "p", "execution": "e", "group": "g", "worker": "w", "kind": "user", "name": "n", "user": "u",
          "code": "~" + "0" * 64, "sha256": "0" * 64}  # fmt: skip
_USERS = ("owner", "member", "viewer", "keeper")


def _service(site: Site) -> psutil.Process:
    (found,) = [each for each in processes_of(site.hub.home.path) if "perijove_hub" in " ".join(each.cmdline())]
    return found


@pytest.fixture
def grown(site: Site) -> Callable[[], float]:
    """Return a function that tells by how many MiB the service has grown since the test began."""
    service = _service(site)
    before = service.memory_info().rss
    return lambda: (service.memory_info().rss - before) / _MIB


async def _chunks() -> AsyncIterator[bytes]:
    piece = b" " * _MIB
    for _ in range(_BODY // _MIB):
        yield piece


@pytest.mark.parametrize(
    "request_line",
    ["POST projects", "POST executions", "POST executions/batch", "PUT code/~" + "0" * 64, "POST agents", "GET info"],
)
async def test_a_hundred_megabytes_are_refused_early_and_never_held(
    site: Site, grown: Callable[[], float], request_line: str
) -> None:
    method, path = request_line.split()
    headers = {**site.header("owner"), "Content-Type": "application/json"}
    async with httpx.AsyncClient(base_url=site.api, headers=headers, timeout=120) as http:
        announced = await http.request(method, path, content=_chunks(), headers={"Content-Length": str(_BODY)})
        assert announced.status_code == 413, announced.text
        unannounced = await http.request(method, path, content=_chunks())
        # What is no archive is refused at its first byte, by what it is.
        assert unannounced.status_code in ({413} if method != "PUT" else {400, 413}), unannounced.text
    assert grown() < _SLACK


#: Objects may be of any size: whoever has a signed URL for one announces it. All others take what their route says.
_BOUNDED = [(path, route) for path, route in all_routes() if not path.startswith("files/")]


@pytest.mark.timeout(600)
@pytest.mark.parametrize("announced", [True, False], ids=["announced", "unannounced"])
async def test_every_route_refuses_a_hundred_megabytes_before_they_are_sent(
    site: Site, grown: Callable[[], float], announced: bool
) -> None:
    wrong = []
    for path, route in _BOUNDED:
        status = await _status(site, route.method, path.format_map(_NAMES), announced)
        # Unannounced, it is refused at its first byte where the rest of the request is wrong, as it is here for two.
        if status not in ({413} if announced else {400, 413}):
            wrong.append(f"{route.method} {path}: {status}")
    assert not wrong
    assert grown() < _SLACK


async def _status(site: Site, method: str, path: str, announced: bool) -> int:
    """Return how a request is answered whose body is sent only until it is."""
    address = urlsplit(site.address)
    reader, writer = await asyncio.open_connection(address.hostname, address.port)
    length = f"Content-Length: {_BODY}" if announced else "Transfer-Encoding: chunked"
    head = (f"{method} {address.path}{path} HTTP/1.1", "Host: x", "Content-Type: application/json", length,
            f"Authorization: {site.header('admin')['Authorization']}")  # fmt: skip
    writer.write("\r\n".join((*head, "", "")).encode())
    answer = asyncio.ensure_future(reader.readline())
    piece = b" " * 65_536
    for _ in range(0 if announced else _BODY // len(piece)):
        writer.write(b"%x\r\n%b\r\n" % (len(piece), piece))
        await asyncio.sleep(0)
        while not answer.done() and writer.transport.get_write_buffer_size() > _MIB:
            await asyncio.wait({answer}, timeout=0.01)  # nor has room for more come
        if answer.done():
            break
    status = int((await asyncio.wait_for(answer, 120)).split()[1])
    # What is still to be sent is not waited for.
    writer.transport.abort()
    with suppress(ConnectionError):
        await writer.wait_closed()
    return status


@pytest.mark.timeout(900)
async def test_a_thousand_event_streams_are_served_and_no_user_has_more_than_their_share(
    site: Site, grown: Callable[[], float]
) -> None:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    execution = await asyncio.to_thread(_waiting, site)
    async with AsyncExitStack() as stack:
        streams: list[asyncio.StreamReader] = []
        for user in _USERS:
            for _ in range(STREAMS // _AT_ONCE):
                streams += await asyncio.gather(*(_follow(stack, site, user, execution) for _ in range(_AT_ONCE)))
        assert _followed(site) == STREAMS * len(_USERS) == 1000
        async with httpx.AsyncClient(base_url=site.api, timeout=120) as http:
            one_more = await http.get(f"executions/{execution}/events", headers=site.header("owner"))
            assert (one_more.status_code, one_more.json()["error"]["code"]) == (429, "too_many")
            answers = [await http.get("executions", headers=site.header(user)) for user in (*_USERS, "other")]
            assert all(answer.is_success for answer in answers)
            (await http.post(f"executions/{execution}/stop", headers=site.header("owner"))).raise_for_status()
        for stream in streams:  # each of them is told the end
            await asyncio.wait_for(stream.readuntil(b"event: end"), 120)
        assert grown() < 250
    await asyncio.to_thread(until, lambda: _followed(site) == 0, 120)
    resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


async def test_viewers_who_read_nothing_hold_next_to_nothing_of_what_is_told(
    site: Site, grown: Callable[[], float]
) -> None:
    with site.http("owner") as owner:
        # 23 MB in records of tens of kilobytes, of which a viewer's connection takes a few hundred kilobytes by itself.
        spec = {"command": ["seq 1 3000000", "sleep 3600"], "group": "local", "title": "chatty"}
        execution = str(owner.post("executions", json={"spec": spec}).raise_for_status().json()["id"])
        await _read_until(site, execution, b"2999999")
        async with AsyncExitStack() as stack:
            await asyncio.gather(*(_follow(stack, site, "owner", execution) for _ in range(_STUCK)))
            await _read_until(site, execution, b"2999999")  # as long as it takes to tell all of it once more
            assert _followed(site) == _STUCK
            assert grown() < _SLACK + 10 * _STUCK
        owner.post(f"executions/{execution}/stop").raise_for_status()


async def _read_until(site: Site, execution: str, told: bytes) -> None:
    """Follow an execution until something is told."""
    path, rest = f"executions/{execution}/events", b""
    async with (
        httpx.AsyncClient(base_url=site.api, headers=site.header("owner"), timeout=120) as http,
        http.stream("GET", path) as stream,
    ):
        async for piece in stream.aiter_raw():
            if told in (rest := rest[-len(told) :] + piece):
                return
    raise AssertionError(f"the stream ended without {told!r}")


def _waiting(site: Site) -> str:
    """Return an execution that all of them may follow, and that does not end."""
    with site.http("admin") as admin, site.http("owner") as owner:
        admin.post("groups", json={"name": "crowd"}).raise_for_status()
        project = owner.post("projects", json={"name": "crowd"}).raise_for_status().json()["id"]
        for user in _USERS[1:]:
            owner.put(f"projects/{project}/members/user/{user}", json={"role": "viewer"}).raise_for_status()
            with site.http(user) as invited:
                invited.post(f"invitations/{project}/accept").raise_for_status()
        spec = {"command": ["true"], "group": "crowd"}
        made = owner.post("executions", json={"project": project, "spec": spec}).raise_for_status()
    return str(made.json()["id"])


async def _follow(stack: AsyncExitStack, site: Site, user: str, execution: str) -> asyncio.StreamReader:
    """Open a stream, see that it has begun, and leave it open; a bare socket costs this process little."""
    address = urlsplit(site.api)
    reader, writer = await asyncio.open_connection(address.hostname, address.port)
    stack.callback(writer.close)
    path = f"{address.path}executions/{execution}/events"
    writer.write(
        f"GET {path} HTTP/1.1\r\nHost: x\r\nAuthorization: {site.header(user)['Authorization']}\r\n\r\n".encode()
    )
    assert (await asyncio.wait_for(reader.readline(), 120)).startswith(b"HTTP/1.1 200 ")
    await asyncio.wait_for(reader.readuntil(b"event: execution"), 120)
    return reader


def _followed(site: Site) -> int:
    metrics = httpx.get(f"{site.address}metrics", headers=site.header("admin"), timeout=60).raise_for_status().text
    line = next(line for line in metrics.splitlines() if line.startswith("perijove_event_streams"))
    return int(float(line.split()[-1]))
