"""One small picture of what was measured."""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import Any

import matplotlib as mpl

mpl.use("svg")

import matplotlib.pyplot as plt

from benchmarks.figures import Result, median

_OURS, _PEERS = "#1565c0", "#b0bec5"


def draw(found: dict[str, Result], path: Path) -> None:
    """Write a picture with a panel for each of the rows that were run, of those that have one."""
    panels = [(panel, found[name]) for name, panel in _PANELS.items() if name in found]
    if not panels:
        return
    # Text stays text: small, and in the reader's own font.
    mpl.rcParams.update({"svg.fonttype": "none", "font.size": 9, "svg.hashsalt": "perijove"})
    figure, axes = plt.subplots(1, len(panels), figsize=(3.4 * len(panels), 2.6), squeeze=False)
    for axis, (panel, result) in zip(axes[0], panels, strict=True):
        panel(axis, result.series)
        axis.spines[["top", "right"]].set_visible(False)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        figure.tight_layout()
        figure.savefig(path, metadata={"Date": None})
    plt.close(figure)


def _bars(axis: Any, values: dict[str, float], title: str) -> None:
    names = list(values)
    bars = axis.barh(names, list(values.values()), color=[_OURS if name == "Perijove" else _PEERS for name in names])
    axis.bar_label(bars, fmt="%.3g", padding=2)
    axis.invert_yaxis()
    axis.margins(x=0.2)
    axis.set_title(title, loc="left")


def _notebook(axis: Any, series: dict[str, list[float]]) -> None:
    names = {"Perijove": "perijove 1", "papermill": "papermill 1", "jupyter-scheduler": "jupyter-scheduler 1"}
    _bars(axis, {name: median(series[key]) for name, key in names.items()}, "one-cell notebook, seconds")


def _noop(axis: Any, series: dict[str, list[float]]) -> None:
    names = {"Perijove": "perijove", "Celery": "celery", "RQ": "rq"}
    _bars(axis, {name: median(series[key]) for name, key in names.items()}, "no-op executions a second")


def _delays(axis: Any, series: dict[str, list[float]]) -> None:
    delays = sorted(series["delays"])
    axis.plot(delays, [100 * (place + 1) / len(delays) for place in range(len(delays))], color=_OURS)
    axis.set_xlabel("milliseconds")
    axis.set_title("lines seen within, %, at 5,000/s", loc="left")
    axis.set_xlim(left=0)


_PANELS = {"notebook": _notebook, "noop": _noop, "log-latency": _delays}
