"""Reach the database and Redis, or say clearly why not."""

from __future__ import annotations

from sqlalchemy.exc import SQLAlchemyError

from perijove.errors import Unavailable
from perijove_scheduler.platform.addresses import for_workers, shown
from perijove_scheduler.platform.check_database import check_database
from perijove_scheduler.platform.check_redis import check_redis
from perijove_scheduler.platform.findings import report
from perijove_scheduler.queue.redis import RedisQueue
from perijove_scheduler.store.store import Store


async def open_store(url: str, *, migrates: bool = True) -> Store:
    """Open the database at `url`, having looked at it, and bring its schema up to date.

    Raises
    ------
    perijove.errors.Unavailable
        Something is wrong with it; the message says what.
    """
    report(await check_database(url, migrates=migrates))
    store = await Store.open(url)
    try:
        if migrates:
            await store.migrate()
    except (SQLAlchemyError, Unavailable, OSError) as error:
        await store.aclose()
        reason = getattr(error, "orig", None) or error
        raise Unavailable(
            f"The database {shown(url)} cannot be used: {reason}", "Check Platform.database_url."
        ) from error
    return store


async def open_queue(url: str, lease: float, worker_url: str = "", *, is_ours: bool = False) -> RedisQueue:
    """Open the queue on the Redis at `url`, and load its scripts; one that is not ours is looked at first.

    Raises
    ------
    perijove.errors.Unavailable
        Something is wrong with it; the message says what.
    """
    if not is_ours:
        report(await check_redis(url))
    queue = RedisQueue(url, lease, worker_url or for_workers(url))
    try:
        await queue.prepare()
    except Unavailable as error:
        await queue.aclose()
        raise Unavailable(
            f"Redis at {shown(url)} cannot be used: {error.message}", "Check Platform.redis_url."
        ) from error
    return queue
