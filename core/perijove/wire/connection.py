"""Connections to Redis: time-outs on everything, and one place that turns Redis' errors into ours."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any, TypeVar

from redis.asyncio import BlockingConnectionPool, Redis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import AuthenticationError, NoPermissionError, NoScriptError, RedisError

from perijove.errors import Unavailable

#: Seconds a command may take; a blocking one may take as much longer than what it waits for.
COMMAND_TIMEOUT = 5.0
CONNECT_TIMEOUT = 5.0
_HEALTH_CHECK = 15
_CONNECTIONS = 32
_CANCEL_AGAIN = 0.1
# How every version says so, of a command and of a script.
_FULL = "OOM command not allowed"
_REFUSALS = (AuthenticationError, NoPermissionError)

T = TypeVar("T")


class Unwelcome(Unavailable):
    """Redis does not know this user, or not any more."""


class Full(Unavailable):
    """Redis has no memory left for what was sent."""


def connect(url: str, name: str, timeout: float | None = COMMAND_TIMEOUT, connections: int = _CONNECTIONS) -> Redis:
    """Return a client; nothing is sent yet.

    Parameters
    ----------
    url : str
        ``redis://``, ``rediss://`` or ``unix://``, credentials included.
    name : str
        What ``CLIENT LIST`` shows.
    timeout : float, optional
        Seconds an answer may take; None where the caller limits the wait itself, as for blocking commands.
    connections : int
        The most connections at once; who needs one more waits for it.
    """
    pool = BlockingConnectionPool.from_url(
        url,
        max_connections=connections,
        timeout=COMMAND_TIMEOUT,
        socket_timeout=timeout,
        socket_connect_timeout=CONNECT_TIMEOUT,
        health_check_interval=_HEALTH_CHECK,
        client_name=name,
        # RESP 2 is what Redis 6.2 and 7 answer alike.
        protocol=2,
        # A repeated XADD would write twice: only who knows what a command means may repeat it.
        retry=Retry(NoBackoff(), 0),
    )
    return Redis.from_pool(pool)


async def execute(redis: Redis, *command: str | bytes | float) -> Any:
    """Send one command and return its answer. Raises `perijove.errors.Unavailable`."""
    send: Callable[..., Awaitable[Any]] = redis.execute_command  # redis-py leaves it untyped
    return await reach(send(*command))


async def reach(call: Awaitable[T], timeout: float | None = None) -> T:
    """Wait for a call of redis-py's.

    It runs in a task of its own: before Python 3.12, `asyncio.wait_for`, which redis-py sends its commands with, may
    swallow a cancellation (https://github.com/python/cpython/issues/86296), and a loop would never learn that it was
    stopped.

    Parameters
    ----------
    call : awaitable
        The call.
    timeout : float, optional
        Seconds after which it is given up, for calls that Redis itself is to end earlier.

    Raises
    ------
    perijove.errors.Unavailable
        For whatever goes wrong with Redis.
    """
    task = asyncio.ensure_future(call)
    try:
        await asyncio.wait({task}, timeout=timeout)
    finally:
        finished = task.done()
        await _end(task)
    if not finished:
        raise Unavailable("Redis does not answer.")
    return _result(task)


async def _end(task: asyncio.Future[Any]) -> None:
    """Cancel a task for as long as it takes."""
    while not task.done():
        task.cancel()
        await asyncio.wait({task}, timeout=_CANCEL_AGAIN)
    if not task.cancelled():
        task.exception()  # seen, if nobody else looks


def _result(task: asyncio.Future[T]) -> T:
    try:
        return task.result()
    except (RedisError, OSError, asyncio.TimeoutError) as error:
        raise unavailable(error) from error


def unavailable(error: Exception) -> Unavailable:
    """Return ours of an error of redis-py's."""
    if isinstance(error, NoScriptError):
        return Unavailable("Redis does not have our scripts yet.", "The master loads them within seconds.")
    if _FULL in str(error):
        return Full("Redis has no memory left.", "It has again when logs have left it.")
    # A connection that is refused at its start is a ConnectionError for that reason.
    if isinstance(error, _REFUSALS) or isinstance(error.__cause__, _REFUSALS):
        return Unwelcome(f"Redis refuses this user: {error}")
    return Unavailable(f"Redis cannot be used: {error or type(error).__name__}")
