"""Looks at everything a run left: rows, objects, Redis, disks and processes."""

from __future__ import annotations

import hashlib
import io
import json
from collections import defaultdict
from collections.abc import Iterable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import psutil
import psycopg
import zstandard
from redis.asyncio import Redis

from perijove.wire.keys import GroupKeys
from perijove_scheduler.files.protocol import attempt_prefix, log_key
from storm.checker import FoundAttempt, FoundExecution, FoundOutput
from storm.plan import GROUP

_EXECUTIONS = "SELECT id, spec->>'title', status, reason, attempt FROM executions"
_ATTEMPTS = "SELECT execution_id, attempt, reason, records, archived_at IS NOT NULL FROM attempts ORDER BY 1, 2"
_OUTPUTS = "SELECT execution_id, attempt, name, sha256 FROM data ORDER BY 1, 3"


def executions(database: str, objects: Path, titles: Iterable[str]) -> list[FoundExecution]:
    """Return what is found of the executions with these titles."""
    wanted = set(titles)
    with psycopg.connect(database) as connection:
        rows = [row for row in connection.execute(_EXECUTIONS) if row[1] in wanted]
        attempts, outputs = defaultdict(list), defaultdict(list)
        for execution, *values in connection.execute(_ATTEMPTS):
            attempts[execution].append(FoundAttempt(*values))
        for execution, attempt, name, sha256 in connection.execute(_OUTPUTS):
            stored = _digest(objects / f"{attempt_prefix(execution, attempt)}{name}")
            outputs[execution].append(FoundOutput(attempt, name, sha256, stored))
    return [_found(row, attempts[row[0]], outputs[row[0]], objects) for row in rows]


def _found(row: Any, attempts: list[FoundAttempt], outputs: list[FoundOutput], objects: Path) -> FoundExecution:
    id_, title, status, reason, attempt = row
    records = _archive(objects / log_key(id_, attempt))
    numbers = [record["n"] for record in records]
    printed = "".join(_printed(records)).splitlines()
    return FoundExecution(title, id_, status, reason, attempt, attempts, outputs, numbers, printed)


def _printed(records: list[dict[str, Any]]) -> Iterator[str]:
    for record in records:
        if record["kind"] == "log" and record["stream"] == "stdout":
            yield record["text"]
        elif record["kind"] == "output" and record["message"] == "stream":
            yield record["content"]["text"]


def _digest(path: Path) -> str | None:
    return hashlib.sha256(path.read_bytes()).hexdigest() if path.exists() else None


def _archive(path: Path) -> list[dict[str, Any]]:
    if not path.exists():
        return []
    with zstandard.ZstdDecompressor().stream_reader(path.open("rb"), read_across_frames=True) as stream:
        return [json.loads(line) for line in io.TextIOWrapper(stream, "utf-8", newline="\n")]


def unsettled(database: str) -> list[str]:
    """Return what the rows say is still under way."""
    with psycopg.connect(database) as connection:
        live = connection.execute(
            "SELECT 'execution ' || id || ' is ' || status FROM executions"
            " WHERE status NOT IN ('complete', 'error', 'crashed', 'stopped')"
        ).fetchall()
        waiting = connection.execute(
            "SELECT 'attempt ' || attempt || ' of ' || execution_id || ' is not archived' FROM attempts"
            " WHERE finished_at IS NOT NULL AND archived_at IS NULL"
        ).fetchall()
    return [row[0] for row in (*live, *waiting)]


def untold(database: str, titles: list[str]) -> list[str]:
    """Return which of the executions with these titles have not ended, or whose last attempt is not archived."""
    query = (
        "SELECT name FROM unnest(%s::text[]) AS wanted (name) LEFT JOIN executions ON spec->>'title' = name"
        " LEFT JOIN attempts ON execution_id = id AND attempts.attempt = executions.attempt"
        " WHERE executions.finished_at IS NULL OR archived_at IS NULL"
    )
    with psycopg.connect(database) as connection:
        return [f"'{row[0]}' has not ended, or is not archived" for row in connection.execute(query, [titles])]


async def on_redis(url: str, workers: int) -> list[str]:
    """Return tickets, leases and events that are still on Redis; `workers` is how many agents run."""
    keys, told = GroupKeys(GROUP), []
    async with Redis.from_url(url, decode_responses=True) as redis:
        async for key in redis.scan_iter(f"{keys.prefix}ticket:*"):
            if (state := await redis.hget(key, "state")) not in {None, "ended", "withdrawn", "forgotten"}:
                told.append(f"{key} is {state}")
            elif state and await redis.ttl(key) < 0:
                told.append(f"{key}, {state}, never expires")
        told += [f"{key}: {await redis.hgetall(key)}" async for key in redis.scan_iter(f"{keys.prefix}held:*")]
        for key, count in ((keys.queue, await redis.llen(keys.queue)), (keys.events, await redis.xlen(keys.events))):
            told += [f"{key} has {count} entries"] * bool(count)
        registered = await redis.zrange(keys.workers, 0, -1)
        if len(registered) != workers:
            told.append(f"{len(registered)} workers hold a lease, {workers} agents run")
        logs = [key async for key in redis.scan_iter(f"{keys.prefix}log:*") if await redis.ttl(key) < 0]
        told += [f"{key} never expires" for key in logs]
    return told


def processes(folder: Path) -> list[str]:
    """Return the processes that work in `folder` or were started with it."""
    needle, told = str(folder), []
    for process in psutil.process_iter():
        with suppress(psutil.Error):
            if process.status() == psutil.STATUS_ZOMBIE:
                continue
            places = (*process.cmdline(), *process.environ().values(), process.cwd())
            if any(needle in place for place in places):
                told.append(f"process {process.pid}: {' '.join(process.cmdline())[:120]}")
    return told
