"""The work of the peers that do nothing, as RQ imports it; and Celery's application, on the benchmark's Redis."""

from __future__ import annotations

import os

import celery

_URL = os.environ.get("PERIJOVE_BENCH_REDIS", "redis://")

app = celery.Celery("noop", broker=f"{_URL}/1", backend=f"{_URL}/1")
app.conf.update(broker_connection_retry_on_startup=True, task_ignore_result=False)


@app.task(name="noop")
def celery_noop() -> None:
    """Do nothing."""


def rq_noop() -> None:
    """Do nothing."""
