"""The one Tornado handler of the REST API: it admits, reads the body, runs the route's operation and answers."""

from __future__ import annotations

import asyncio
import json
import logging
import re
import secrets
from collections.abc import Mapping
from dataclasses import replace
from typing import Any, get_origin

from jupyterhub.services.auth import HubOAuthenticated
from pydantic import BaseModel, ValidationError
from tornado.web import HTTPError, RequestHandler, stream_request_body

from perijove.errors import Forbidden, InvalidRequest, NotFound, PerijoveError, Unauthenticated, Unavailable
from perijove_hub import logs
from perijove_hub.call import Call
from perijove_hub.handlers.answers import answer
from perijove_hub.hub import Hub
from perijove_hub.identity import may_scrape
from perijove_hub.pace import Pace
from perijove_hub.problems import MethodNotAllowed, TooSlow, invalid_query, problem
from perijove_hub.protection import INERT, protect
from perijove_hub.reading import read
from perijove_hub.route import Result, Route
from perijove_hub.uploads import Upload
from perijove_scheduler.services.caller import Caller

_log = logging.getLogger("perijove_hub.requests")
_CONTROL = re.compile(r"[\x00-\x1f\x7f]")
#: How long a refused sender may go on sending, so that it reads the refusal instead of a broken connection.
LINGER = 5.0
_SERVER_ERROR = 500


@stream_request_body
class ResourceHandler(HubOAuthenticated, RequestHandler):  # type: ignore[misc] # JupyterHub is not typed
    """Serves one address of the table.

    Bodies are streamed even where they are JSON: so a caller is known, and a length is judged, before any byte of the
    body is taken.
    """

    hub: Hub
    routes: Mapping[str, Route]

    def initialize(self, hub: Hub, routes: Mapping[str, Route]) -> None:
        """Take what Tornado hands over from the application's rules."""
        self.hub = hub
        self.hub_auth = hub.identity.auth
        self.routes = routes
        self.request_id = secrets.token_hex(8)
        self._call: Call | None = None
        self._refusal: PerijoveError | None = None
        self._body = bytearray()
        self._upload: Upload[Result] = Upload()
        self.pouring: asyncio.Future[None] | None = None
        self._pace = Pace(hub.patience, self._hurry)
        self._hurrying: asyncio.Future[None] | None = None

    def set_default_headers(self) -> None:
        """No answer may be sniffed, framed or kept by a cache on the way."""
        protect(self, INERT)
        self.set_header("Cache-Control", "no-store")

    @property
    def route(self) -> Route:
        """The route of this request's method."""
        if not self.routes:
            raise NotFound("There is nothing at this address.", "The API's document is at api/v1/openapi.json.")
        route = self.routes.get(self.request.method or "")
        if route is None:
            self._tell_methods()
            raise MethodNotAllowed(hint=f"It takes {' and '.join(self.routes)}.")
        return route

    def _tell_methods(self) -> None:
        self.set_header("Allow", ", ".join(self.routes))

    async def prepare(self) -> None:
        """Admit the request, or refuse it before its body is read."""
        logs.request_id.set(self.request_id)
        logs.execution_id.set(self.path_kwargs.get("execution", ""))
        self.set_header("X-Request-Id", self.request_id)
        # Tornado's own limit answers without a word; the route's does not.
        self.request.connection.set_max_body_size(2**62)  # type: ignore[union-attr]
        try:
            route = self.route
            self._call = await self._admit(route)
            if isinstance(route.body, str):
                self._upload.start(route.operation(self._call))
            if self._expects_body():
                self._pace.start()
        except Exception as error:  # noqa: BLE001 - every failure is answered in one place
            await self._refuse(error)

    async def _admit(self, route: Route) -> Call:
        path = dict(self.path_kwargs)
        if any(_CONTROL.search(value) for value in path.values()):
            raise InvalidRequest("An address must not hold control characters.", "No name has any.")
        self.hub.check_started()
        signer = await self._signer(route)
        length = self._length()
        limit = route.limit(self.hub.platform.services.limits)
        if length is not None and length > limit:
            raise route.too_large(f"The body has {length:,} bytes; at most {limit:,} are taken.")
        return Call(
            hub=self.hub,
            method=route.method,
            uri=self.request.uri or "",
            headers=self.request.headers,
            path=path,
            query=self._query(route.query),
            body=None,
            upload=self._upload.chunks(),
            length=length,
            signer=signer,
        )

    async def _signer(self, route: Route) -> Caller | None:
        if route.scope is None or (route.scope == "metrics" and self.hub.open_metrics):
            return None
        caller, model = await self.hub.caller(self)
        logs.user_name.set(caller.name)
        if route.scope != "metrics":
            caller.require(route.scope)
        elif not may_scrape(model):
            raise Forbidden("This token may not read metrics.", "It needs the Hub's scope read:metrics.")
        return caller

    def _length(self) -> int | None:
        text = self.request.headers.get("Content-Length", "")
        return int(text) if text.isdecimal() else None

    def _query(self, model: type[BaseModel] | None) -> BaseModel | None:
        given = {name: [self.decode_argument(v, name) for v in values] for name, values in
                 self.request.query_arguments.items() if name != "_xsrf"}  # fmt: skip
        if model is None:
            return None
        several = {name for name, field in model.model_fields.items() if get_origin(field.annotation) is list}
        try:
            return model.model_validate({k: v if k in several else v[-1] for k, v in given.items()})
        except ValidationError as error:
            raise invalid_query(error) from error

    async def data_received(self, chunk: bytes) -> None:
        """Take a piece of the body; Tornado reads on when this returns."""
        if self._refusal is not None or self._finished:
            return
        self._pace.received(len(chunk))
        try:
            if isinstance(self.route.body, str):
                if not await self._upload.feed(chunk):
                    await self._upload.result()
                return
            self._keep(chunk)
        except Exception as error:  # noqa: BLE001 - as in `prepare`
            await self._refuse(error)
        finally:
            self._pace.wait()

    def _hurry(self) -> None:
        """Refuse a sender that takes for ever."""
        self._hurrying = asyncio.ensure_future(self._refuse(TooSlow()))

    def _keep(self, chunk: bytes) -> None:
        limit = self.route.limit(self.hub.platform.services.limits)
        if len(self._body) + len(chunk) > limit:
            raise self.route.too_large(f"The body is longer than the {limit:,} bytes that are taken.")
        self._body += chunk

    async def _serve(self, **_path: str) -> None:
        """Run the operation, now that the whole body is here."""
        self._pace.stop()
        try:
            if self._refusal is None:
                with self.hub.requests.one():
                    await answer(self, self.route, await self._result(self.route))
            elif not self._headers_written:
                self._write_problem(self._refusal)
        except Exception as error:  # noqa: BLE001 - as in `prepare`
            self._fail(error)

    get = post = put = delete = head = patch = options = _serve

    async def _result(self, route: Route) -> Result:
        if self._call is None:
            raise RuntimeError("the request was never admitted")
        if isinstance(route.body, str):
            await self._upload.feed(None)
            return await self._upload.result()
        if route.body is None:
            return await route.operation(self._call)
        text, self._body = bytes(self._body), bytearray()
        body = await read(route.body, text)
        del text  # the operation may take long
        return await route.operation(replace(self._call, body=body.model, document=body.document))

    async def _refuse(self, error: BaseException) -> None:
        """Remember the refusal; where a body is coming, answer at once and let the sender finish for a while.

        Closing the connection under a sender resets it, and the sender may never see why.
        """
        self._refusal = self._told(error)
        self._pace.stop()
        self._upload.abort()
        self._body = bytearray()
        if not self._expects_body():
            return
        self.set_header("Connection", "close")
        self._write_problem(self._refusal)
        self.set_header("Content-Length", sum(map(len, self._write_buffer)))
        await self.flush()
        asyncio.get_running_loop().call_later(LINGER, self._hang_up)

    def _expects_body(self) -> bool:
        return bool(self._length() or "Transfer-Encoding" in self.request.headers)

    def _hang_up(self) -> None:
        if not self._finished:
            self.finish()

    def _fail(self, error: BaseException) -> None:
        told = self._told(error)
        if not self._headers_written:
            self._write_problem(told)
        elif not self._finished:
            # Ending the answer properly would make what was sent so far look complete.
            self.detach().close()

    def _told(self, error: BaseException) -> PerijoveError:
        told = problem(error, self.request_id)
        if told is error and told.status >= _SERVER_ERROR:
            # Foreseen: a part is away. Everybody asks again meanwhile, and a traceback for each would hide the rest.
            # Of a driver's message the first line says what is wrong; those after it may hold what people sent.
            cause = f" ({str(error.__cause__).splitlines()[0]})" if str(error.__cause__ or "") else ""
            _log.warning("%s %s: %s%s", self.request.method, self.request.path, told.message, cause)
        elif told.status >= _SERVER_ERROR:
            _log.error("%s %s failed: %s", self.request.method, self.request.path, told.message, exc_info=error)
        return told

    def _write_problem(self, told: PerijoveError) -> None:
        self.set_status(told.status)
        self.set_header("Content-Type", "application/json")
        if told.status == Unauthenticated.status:
            self.set_header("WWW-Authenticate", "token")
        if told.status == Unavailable.status:
            self.set_header("Retry-After", "1")
        self.write(json.dumps(told.as_json(), ensure_ascii=False))

    def write_error(self, status_code: int, **kwargs: Any) -> None:
        """Answer what Tornado itself refuses (an unknown verb, a path that is not UTF-8) like everything else."""
        cause = kwargs.get("exc_info", (None, HTTPError(status_code), None))[1]
        if status_code == MethodNotAllowed.status and self.routes:
            self._tell_methods()
        self._write_problem(self._told(cause))

    def compute_etag(self) -> None:
        """Answer without an ETag: what changes is not kept by anybody, and files have their digest."""

    def log_exception(self, *_: Any) -> None:
        """Stay silent: `_told` has logged what needs a log."""

    def on_connection_close(self) -> None:
        """Let go of whatever still works for a client that left."""
        super().on_connection_close()
        self._pace.stop()
        self._upload.abort()
        if self.pouring is not None:
            self.pouring.cancel()

    def on_finish(self) -> None:
        """Count and log the request."""
        status, seconds = self.get_status(), self.request.request_time()
        method, path = self.request.method or "", next(iter(self.routes.values())).path if self.routes else "unknown"
        self.hub.metrics.requests.labels(method, path, status).inc()
        if self.pouring is None:
            self.hub.metrics.latency.labels(method, path).observe(seconds)
        _log.info("%s %s %s %.1f ms", status, method, self.request.path, seconds * 1000)
