"""What programs print: how much of it arrives whole and in order, and how soon."""

from __future__ import annotations

import sys
import threading
import time
from collections.abc import Iterator

import redis

from benchmarks.figures import Figure, Result, percentile
from benchmarks.site import Site
from perijove.client.client import Client
from perijove.client.events import Recorded
from perijove.model.records import LogRecord
from perijove.model.resources import Execution
from perijove.model.spec import Resources, Spec
from perijove.model.status import TERMINAL, Status

# Prints the time, at an even pace: each line says when it was written.
_PACED = """
import sys, time
rate, count = {rate}, {count}
began = time.time()
for number in range(count):
    due = began + number / rate
    while (now := time.time()) < due:
        time.sleep(max(0.0, min(due - now, 0.001)))
    print(repr(time.time()), flush=True)
"""


def _run(client: Client, command: str, cpus: float = 1) -> Execution:
    return client.executions.create(Spec(command=[command], group="local", resources=Resources(cpus=cpus)))


def _told(client: Client, execution: Execution) -> Iterator[tuple[float, LogRecord]]:
    """Iterate over what an execution prints, with the time it came here; it must complete."""
    for event in client.executions.events(execution.id):
        if isinstance(event, Recorded):
            if isinstance(event.record, LogRecord) and event.record.stream == "stdout":
                yield time.time(), event.record
        elif event.execution.status in TERMINAL and event.execution.status is not Status.COMPLETE:
            raise SystemExit(f"perijove: {event.execution.sentence} {event.execution.detail}")


def _check(text: str, count: int) -> None:
    expected = "".join(f"{number}\n" for number in range(1, count + 1))
    if text != expected:
        raise SystemExit("Lines were lost, doubled or out of order.")


def _followed(client: Client, count: int) -> float:
    """Return the lines a second of one execution, all of them seen in order.

    They count from when its worker, on this machine, recorded the first, until the viewer has the last.
    """
    told = list(_told(client, _run(client, f"seq 1 {count}")))
    _check("".join(record.text for _, record in told), count)
    return count / max(told[-1][0] - told[0][1].t, 1e-3)


def measure(site: Site) -> Result:
    """Follow one execution that prints as fast as it may; then 50 at once."""
    client = site.client
    count = site.size(20_000_000, 5_000)
    _followed(client, 1000)
    one = _followed(client, count)
    together = _together(site, site.size(50, 3), site.size(60_000, 1_000))
    limit = f"Redis alone, appends of 32 KiB: {_appends(site) / 1e6:,.1f} M lines/s of this length"
    return Result(
        [
            Figure("log lines of one execution, followed live, lossless", one, "/s", 50_000, at_least=True,
                   limit=limit),
            Figure("log lines of 50 executions together, lossless", together, "/s", 100_000, at_least=True),
        ]
    )  # fmt: skip


def _together(site: Site, executions: int, count: int) -> float:
    """Return the lines a second of many executions: from the first one's start to the last one's last line kept."""
    client = site.client
    specs = [Spec(command=[f"seq 1 {count}"], group="local")] * executions
    made = client.executions.create_many(specs).executions
    followed: list[str] = []
    viewer = threading.Thread(
        target=lambda: followed.append(
            "".join(record.text for _, record in _told(client, client.executions.get(made[0].id)))
        )
    )
    viewer.start()
    finals = [_final(client, each.id) for each in made]
    viewer.join()
    began = min(each.started_at for each in finals if each.started_at)
    ended = max(each.finished_at for each in finals if each.finished_at)
    _check(followed[0], count)
    for each in made:
        log = b"".join(client.executions.log(each.id)).decode()
        _check("".join(line for line in log.splitlines(keepends=True) if not line.startswith("$ ")), count)
    return executions * count / (ended - began).total_seconds()


def _final(client: Client, execution: str) -> Execution:
    while (now := client.executions.get(execution)).status not in TERMINAL:
        time.sleep(0.1)
    if now.status is not Status.COMPLETE:
        raise SystemExit(f"perijove: {now.sentence} {now.detail}")
    return now


def _appends(site: Site) -> float:
    """Return the lines a second of which Redis alone takes appends of 32 KiB, one after the other."""
    client, count = redis.Redis.from_url(site.redis), site.size(2000, 20)
    chunk = b"".join(b"%d\n" % number for number in range(1_000_000, 1_000_000 + 4096))
    began = time.perf_counter()
    for _ in range(count):
        client.xadd("bench:appends", {"r": chunk}, maxlen=10)
    seconds = time.perf_counter() - began
    client.delete("bench:appends")
    return count * chunk.count(b"\n") / seconds


def measure_latency(site: Site) -> Result:
    """Follow 5,000 lines a second, each of which says when it was written."""
    client, rate = site.client, 5_000
    program = site.folder / "paced.py"
    program.write_text(_PACED.format(rate=rate, count=site.size(20, 1) * rate))
    delays: list[float] = []
    rest = ""
    for now, record in _told(client, _run(client, f"{sys.executable} {program}")):
        *lines, rest = (rest + record.text).split("\n")
        delays += [(now - float(line)) * 1000 for line in lines]
    figures = [
        Figure("log line written → in the viewer's stream, p99", percentile(delays, 99), "ms", 150,
               limit="lines travel together for up to 20 ms (pipe) and 10 ms (append)"),
        Figure("log line written → in the viewer's stream, median", percentile(delays, 50), "ms"),
    ]  # fmt: skip
    return Result(figures, {"delays": delays[:: max(1, len(delays) // 2000)]})
