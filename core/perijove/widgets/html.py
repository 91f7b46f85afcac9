"""The parts of a view as HTML. Everything that comes from a run is escaped; colours are the front end's own."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from html import escape
from typing import Any

from perijove.model.resources import Execution
from perijove.model.status import Status

_WIDTH, _HEIGHT, _EDGE = 120, 20, 2
_COLOURS = {
    Status.COMPLETE: "var(--jp-success-color1, #388e3c)",
    Status.ERROR: "var(--jp-error-color1, #d32f2f)",
    Status.CRASHED: "var(--jp-error-color1, #d32f2f)",
    Status.STOPPED: "var(--jp-warn-color1, #f57c00)",
}
_MUTED = "var(--jp-ui-font-color2, gray)"
_LOG = (
    "margin: 4px 0; padding: 4px 8px; border: 1px solid var(--jp-border-color2, #ccc); max-height: 16em; "
    "overflow: auto; white-space: pre-wrap; display: flex; flex-direction: column-reverse; "
    "font: var(--jp-code-font-size, 13px)/1.4 var(--jp-code-font-family, monospace)"
)


def headline(execution: Execution, note: str = "") -> str:
    """Return the line that names an execution and says where it stands."""
    colour = _COLOURS.get(execution.status, "var(--jp-brand-color1, #1976d2)")
    name = escape(f"{execution.project_name}/{execution.number}")
    title = f" {escape(execution.spec.title)}" if execution.spec.title else ""
    said = escape(note or " ".join(filter(None, (execution.sentence, execution.detail))))
    return (
        f'<a href="{escape(execution.url)}" target="_blank" rel="noopener"><b>{name}</b></a>{title} '
        f'<b role="status" style="color: {colour}">{escape(str(execution.status))}</b> '
        f'<span style="color: {_MUTED}">{said}</span>'
    )


def log_tail(text: str) -> str:
    """Return the log's end; it stays scrolled to its last line."""
    # In a reversed column the browser keeps the end in sight by itself, without a script.
    return f'<pre style="{_LOG}" tabindex="0" aria-label="Log"><span>{escape(text)}</span></pre>' if text else ""


def metrics_table(latest: Mapping[str, Any], points: Mapping[str, Iterable[float]]) -> str:
    """Return the metrics: name, last value, and for numbers a line of how they went."""
    rows = "".join(
        f'<tr><th scope="row" style="text-align: left">{escape(name)}</th>'
        f'<td style="text-align: right; padding: 0 1em">{escape(_value(value))}</td>'
        f"<td>{sparkline([*points.get(name, ())], name)}</td></tr>"
        for name, value in latest.items()
    )
    return f'<table aria-label="Metrics">{rows}</table>' if rows else ""


def sparkline(values: list[float], name: str) -> str:
    """Return a small line through `values`, oldest first; nothing for fewer than two."""
    finite = [value for value in values if value - value == 0]
    if len(finite) < 2:  # noqa: PLR2004 - a line has two ends
        return ""
    low, high = min(finite), max(finite)
    step = (_WIDTH - 2 * _EDGE) / (len(finite) - 1)
    scale = (_HEIGHT - 2 * _EDGE) / ((high - low) or 1)
    line = " ".join(
        f"{_EDGE + index * step:.1f},{_HEIGHT - _EDGE - (value - low) * scale:.1f}"
        for index, value in enumerate(finite)
    )
    said = escape(f"{name} from {_value(finite[0])} to {_value(finite[-1])}")
    return (
        f'<svg width="{_WIDTH}" height="{_HEIGHT}" role="img" aria-label="{said}">'
        f'<polyline points="{line}" fill="none" stroke="var(--jp-brand-color1, #1976d2)" stroke-width="1.5"/></svg>'
    )


def _value(value: Any) -> str:
    return f"{value:.6g}" if isinstance(value, float) else str(value)
