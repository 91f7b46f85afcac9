"""From an HTTP answer to the error it stands for: the error tree, read backwards."""

from __future__ import annotations

import json
from collections.abc import Iterator
from functools import cache
from http import HTTPStatus

import httpx

from perijove import errors
from perijove.errors import PerijoveError

#: For an unknown code, the nearest class by status.
_BY_STATUS: dict[int, type[PerijoveError]] = {
    400: errors.InvalidRequest,
    401: errors.Unauthenticated,
    403: errors.Forbidden,
    404: errors.NotFound,
    409: errors.Conflict,
    413: errors.TooLarge,
    503: errors.Unavailable,
}


def _tree(kind: type[PerijoveError]) -> Iterator[type[PerijoveError]]:
    yield kind
    for child in kind.__subclasses__():
        yield from _tree(child)


@cache
def _by_code() -> dict[str, type[PerijoveError]]:
    return {kind().code: kind for kind in _tree(PerijoveError) if kind.__module__ == errors.__name__}


def problem(response: httpx.Response, body: bytes) -> PerijoveError:
    """Return the error that an unsuccessful answer stands for."""
    try:
        told = json.loads(body)["error"]
        code, message, hint = (str(told.get(key, "")) for key in ("code", "message", "hint"))
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        return _foreign(response)
    if code and not code.isidentifier():
        return _foreign(response)
    kind = _by_code().get(code) or _newer(code, response.status_code)
    return kind(message, hint)


def _newer(code: str, status: int) -> type[PerijoveError]:
    """Return a class for a code that this version does not know; its name makes the code."""
    base = _BY_STATUS.get(status, PerijoveError)
    name = "".join(part.capitalize() for part in code.split("_")) or "PerijoveError"
    return type(name, (base,), {"status": status, "__doc__": base.__doc__})


def _foreign(response: httpx.Response) -> PerijoveError:
    """Return the error for an answer that is not Perijove's own: a proxy's, the Hub's, or another server's."""
    status, url = response.status_code, response.request.url
    address = f"{url.scheme}://{url.netloc.decode()}{url.path}"
    if "Authorization" not in response.request.headers:
        return errors.ConnectionLost(f"The object store at {url.netloc.decode()} refused a signed address ({status}).")
    if status in {HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN}:
        return errors.Unauthenticated(f"The Hub refused the token ({status}).")
    if status == HTTPStatus.REQUEST_ENTITY_TOO_LARGE:
        return errors.TooLarge("A proxy in front of the service refused the request: it is too large.")
    if status in {HTTPStatus.BAD_GATEWAY, HTTPStatus.SERVICE_UNAVAILABLE, HTTPStatus.GATEWAY_TIMEOUT}:
        return errors.ConnectionLost(f"The Perijove service does not answer at present ({status}).")
    if response.has_redirect_location:
        return errors.ConnectionLost(f"{address} redirects to {response.headers['Location']}.")
    return errors.ConnectionLost(f"What answers at {address} is not the Perijove service ({status}).")


def lost(error: httpx.TransportError) -> errors.ConnectionLost:
    """Return the error for a connection that failed."""
    url = error.request.url
    what = str(error) or type(error).__name__
    return errors.ConnectionLost(f"{url.scheme}://{url.netloc.decode()} cannot be reached: {what}.")


def unaddressable(error: httpx.InvalidURL) -> errors.InvalidRequest:
    """Return the error for a request whose address cannot be written."""
    return errors.InvalidRequest(
        f"The address of the request is not valid: {error}.",
        "A name is too long, or PERIJOVE_URL is not right.",
    )
