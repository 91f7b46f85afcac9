"""Looks at Redis before the platform starts on it, and names what is wrong."""

from __future__ import annotations

from collections.abc import Awaitable
from typing import Any
from uuid import uuid4

from redis.asyncio import Redis
from redis.exceptions import AuthenticationError, NoPermissionError, RedisError, ResponseError

from perijove.errors import Unavailable
from perijove.wire.connection import COMMAND_TIMEOUT, connect, execute, reach
from perijove.wire.keys import BELLS, GroupKeys
from perijove.wire.scripts import SCRIPTS
from perijove_scheduler.platform.addresses import shown
from perijove_scheduler.platform.findings import Finding, Refused

OLDEST_REDIS = (6, 2)
_OLDEST = ".".join(map(str, OLDEST_REDIS))
_HINT = "Check Platform.redis_url, or leave it empty for a private Redis."
#: What is said where one side speaks TLS, and the other does not or wants a certificate.
_TLS_SIGNS = ("SSL", "certificate", "Connection closed by server", "reset by peer")
#: A group no group can be named after: its keys are the check's own.
_GROUP = " check"
_RIGHTS = (
    "Its user needs: ~pj:* &pj:* +@all -@dangerous +info +client|setname +acl|setuser +acl|deluser "
    "(docs/configuration.md)."
)
#: What the platform sends, and what its scripts call, as it is tried on a key of the check's own, a hash. What is for
#: another kind of key is refused for that reason where it is allowed. Nothing stays.
TRIES = {
    "INFO": "server", "TIME": "", "SCRIPT LOAD": "{script}", "EVALSHA": f"{'0' * 40} 1 {{key}}",
    "GET": "{key}v", "SET": "{key}v 1 PX 1",
    "HSET": "{key} a 1", "HSETNX": "{key} a 1", "HINCRBY": "{key} a 1", "EXPIRE": "{key} 60", "PEXPIRE": "{key} 60000",
    "HGET": "{key} a", "HGETALL": "{key}", "HMGET": "{key} a", "HLEN": "{key}", "HDEL": "{key} b", "EXISTS": "{key}",
    "LLEN": "{key}", "LRANGE": "{key} 0 1", "LREM": "{key} 0 a", "RPUSH": "{key} a",
    "ZADD": "{key} XX 1 a", "ZRANGE": "{key} 0 1", "ZREM": "{key} a", "ZREVRANGE": "{key} 0 1", "ZSCORE": "{key} a",
    "XADD": "{key} NOMKSTREAM * a 1", "XDEL": "{key} 1-1", "XRANGE": "{key} - +", "XREVRANGE": "{key} + -",
    "XTRIM": "{key} MINID 1",
    "XREAD": "STREAMS {key} 0", "XREADGROUP": "GROUP g c STREAMS {key} 0", "XAUTOCLAIM": "{key} g c 1 0",
    "XACK": "{key} g 1-1", "XGROUP CREATE": "{key} g 0",
    "PERSIST": "{key}none", "TYPE": "{key}", "DEL": "{key}", "PUBLISH": "{bells} {nothing}",
    "ACL SETUSER": "{user} off", "ACL DELUSER": "{user}",
}  # fmt: skip


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
        sentence = f"Redis at {shown(url)} is version {server['redis_version']}; Perijove takes {_OLDEST} or later."
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
    given = {
        "key": f"{GroupKeys(_GROUP).prefix}{uuid4().hex}",
        "user": f"perijove-check-{uuid4().hex[:8]}",
        "bells": BELLS,
        "nothing": "",
        "script": next(iter(SCRIPTS.values())).text,
    }
    lacks = []
    for what, line in TRIES.items():
        command = [part.format_map(given) for part in f"{what} {line}".split()]
        lacks.append(await _denied(what, execute(redis, *command)))
    lacks.append(await _denied("SUBSCRIBE", _subscribe(redis)))
    return [what for what in dict.fromkeys(lacks) if what]


async def _subscribe(redis: Redis) -> None:
    async with redis.pubsub() as subscription:
        await reach(subscription.subscribe(BELLS))
        await reach(subscription.get_message(timeout=COMMAND_TIMEOUT))


async def _denied(what: str, attempt: Awaitable[Any]) -> str:
    """Return what there is no right to: this command, our keys or our channels; nothing where it is let in."""
    try:
        await attempt
    except Unavailable as error:
        if isinstance(error.__cause__, NoPermissionError):
            said = str(error.__cause__)
            # Redis 6.2 and 7 say it differently; both name the kind of what they deny.
            return next((f"{kind}s that start with pj:" for kind in ("key", "channel") if kind in said), what)
        if not isinstance(error.__cause__, ResponseError):
            raise
        # It was let in: there is only no such script, stream or group, or the key is of another kind.
    return ""


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
