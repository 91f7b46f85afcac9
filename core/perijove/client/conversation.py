"""What both drivers need: a flow under way, and the HTTP request a `Request` stands for."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Generator
from contextlib import closing
from typing import Any, Generic, TypeVar

import httpx

from perijove.aio.executors import FILES
from perijove.client.flow import Emit, FileBody, Flow, Request, Step, Stream
from perijove.client.settings import Settings
from perijove.errors import InvalidRequest
from perijove.safe_json import repaired_text

T = TypeVar("T")
_CHUNK = 256 * 1024
_HINT = "Type it again; a terminal or a file in another encoding makes such text."


class Conversation(Generic[T]):
    """A flow under way; `value` is its result once `resume` returned None."""

    value: Any = None

    def __init__(self, flow: Flow[T] | Stream[T]) -> None:
        self._flow = flow

    def resume(self, answer: Any = None, error: Exception | None = None) -> Step | Emit[T] | None:
        """Go on to the next step with the last one's outcome."""
        try:
            return self._flow.send(answer) if error is None else self._flow.throw(error)
        except StopIteration as stop:
            self.value = stop.value
            return None

    def close(self) -> None:
        """End the flow; its ``finally`` blocks run."""
        self._flow.close()


def arguments(settings: Settings, request: Request) -> dict[str, Any]:
    """Return what `httpx.Client.build_request` takes, the body apart."""
    headers = dict(request.headers)
    if not request.signed:
        headers["Authorization"] = f"token {settings.token}"
    if request.file:
        headers["Content-Length"] = str(request.file.size)
    fields: dict[str, Any] = {
        "method": request.method,
        "url": request.path if request.signed else f"{settings.api}{request.path}",
        "params": {name: sendable(name, value) for name, value in request.params.items()} or None,
        "headers": headers,
    }
    if request.json is not None:
        fields["content"] = encoded(request.json)
        headers["Content-Type"] = "application/json"
    if request.read_timeout is not None:
        fields["timeout"] = httpx.Timeout(settings.timeout, read=request.read_timeout)
    return fields


def encoded(body: Any) -> bytes:
    """Return a JSON body's bytes.

    Raises
    ------
    perijove.errors.InvalidRequest
        It holds what cannot be sent; the sentence names the place.
    """
    try:
        return json.dumps(body, ensure_ascii=False, separators=(",", ":"), allow_nan=False).encode()
    except UnicodeEncodeError:
        raise InvalidRequest(f"{_place(body)} holds half of a character, which cannot be sent.", _HINT) from None
    except (ValueError, RecursionError):
        raise InvalidRequest("The request holds a number that JSON has no form for, or is nested too deep.") from None


def sendable(place: str, value: T) -> T:
    """Return `value`; text that no encoding takes, such as a name from a broken shell, is refused."""
    if isinstance(value, str) and repaired_text(value) != value:
        raise InvalidRequest(f"{place} holds half of a character, which cannot be sent.", _HINT)
    return value


def _place(body: Any) -> str:
    """Return where in a body there is text that cannot be encoded, as ``'spec.parameters.name'``."""
    waiting: list[tuple[str, Any]] = [("", body)]
    while waiting:
        place, value = waiting.pop()
        if isinstance(value, str) and repaired_text(value) != value:
            break
        items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
        for name, item in items:
            inner = f"{place}.{repaired_text(str(name))}".lstrip(".")
            waiting += [(inner, item), (inner, name)]
    return f"'{place}'" if place else "The request"


def chunks(body: FileBody) -> Generator[bytes, None, None]:
    """Read a file body in pieces, reporting what has gone."""
    sent = 0
    with body.path.open("rb") as file:
        while chunk := file.read(_CHUNK):
            yield chunk
            sent += len(chunk)
            body.sent(sent)


async def achunks(body: FileBody) -> AsyncIterator[bytes]:
    """Read a file body in pieces, off the event loop."""
    with closing(chunks(body)) as pieces:
        while chunk := await FILES.run(next, pieces, b""):
            yield chunk
