"""What a worker's Redis user may do: call the scripts, and touch the keys these need of its own group."""

from __future__ import annotations

from urllib.parse import quote, urlsplit, urlunsplit

from perijove.wire.connection import execute
from perijove.wire.keys import GroupKeys
from perijove_scheduler.queue.redis.link import RedisLink

# What the agent's half sends, and what its scripts call: a script runs with its caller's rights. No command that
# blocks the server, shows other users, loads scripts, or works without a key is among them.
_SENT = ("auth", "hello", "ping", "client|setname", "evalsha", "xadd", "xread")
_IN_SCRIPTS = (
    *("hdel", "hget", "hgetall", "hincrby", "hmget", "hset", "hsetnx"),
    *("del", "exists", "persist", "pexpire", "time"),
    *("lrange", "lrem", "xrange", "xrevrange", "zadd", "zrem"),
)


class Rights:
    """The Redis users of workers.

    Parameters
    ----------
    worker_url : str
        Redis' address as workers reach it; credentials in it are replaced by theirs.
    """

    def __init__(self, link: RedisLink, worker_url: str) -> None:
        self._link = link
        self._worker_url = worker_url

    async def grant(self, group: str, worker: str, password_sha256: str) -> None:
        """Make, or make again, a worker's user."""
        keys = GroupKeys(group)
        # A script is called with the group's prefix as its key, and touches these. Of its neighbours' keys it reaches
        # neither what the master tells them, signed URLs above all, nor what they are and hold.
        shared = (
            keys.prefix,
            keys.queue,
            keys.workers,
            keys.idle,
            keys.events,
            keys.ticket("*"),
            f"{keys.prefix}log:*",
        )
        own = (keys.worker(worker), keys.held(worker), keys.control(worker))
        rules = (
            *(f"~{key}" for key in (*shared, *own)),
            "resetchannels",
            "-@all",
            *(f"+{name}" for name in (*_SENT, *_IN_SCRIPTS)),
        )
        await execute(self._link.redis, "ACL SETUSER", worker, "reset", "on", f"#{password_sha256}", *rules)

    def worker_url(self, worker: str, password: str) -> str:
        """Return Redis' URL with the worker's credentials in place of the master's."""
        parts = urlsplit(self._worker_url)
        place = parts.netloc.rpartition("@")[2]
        return urlunsplit(parts._replace(netloc=f"{quote(worker, safe='')}:{quote(password, safe='')}@{place}"))

    async def revoke(self, worker: str) -> None:
        """Delete a worker's user; Redis ends its connections."""
        await execute(self._link.redis, "ACL DELUSER", worker)
