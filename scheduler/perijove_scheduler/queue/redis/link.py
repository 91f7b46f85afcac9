"""The master's connections to Redis, and how it calls the scripts."""

from __future__ import annotations

import logging
import re
from collections.abc import Sequence
from typing import Any
from uuid import uuid4

from redis.asyncio import Redis
from redis.asyncio.client import Pipeline
from redis.exceptions import NoScriptError, ResponseError

from perijove.errors import Unavailable
from perijove.wire.connection import connect, execute, reach, unavailable
from perijove.wire.scripts import SCRIPTS

_GENERATION = "pj:generation"
# Calls that travel together: few enough that Redis, which does one thing at a time, is free again soon.
_PIPELINED = 500
# What Redis and Lua say where a key is of another type than ours, or holds other values.
_DAMAGED = re.compile(
    r"WRONGTYPE|NOGROUP|UNBLOCKED|attempt to |bad argument|not an integer|not a valid float|specified in XADD|exhausted"
)

Command = tuple[str | bytes | float, ...]
_log = logging.getLogger("perijove.queue")


def is_damage(error: BaseException | None) -> bool:
    """Return whether a command failed by what lies in its own keys; Redis works, and other keys do."""
    return isinstance(error, ResponseError) and _DAMAGED.search(str(error)) is not None


class RedisLink:
    """What the subjects of the queue share: a client for commands and one for blocking reads.

    Parameters
    ----------
    url : str
        Of Redis, with the master's credentials.
    """

    def __init__(self, url: str) -> None:
        self.url = url
        self.redis: Redis = connect(url, "perijove-master")
        self.blocking: Redis = connect(url, "perijove-master-blocking", timeout=None)

    async def prepare(self) -> None:
        """Load the scripts, and mark this Redis as ours unless it is."""
        async with self.redis.pipeline(transaction=False) as pipe:
            for script in SCRIPTS.values():
                pipe.script_load(script.text)
            pipe.exists(_GENERATION)
            marked = (await reach(pipe.execute()))[-1]
        if not marked:  # one that is full refuses to be marked again
            await reach(self.redis.set(_GENERATION, uuid4().hex, nx=True))

    async def generation(self) -> str:
        """Return a value that changes with every restart, flush, and fail-over.

        The marker is lost with a flush; the server's run id changes with a restart, which loses users and scripts even
        where a snapshot brings the keys back.
        """
        async with self.redis.pipeline(transaction=False) as pipe:
            pipe.get(_GENERATION)
            pipe.info("server")
            marker, server = await reach(pipe.execute())
        return f"{(marker or b'').decode()}:{server['run_id']}"

    async def now(self) -> float:
        """Return Redis' clock."""
        seconds, microseconds = await execute(self.redis, "TIME")
        return float(seconds) + float(microseconds) / 1e6

    async def call(self, command: Command) -> Any:
        """Call one script."""
        return (await self.call_many([command]))[0]

    async def call_many(self, commands: Sequence[Command]) -> list[Any]:
        """Call scripts, pipelined. Where Redis has lost them they are loaded, and all calls repeated.

        Either Redis has all scripts or none: what is repeated has not happened.
        """
        answers: list[Any] = []
        for start in range(0, len(commands), _PIPELINED):
            answers += await self._call_some(commands[start : start + _PIPELINED])
        return answers

    async def _call_some(self, commands: Sequence[Command]) -> list[Any]:
        try:
            return await self._pipelined(commands)
        except Unavailable as error:
            if not isinstance(error.__cause__, NoScriptError):
                raise
        await self.prepare()
        return await self._pipelined(commands)

    async def _pipelined(self, commands: Sequence[Command]) -> list[Any]:
        async with self.redis.pipeline(transaction=False) as pipe:
            for command in commands:
                pipe.execute_command(*command)
            return await self.answers(pipe)

    async def answers(self, pipe: Pipeline) -> list[Any]:
        """Send what a pipeline has gathered; None stands for an answer that its command's own keys prevent.

        Workers may write their group's keys. What one of them makes of these prevents no other group's command.
        """
        answers = await reach(pipe.execute(raise_on_error=False))
        for error in {str(answer): answer for answer in answers if isinstance(answer, Exception)}.values():
            if not is_damage(error):
                raise unavailable(error) from error
            _log.warning("Redis refuses a command for what is in its keys: %s", error)
        return [None if isinstance(answer, Exception) else answer for answer in answers]

    async def aclose(self) -> None:
        """Close the connections."""
        await reach(self.redis.aclose())
        await reach(self.blocking.aclose())
