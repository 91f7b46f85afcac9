"""What stands before the service: a Hub that knows one administrator, and a proxy that can be made to fail."""

from __future__ import annotations

from urllib.parse import urlsplit, urlunsplit

import httpx
from tornado.httpserver import HTTPServer
from tornado.web import Application, RequestHandler

from perijove.model.fleet import Enrolment
from perijove_hub.scopes import ADMIN, access_scope

PREFIX = "/services/perijove/"
TOKEN = "token-of-the-storm"
_HOP = {"transfer-encoding", "connection", "content-length", "content-encoding", "host"}


class Doorway:
    """An HTTP server in the test's own process.

    Below ``/services/perijove/`` it passes on to the service, with 503 while that is away, as the Hub's proxy does.
    Below ``/<n>/services/perijove/`` it does the same for agent `n`, whose Redis it says to be at `agent_redis[n]`.

    Attributes
    ----------
    store_broken : bool
        Whether signed URLs are answered with 500.
    """

    def __init__(self, port: int, service_port: int) -> None:
        self.port = port
        self.service = f"http://127.0.0.1:{service_port}"
        self.agent_redis: dict[int, int] = {}
        self.store_broken = False
        self.http = httpx.AsyncClient(timeout=60)
        self._server: HTTPServer | None = None

    @property
    def url(self) -> str:
        """The service's public address."""
        return f"http://127.0.0.1:{self.port}{PREFIX}"

    def agent_url(self, number: int) -> str:
        """Return the address agent `number` is given."""
        return f"http://127.0.0.1:{self.port}/{number}{PREFIX}"

    def open(self) -> None:
        """Take connections."""
        routes = [
            (r"/hub/api/user", _User),
            (r"/(\d+)(/services/perijove/.*)", _Pass, {"doorway": self}),
            (r"()(/services/perijove/.*)", _Pass, {"doorway": self}),
        ]
        self._server = HTTPServer(Application(routes, log_function=lambda _handler: None))
        self._server.listen(self.port, "127.0.0.1")

    async def aclose(self) -> None:
        """Close everything."""
        if self._server is not None:
            self._server.stop()
            await self._server.close_all_connections()
        await self.http.aclose()


class _User(RequestHandler):
    def get(self) -> None:
        if self.request.headers.get("Authorization") != f"token {TOKEN}":
            self.set_status(404)
            return
        self.write({"kind": "user", "name": "storm", "groups": [], "scopes": [ADMIN, access_scope()]})


class _Pass(RequestHandler):
    def initialize(self, doorway: Doorway) -> None:
        self.doorway = doorway

    async def prepare(self) -> None:
        number, path = self.path_args
        if self.doorway.store_broken and path.startswith(f"{PREFIX}files/"):
            self.set_status(500)
            self.finish("The store is broken.")
            return
        try:
            answer = await self._ask(path)
        except httpx.TransportError:
            self.set_status(503)
            self.finish("The service is away.")
            return
        body = answer.content
        if number and path.endswith("api/v1/agents") and answer.is_success:
            body = _through(body, self.doorway.agent_redis[int(number)])
        self.set_status(answer.status_code)
        for name, value in answer.headers.items():
            if name.lower() not in _HOP:
                self.set_header(name, value)
        self.finish(body if answer.status_code not in {204, 304} else None)

    async def _ask(self, path: str) -> httpx.Response:
        query = f"?{self.request.query}" if self.request.query else ""
        headers = {name: value for name, value in self.request.headers.items() if name.lower() not in _HOP}
        url = f"{self.doorway.service}{path}{query}"
        return await self.doorway.http.request(
            self.request.method or "GET", url, content=self.request.body, headers=headers
        )


def _through(body: bytes, port: int) -> bytes:
    """Send an agent to Redis through its own proxy."""
    enrolment = Enrolment.model_validate_json(body)
    parts = urlsplit(enrolment.redis_url)
    place = f"{parts.netloc.rpartition('@')[0]}@127.0.0.1:{port}"
    return (
        enrolment.model_copy(update={"redis_url": urlunsplit(parts._replace(netloc=place))}).model_dump_json().encode()
    )
