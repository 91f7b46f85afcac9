from __future__ import annotations

from dataclasses import dataclass

from perijove.model.fleet import Group
from perijove.model.spec import Resources
from perijove_hub.metrics import Metrics, Moment


def group(name: str, **counts: int) -> Group:
    figures = {"workers": 0, "idle": 0, "waiting": 0, "running": 0} | counts
    return Group(
        name=name, description="", runtime="process", image=None, provider="process", min_workers=0, max_workers=2,
        grace_period=60, capacity=Resources(), **figures,
    )  # fmt: skip


@dataclass
class Counters:
    """What a loop counts."""

    name: str
    runs: int = 0
    failures: int = 0
    seconds: float = 0.0


def test_prometheus_sees_requests_streams_groups_queues_and_loops():
    metrics = Metrics()
    metrics.requests.labels("GET", "info", 200).inc()
    loops = (Counters("reaper", runs=9, failures=1),)
    text = metrics.render(Moment([group("local", waiting=7, workers=2)], {"local": 5}, loops, viewers=3)).decode()
    assert 'perijove_http_requests_total{method="GET",route="info",status="200"} 1.0' in text
    assert "perijove_event_streams 3.0" in text
    assert 'perijove_group_waiting{group="local"} 7.0' in text
    assert 'perijove_group_workers{group="local"} 2.0' in text
    assert 'perijove_queue_depth{group="local"} 5.0' in text
    assert 'perijove_loop_runs_total{loop="reaper"} 9.0' in text
    assert 'perijove_loop_failures_total{loop="reaper"} 1.0' in text


def test_a_group_that_is_gone_is_not_reported_any_more():
    metrics = Metrics()
    metrics.render(Moment([group("local")]))
    assert "local" not in metrics.render(Moment()).decode()
