"""The rows of the table."""

from __future__ import annotations

from benchmarks import fleets, lives, logs, notebooks, passes
from benchmarks.figures import Row

#: In the order in which they are run and printed.
ROWS = (
    Row("notebook", "a notebook against papermill and jupyter-scheduler", notebooks.measure),
    Row("first-output", "submit to first output on a warm worker", notebooks.measure_first_output),
    Row("noop", "executions that do nothing against Celery and RQ", lives.measure),
    Row("create", "making many executions in one request", lives.measure_creating),
    Row("dispatch", "a dispatch before a long line and a short one", passes.measure_dispatch),
    Row("log", "log lines, lossless, of one execution and of 50", logs.measure),
    Row("log-latency", "a log line's way to a viewer", logs.measure_latency),
    Row("fleet", "5,000 running executions on 500 agents", fleets.measure),
    Row("pass", "the loops' passes over 200 groups", passes.measure_pass),
)
