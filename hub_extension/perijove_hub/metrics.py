"""What Prometheus reads. Each service has a registry of its own, so that tests can have many."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, Counter, Histogram, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from perijove.model.fleet import Group

MEDIA_TYPE = CONTENT_TYPE_LATEST

_OF_GROUPS = {
    "workers": "Workers of the group",
    "idle": "Workers of the group that hold nothing",
    "waiting": "Executions that wait for the group",
    "running": "Executions that run in the group",
}
_OF_LOOPS = {
    "runs": "Turns the loop took",
    "failures": "Turns of the loop that failed",
    "seconds": "Seconds the loop's turns took together",
}


class LoopCounters(Protocol):
    """What every loop counts."""

    @property
    def name(self) -> str:
        """The loop's name."""

    @property
    def runs(self) -> int:
        """How many turns it took."""

    @property
    def failures(self) -> int:
        """How many of them failed."""

    @property
    def seconds(self) -> float:
        """How long all of them took."""


@dataclass(frozen=True, eq=False)
class Moment(Collector):
    """The platform as it stands when Prometheus asks.

    Attributes
    ----------
    depths : mapping
        For each group, the tickets that are offered on its queue and not yet claimed.
    rejected : mapping
        For each group, the events that were set aside since this replica leads.
    """

    groups: Sequence[Group] = ()
    depths: Mapping[str, int] = field(default_factory=dict)
    loops: Sequence[LoopCounters] = ()
    rejected: Mapping[str, int] = field(default_factory=dict)
    viewers: int = 0
    leading: bool = False

    def collect(self) -> Iterable[Metric]:
        """Return one family a figure."""
        yield GaugeMetricFamily("perijove_event_streams", "Event streams followed now", self.viewers)
        yield GaugeMetricFamily("perijove_leading", "Whether this replica leads: its loops run", float(self.leading))
        depth = GaugeMetricFamily("perijove_queue_depth", "Tickets offered and not yet claimed", labels=["group"])
        for group, tickets in self.depths.items():
            depth.add_metric([group], tickets)
        yield depth
        rejected = CounterMetricFamily(
            "perijove_events_rejected", "Events of workers that were set aside", labels=["group"]
        )
        for group, count in self.rejected.items():
            rejected.add_metric([group], count)
        yield rejected
        for figure, text in _OF_GROUPS.items():
            gauge = GaugeMetricFamily(f"perijove_group_{figure}", text, labels=["group"])
            for one in self.groups:
                gauge.add_metric([one.name], getattr(one, figure))
            yield gauge
        for figure, text in _OF_LOOPS.items():
            counter = CounterMetricFamily(f"perijove_loop_{figure}", text, labels=["loop"])
            for loop in self.loops:
                counter.add_metric([loop.name], getattr(loop, figure))
            yield counter


class Metrics:
    """The service's own counters, and the platform's figures beside them."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self.requests = Counter(
            "perijove_http_requests", "Requests answered", ("method", "route", "status"), registry=self.registry
        )
        self.latency = Histogram(
            "perijove_http_request_seconds",
            "Seconds until a request was answered; streams are not counted",
            ("method", "route"),
            registry=self.registry,
        )

    def render(self, moment: Moment) -> bytes:
        """Return everything in Prometheus' text format."""
        now = CollectorRegistry()
        now.register(moment)
        return generate_latest(self.registry) + generate_latest(now)
