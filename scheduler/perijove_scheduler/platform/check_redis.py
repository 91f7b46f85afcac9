"""Looks at Redis before the platform starts on it, and names what is wrong."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any
from uuid import uuid4

from redis.asyncio import Redis
from redis.exceptions import AuthenticationError, NoPermissionError, RedisError, ResponseError

from perijove.errors import Unavailable
from perijove.wire.connection import connect, execute, reach
from perijove.wire.keys import BELLS, GroupKeys
from perijove.wire.scripts import SCRIPTS
from perijove_scheduler.platform.addresses import shown
from perijove_scheduler.platform.findings import Finding, Refused

OLDEST_REDIS = (6, 2)
_HINT = "Check Platform.redis_url, or leave it empty for a private Redis."
#: What is said where one side speaks TLS, and the other does not or wants a certificate.
_TLS_SIGNS = ("SSL", "certificate", "Connection closed by server", "reset by peer")
#: A group no group can be named after: its keys are the check's own.
_GROUP = " check"
_RIGHTS = (
    "Its user needs: ~pj:* &pj:* +@all -@dangerous +info +client|setname +acl|setuser +acl|deluser "
    "(docs/configuration.md)."
)


async def check_redis(url: str) -> list[Finding]:
    """Return what is wrong with the Redis at `url`, the worst first; nothing where all is well."""
    try:
        redis = connect(url, "perijove-check")
    except ValueError:
        # The library's own words may quote a password that is not encoded.
        sentence = f"{shown(url)} is not the address of a Redis."
        return [Finding(sentence, f"{_HINT} A password's '/', '?', '#', '@' and ':' are percent-encoded.")]
    try:
        return await _checked(redis, url)
    except Refused as refused:
        return [refused.finding]
    finally:
        await reach(redis.aclose())


async def _checked(redis: Redis, url: str) -> list[Finding]:
    try:
        await execute(redis, "PING")
    except Unavailable as error:
        if not isinstance(error.__cause__, NoPermissionError):
            raise _unreachable(url, error) from error
    lacks = await _lacking(redis)
    if "INFO" in lacks:
        return [_without_rights(url, lacks)]
    server: dict[str, Any] = await reach(redis.info())
    version = tuple(int(part) for part in str(server["redis_version"]).split(".")[:2])
    if version < OLDEST_REDIS:
        sentence = f"Redis at {shown(url)} is version {server['redis_version']}; Perijove takes 6.2 or later."
        return [Finding(sentence, "Upgrade it, or leave Platform.redis_url empty for a private one.")]
    return [*_refusals(url, server), *([_without_rights(url, lacks)] if lacks else []), *_warnings(url, server)]


def _refusals(url: str, server: dict[str, Any]) -> list[Finding]:
    found = []
    if server.get("role") == "slave":
        found.append(Finding(f"Redis at {shown(url)} is a replica, which can only be read.", "Name its primary."))
    if server.get("cluster_enabled") and server.get("redis_mode") == "cluster":
        found.append(Finding(f"Redis at {shown(url)} is a cluster.", "Use a single server, or one with Sentinel."))
    policy = server.get("maxmemory_policy", "noeviction")
    if policy != "noeviction":
        sentence = f"Redis at {shown(url)} evicts keys when its memory is full (maxmemory-policy {policy})."
        found.append(
            Finding(sentence, "Set maxmemory-policy noeviction: an evicted key would be a lost ticket or log.")
        )
    return found


def _warnings(url: str, server: dict[str, Any]) -> list[Finding]:
    if server.get("aof_enabled"):
        return []
    sentence = (
        f"Redis at {shown(url)} keeps no append-only file: when it dies, what workers sent in the last moments is lost"
    )
    hint = "Set appendonly yes. Executions are safe all the same: they stand in the database."
    return [Finding(f"{sentence} unless they still hold it.", hint, fatal=False)]


def _without_rights(url: str, lacks: list[str]) -> Finding:
    return Finding(f"The user of Redis at {shown(url)} may not: {', '.join(lacks)}.", _RIGHTS)


async def _lacking(redis: Redis) -> list[str]:
    """Try what the platform does, on keys of its own, and return what is refused."""
    key, user = f"{GroupKeys(_GROUP).prefix}{uuid4().hex}", f"perijove-check-{uuid4().hex[:8]}"
    script = next(iter(SCRIPTS.values())).text
    tries: dict[str, Callable[[], Awaitable[Any]]] = {
        "INFO": lambda: execute(redis, "INFO", "server"),
        "SCRIPT LOAD": lambda: execute(redis, "SCRIPT", "LOAD", script),
        "EVALSHA": lambda: execute(redis, "EVALSHA", "0" * 40, 1, key),
        "keys that start with pj:": lambda: execute(redis, "EXISTS", key),
        "TIME": lambda: execute(redis, "TIME"),
        "SET": lambda: execute(redis, "SET", f"{key}v", "1", "PX", 1),
        "GET": lambda: execute(redis, "GET", f"{key}v"),
        "HSET": lambda: execute(redis, "HSET", key, "a", "1"),
        "HGETALL": lambda: execute(redis, "HGETALL", key),
        "PEXPIRE": lambda: execute(redis, "PEXPIRE", key, 60_000),
        "DEL": lambda: execute(redis, "DEL", key),
        "LRANGE": lambda: execute(redis, "LRANGE", f"{key}l", 0, 1),
        "ZADD": lambda: execute(redis, "ZADD", f"{key}z", "XX", 1, "a"),
        "ZRANGE": lambda: execute(redis, "ZRANGE", f"{key}z", 0, 1),
        "XADD": lambda: execute(redis, "XADD", f"{key}s", "NOMKSTREAM", "*", "a", "1"),
        "XRANGE": lambda: execute(redis, "XRANGE", f"{key}s", "-", "+"),
        "XREAD": lambda: execute(redis, "XREAD", "STREAMS", f"{key}s", "0"),
        "XREADGROUP": lambda: execute(redis, "XREADGROUP", "GROUP", "g", "c", "STREAMS", f"{key}s", "0"),
        "XAUTOCLAIM": lambda: execute(redis, "XAUTOCLAIM", f"{key}s", "g", "c", 1, "0"),
        "XGROUP CREATE": lambda: execute(redis, "XGROUP", "CREATE", f"{key}s", "g", "0"),
        "XDEL": lambda: execute(redis, "XDEL", f"{key}s", "1-1"),
        "PUBLISH": lambda: execute(redis, "PUBLISH", BELLS, ""),
        "ACL SETUSER": lambda: execute(redis, "ACL", "SETUSER", user, "off"),
        "ACL DELUSER": lambda: execute(redis, "ACL", "DELUSER", user),
    }
    return [what for what, attempt in tries.items() if await _is_refused(attempt)]


async def _is_refused(attempt: Callable[[], Awaitable[Any]]) -> bool:
    try:
        await attempt()
    except Unavailable as error:
        if isinstance(error.__cause__, NoPermissionError):
            return True
        if not isinstance(error.__cause__, ResponseError):
            raise
        # It was let in: there is only no such script, stream or group.
    return False


def _unreachable(url: str, error: Unavailable) -> Refused:
    cause = error.__cause__
    said = str(cause or error)
    place = f"Redis at {shown(url)}"
    if isinstance(cause, AuthenticationError) or "WRONGPASS" in said or "NOAUTH" in said:
        return Refused(f"{place} refuses the password, or the user's name. It says: {said}", _HINT)
    if "CERTIFICATE_VERIFY_FAILED" in said:
        return Refused(
            f"{place} shows a certificate that is not trusted. {said}", "Set Platform.redis_ca_file to its CA's."
        )
    if any(sign in said for sign in _TLS_SIGNS):
        hint = (
            "Write rediss:// where it speaks TLS and redis:// where not; Platform.redis_cert_file where it wants one."
        )
        return Refused(f"{place} cannot be reached: it and this service do not agree on TLS. It says: {said}", hint)
    if isinstance(cause, RedisError | OSError):
        return Refused(f"{place} cannot be reached: {said}", f"{_HINT} Is it running?")
    return Refused(f"{place} cannot be reached: {error.message}", f"{_HINT} Is it running?")
