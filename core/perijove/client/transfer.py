"""Sending requests: retries with backoff and jitter, and errors as the classes of `perijove.errors`."""

from __future__ import annotations

from http import HTTPStatus

import httpx

from perijove.client.flow import Flow, Open, Read, Request, Send, Sleep
from perijove.client.problems import lost, problem, unaddressable
from perijove.errors import NotFound, PerijoveError
from perijove.patience import Backoff

#: A proxy's or the service's way to say: not now. Every request of ours may be repeated: what creates carries a key.
NOT_NOW = frozenset({HTTPStatus.BAD_GATEWAY, HTTPStatus.SERVICE_UNAVAILABLE, HTTPStatus.GATEWAY_TIMEOUT})
#: How often a request is repeated.
RETRIES = 4
_LONGEST_RETRY_AFTER = 30.0
_ERROR_BODY_LIMIT = 1 << 20


def repetitions(longest: float = 10.0) -> Backoff:
    """Return the waits before each repetition of a request, in seconds none of which exceeds `longest`."""
    return Backoff(0.25, longest)


def send(request: Request) -> Flow[httpx.Response]:
    """Send a request, again while the service is away; return its successful answer.

    Raises
    ------
    perijove.errors.ConnectionLost
        The service did not answer, however often it was asked.
    perijove.errors.PerijoveError
        Any other: what the service answered.
    """
    return (yield from _persist(Send(request)))


def open_body(request: Request) -> Flow[httpx.Response]:
    """Send a request like `send`, leaving the answer's body to `Read` steps."""
    return (yield from _persist(Open(request)))


def _persist(step: Send | Open) -> Flow[httpx.Response]:
    waits = repetitions()
    while True:
        failure, response = yield from attempt(step)
        if failure is None and response is not None:
            return response
        if response is not None and waits.failures and _is_deleted(step.request, failure):
            return response
        away = response is None or response.status_code in NOT_NOW
        if failure is not None and (not away or waits.failures == RETRIES):
            raise failure
        wait = waits.next()
        yield Sleep(retry_after(response) or wait)


def _is_deleted(request: Request, failure: PerijoveError | None) -> bool:
    """Return whether a repeated DELETE finds nothing: the first one, whose answer was lost, has done it."""
    return request.method == "DELETE" and isinstance(failure, NotFound)


def attempt(step: Send | Open) -> Flow[tuple[PerijoveError | None, httpx.Response | None]]:
    """Send a request once; return its failure, if it is one, and its answer, if there is one."""
    try:
        response: httpx.Response = yield step
        if response.is_success or (step.request.redirects and response.has_redirect_location):
            return None, response
        body = response.content if isinstance(step, Send) else (yield from _error_body())
    except httpx.TransportError as error:
        failure = lost(error)
        failure.__cause__ = error
        return failure, None
    except httpx.InvalidURL as error:
        raise unaddressable(error) from error
    return problem(response, body), response


def _error_body() -> Flow[bytes]:
    body = b""
    while len(body) < _ERROR_BODY_LIMIT and (chunk := (yield Read())):
        body += chunk
    return body


def retry_after(response: httpx.Response | None) -> float | None:
    """Return the seconds an answer asks to wait, within reason."""
    text = response.headers.get("Retry-After", "") if response is not None else ""
    return min(float(text), _LONGEST_RETRY_AFTER) if text.isdigit() else None
