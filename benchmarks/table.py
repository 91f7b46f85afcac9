"""The table a person reads, and the same for the documentation."""

from __future__ import annotations

from collections.abc import Iterable

from rich.console import Console
from rich.table import Table

from benchmarks.figures import Figure


def shown(value: float, unit: str) -> str:
    """Return a figure as people write it."""
    if unit == "/s":
        return f"{value:,.0f}/s"
    digits = (3 if value < 1 else 2) if not unit else 1 if value < 100 else 0
    return f"{value:,.{digits}f} {unit}".rstrip()


def target(figure: Figure) -> str:
    """Return what is to be reached."""
    if figure.target is None:
        return ""
    unit = figure.unit
    value = f"{figure.target:,g}{'' if unit == '/s' else ' '}{unit}".rstrip()
    return f"{'≥' if figure.at_least else '≤'} {value}"


def verdict(figure: Figure) -> str:
    """Return whether it is reached."""
    return {True: "yes", False: "NO", None: ""}[figure.reached]


_HEADS = ("measure", "figure", "target", "reached", "limit")


def _cells(figure: Figure) -> tuple[str, ...]:
    return figure.measure, shown(figure.value, figure.unit), target(figure), verdict(figure), figure.limit


def printed(figures: Iterable[Figure]) -> None:
    """Print the table."""
    table = Table(*_HEADS, title="Perijove, measured")
    for figure in figures:
        table.add_row(*_cells(figure), style="red" if figure.reached is False else None)
    console = Console()
    Console(width=max(console.width, 150)).print(table)


_BEGIN, _END = "<!-- the table of `make bench` -->", "<!-- its end -->"


def with_table(page: str, figures: Iterable[Figure]) -> str:
    """Return a page with the table between its two marks replaced."""
    before, _, rest = page.partition(_BEGIN)
    return f"{before}{_BEGIN}\n\n{markdown(figures)}\n{_END}{rest.partition(_END)[2]}"


def markdown(figures: Iterable[Figure]) -> str:
    """Return the table for a document."""
    lines = ["| " + " | ".join(_HEADS) + " |", "| --- | ---: | ---: | --- | --- |"]
    lines += ["| " + " | ".join(_cells(figure)) + " |" for figure in figures]
    return "\n".join(lines) + "\n"
