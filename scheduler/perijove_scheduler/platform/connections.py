"""Reach the database and Redis, or say clearly why not."""

from __future__ import annotations

import re

from sqlalchemy.exc import SQLAlchemyError

from perijove.errors import Unavailable
from perijove_scheduler.queue.redis import RedisQueue
from perijove_scheduler.store.store import Store

_PASSWORD = re.compile(r"(?<=:)[^:@/]*(?=@)")


def shown(url: str) -> str:
    """Return a URL without its password."""
    return _PASSWORD.sub("***", url)


async def open_store(url: str) -> Store:
    """Open the database at `url` and bring its schema up to date.

    Raises
    ------
    perijove.errors.Unavailable
        It can't be reached, or its driver is not installed.
    """
    hint = "Check Platform.database_url."
    try:
        store = await Store.open(url)
    except (SQLAlchemyError, OSError) as error:
        raise Unavailable(f"The database {shown(url)} cannot be opened: {error}", hint) from error
    except ModuleNotFoundError as error:
        raise Unavailable(
            f"The database {shown(url)} needs the package {error.name}.", "pip install 'perijove[postgres]'"
        ) from error
    try:
        await store.migrate()
    except (SQLAlchemyError, Unavailable, OSError) as error:
        await store.aclose()
        reason = getattr(error, "orig", None) or error
        raise Unavailable(f"The database {shown(url)} cannot be used: {reason}", hint) from error
    return store


async def open_queue(url: str, lease: float) -> RedisQueue:
    """Open the queue on the Redis at `url` and load its scripts.

    Raises
    ------
    perijove.errors.Unavailable
        It can't be reached.
    """
    hint = "Check Platform.redis_url, or leave it empty for a private Redis."
    try:
        queue = RedisQueue(url, lease)
    except ValueError as error:
        raise Unavailable(f"{shown(url)} is not the address of a Redis: {error}", hint) from error
    try:
        await queue.prepare()
    except Unavailable as error:
        await queue.aclose()
        raise Unavailable(f"Redis at {shown(url)} cannot be reached: {error.message}", hint) from error
    return queue
