"""Many executions, many workers, many groups: what the service takes and how long its passes last."""

from __future__ import annotations

import time

from benchmarks.figures import Figure, Result
from benchmarks.site import Site
from perijove.model.spec import Spec

_MIB = 2**20


def measure(site: Site) -> Result:
    """Let simulated agents hold executions; look at the service's memory; then stop every one of them."""
    agents, each = site.size(500, 4), 10
    count = agents * each
    client = site.client
    with site.agents(agents, each, "hold") as group, site.connect() as connection:
        made = client.executions.create_many([Spec(command=["true"], group=group)] * count).executions
        started = _wait(connection, group, "status = 'started'", count)
        time.sleep(site.size(15, 0))  # for renewals and the safety net's passes
        memory = site.service.memory_info().rss
        began = time.perf_counter()
        client.executions.stop_many([one.id for one in made])
        asked = time.perf_counter() - began
        _wait(connection, group, "status = 'stopped'", count)
        stopped = time.perf_counter() - began
    limit = f"the request alone took {asked:.1f} s; all were started within {started:.1f} s"
    return Result(
        [
            Figure("service's memory with 5,000 running on 500 agents", memory / 1e6, "MB", 400),
            Figure("stopping all 5,000", stopped, "s", 30, limit=limit),
        ]
    )


def _wait(connection: object, group: str, condition: str, count: int) -> float:
    query = f"SELECT count(*) FROM executions WHERE group_name = %s AND {condition}"
    began = time.perf_counter()
    while (found := connection.execute(query, (group,)).fetchone()[0]) < count:
        if time.perf_counter() - began > 170:
            raise SystemExit(f"Only {found} of {count} executions came to {condition}.")
        time.sleep(0.1)
    return time.perf_counter() - began
