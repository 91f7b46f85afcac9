"""All that one page watches: what it asks for, and what it is told."""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import Awaitable, Callable
from contextlib import aclosing
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from perijove.errors import InvalidRequest, PerijoveError, TooLarge
from perijove.patterns import is_id
from perijove_server.watch import Watch

if TYPE_CHECKING:
    from perijove_server.master import Master

#: A page's watches. Each costs a connection to the master.
MOST = 200
_LONGEST_NAME = 200
#: Of a number in a place: a page, which made it, has 53 bits for one.
_DIGITS = 15
_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Begin:
    """A page's wish to be told of an execution, under a key of its own choice."""

    key: str
    execution: str
    after: str | None


@dataclass(frozen=True)
class End:
    """A page's wish not to be told any more."""

    key: str


def read_wish(message: str | bytes) -> Begin | End:
    """Return what a page asks for: `{watch, execution, after}` or `{unwatch}`.

    Raises
    ------
    perijove.errors.InvalidRequest
        It is neither.
    """
    try:
        match json.loads(message):
            case {"unwatch": str(key)}:
                return End(key)
            case {"watch": str(key), "execution": str(execution), **rest} if key:
                after = rest.get("after")
                if len(key) <= _LONGEST_NAME and is_id(execution):
                    return Begin(key, execution, None if after is None else str(after))
    except (ValueError, RecursionError):
        pass
    raise InvalidRequest("This is not understood.", "Send {watch, execution, after} or {unwatch}.")


def read_place(text: str | None) -> tuple[int, int] | None:
    """Return the attempt and the number of a record such as ``1-57``; None for the beginning.

    Raises
    ------
    perijove.errors.InvalidRequest
        It is no such place.
    """
    if text is None:
        return None
    attempt, _, n = text.partition("-")
    if not all(part.isascii() and part.isdigit() and len(part) <= _DIGITS for part in (attempt, n)):
        raise InvalidRequest(f"'{text[:40]}' is not a place in an event stream.", "It looks like '1-57'.")
    return int(attempt), int(n)


class Feed:
    """Performs one page's wishes.

    Parameters
    ----------
    master : Master
        The way to the executions.
    send : callable
        Sends a message. Awaiting it is the backpressure: a page that reads slowly slows its own streams, nobody else's.
    """

    def __init__(self, master: Master, send: Callable[[str], Awaitable[Any]]) -> None:
        self._master = master
        self._send = send
        self._tasks: dict[str, asyncio.Task[None]] = {}

    def take(self, message: str | bytes) -> None:
        """Begin or end a watch; what cannot be done is answered with an error."""
        try:
            wish = read_wish(message)
        except InvalidRequest as error:
            self._start("", self._tell(None, error))
            return
        self._stop(wish.key)
        if isinstance(wish, Begin):
            full = len(self._tasks) >= MOST
            self._start(wish.key, self._tell(wish.key, _too_many()) if full else self._watch(wish))

    async def aclose(self) -> None:
        """End all watches."""
        tasks = [*self._tasks.values()]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    def _start(self, key: str, work: Any) -> None:
        task = self._tasks[key] = asyncio.ensure_future(work)
        task.add_done_callback(lambda done: self._forget(key, done))

    def _stop(self, key: str) -> None:
        if task := self._tasks.pop(key, None):
            task.cancel()

    def _forget(self, key: str, done: asyncio.Task[None]) -> None:
        if self._tasks.get(key) is done:
            del self._tasks[key]

    async def _watch(self, wish: Begin) -> None:
        self._master.watching += 1
        try:
            await self._pass_on(wish)
        except PerijoveError as error:
            await self._tell(wish.key, error)
        except Exception:  # noqa: BLE001 - a watch that dies must not die in silence
            _log.exception("The watch of execution %s failed.", wish.execution)
            await self._tell(wish.key, PerijoveError("It cannot be followed any more.", "The server's log says why."))
        finally:
            self._master.watching -= 1

    async def _pass_on(self, wish: Begin) -> None:
        after = read_place(wish.after)
        watch = Watch(await self._master.client(), wish.execution, after)
        head = f'{{"watch":{json.dumps(wish.key)},'
        async with aclosing(watch.messages()) as messages:
            async for message in messages:
                await self._send(f"{head}{message}}}")

    async def _tell(self, key: str | None, error: PerijoveError) -> None:
        told = error.as_json()["error"]
        await self._send(json.dumps({"watch": key, "type": "error", **told}))


def _too_many() -> TooLarge:
    return TooLarge(f"This page already follows {MOST} executions.", "Close some notebooks.")
