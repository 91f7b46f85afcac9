"""Executions that do nothing, through their whole life; and the making of many in one request."""

from __future__ import annotations

import time

import psycopg
import redis

from benchmarks import peers
from benchmarks.figures import Figure, Result, median
from benchmarks.site import Site
from perijove.model.spec import Spec

_POLL = 0.02


def _unfinished(connection: psycopg.Connection[tuple[int]], group: str) -> int:
    query = """SELECT (SELECT count(*) FROM executions WHERE status = 'created' AND group_name = %(group)s)
                    + (SELECT count(*) FROM executions
                       WHERE status IN ('queued', 'started', 'stopping') AND group_name = %(group)s)"""
    found = connection.execute(query, {"group": group}).fetchone()
    assert found is not None
    return int(found[0])


def rate(site: Site, group: str, count: int) -> float:
    """Return executions a second, from the request that makes them to the last one's commit as complete."""
    specs = [Spec(command=["true"], group=group)] * count
    with site.connect() as connection:
        began = time.perf_counter()
        site.client.executions.create_many(specs)
        while _unfinished(connection, group):
            time.sleep(_POLL)
        return count / (time.perf_counter() - began)


def measure(site: Site) -> Result:
    """Let simulated agents end what they claim; then Celery, then RQ on the same Redis; three times in turn."""
    count = site.size(3000, 50)
    series: dict[str, list[float]] = {"perijove": [], "celery": [], "rq": []}
    with site.agents(site.size(16, 2), 8, "noop") as group:
        rate(site, group, site.size(200, 10))
        for _ in range(site.size(3, 1)):
            series["perijove"].append(rate(site, group, count))
            series["celery"].append(peers.celery_rate(site.redis, count))
            series["rq"].append(peers.rq_rate(site.redis, site.size(1500, 30)))
    ours, celery, rq = (median(series[name]) for name in ("perijove", "celery", "rq"))
    commits, scripts = _commits(site), _calls(site)
    limit = f"PostgreSQL alone: {commits:,.0f} commits/s, one at a time; Redis alone: {scripts:,.0f} calls/s"
    return Result(
        [
            Figure("no-op executions, created → complete", ours, "/s", limit=limit),
            Figure("no-op rate ÷ Celery's", ours / celery, "", 1, at_least=True, limit=f"Celery {celery:,.0f}/s"),
            Figure("no-op rate ÷ RQ's", ours / rq, "", 2, at_least=True, limit=f"RQ {rq:,.0f}/s"),
        ],
        series,
    )


def _commits(site: Site) -> float:
    """Return how many small transactions PostgreSQL makes durable in a second, one after the other."""
    count = site.size(500, 10)
    with site.connect() as connection:
        connection.execute("CREATE TABLE IF NOT EXISTS bench_commits (n int)")
        began = time.perf_counter()
        for number in range(count):
            connection.execute("INSERT INTO bench_commits VALUES (%s)", (number,))
        seconds = time.perf_counter() - began
        connection.execute("DROP TABLE bench_commits")
    return count / seconds


def _calls(site: Site) -> float:
    """Return how many small commands Redis answers in a second, pipelined by the hundred."""
    count = site.size(200, 2)
    client = redis.Redis.from_url(site.redis)
    began = time.perf_counter()
    for _ in range(count):
        pipe = client.pipeline(transaction=False)
        for number in range(100):
            pipe.hset("bench:calls", "n", number)
        pipe.execute()
    seconds = time.perf_counter() - began
    client.delete("bench:calls")
    return count * 100 / seconds


def measure_creating(site: Site) -> Result:
    """Make executions of a group that nobody works for, in single large requests."""
    count = site.size(5000, 100)
    found = []
    with site.agents(0, 1, "noop") as group:
        for _ in range(site.size(5, 1)):
            specs = [Spec(command=[f"echo {number}"], title=f"number {number}", group=group) for number in range(count)]
            began = time.perf_counter()
            site.client.executions.create_many(specs)
            found.append(count / (time.perf_counter() - began))
        alone = _inserts(site, group, count)
    limit = f"PostgreSQL alone, the same rows by COPY: {alone:,.0f}/s"
    figure = Figure("executions made in one request of 5,000", median(found), "/s", 5000, at_least=True, limit=limit)
    return Result([figure], {"creating": found})


def _inserts(site: Site, group: str, count: int) -> float:
    """Return how many rows like these PostgreSQL takes in a second by COPY, indexes included."""
    with site.connect() as connection:
        connection.execute("CREATE TABLE bench_rows (LIKE executions INCLUDING ALL)")
        connection.execute(
            "INSERT INTO bench_rows SELECT * FROM executions WHERE group_name = %s LIMIT %s", (group, count)
        )
        with connection.cursor() as cursor:
            with cursor.copy("COPY bench_rows TO STDOUT") as out:
                data = b"".join(bytes(part) for part in out)
            cursor.execute("TRUNCATE bench_rows")
            began = time.perf_counter()
            with cursor.copy("COPY bench_rows FROM STDIN") as into:
                into.write(data)
            seconds = time.perf_counter() - began
        connection.execute("DROP TABLE bench_rows")
    return count / seconds
