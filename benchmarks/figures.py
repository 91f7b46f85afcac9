"""What a row of the table is, and the figures it brings."""

from __future__ import annotations

import statistics
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from benchmarks.site import Site


@dataclass(frozen=True)
class Figure:
    """One measured figure.

    Attributes
    ----------
    target : float, optional
        What is to be reached: at most this much, or at least where `at_least`; None for what is told for comparison.
    limit : str
        What bounds it, and how close it is.
    """

    measure: str
    value: float
    unit: str = ""
    target: float | None = None
    at_least: bool = False
    limit: str = ""

    @property
    def reached(self) -> bool | None:
        """Whether the target is reached; None where there is none."""
        if self.target is None:
            return None
        return self.value >= self.target if self.at_least else self.value <= self.target


@dataclass
class Result:
    """What a row found; `series` are the single measurements by name, for the plots."""

    figures: list[Figure]
    series: dict[str, list[float]] = field(default_factory=dict)
    facts: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Row:
    """A row of the table: its name on the command line, and how it is measured."""

    name: str
    summary: str
    measure: Callable[[Site], Result]


def median(values: Sequence[float]) -> float:
    """Return the middle value."""
    return statistics.median(values)


def percentile(values: Sequence[float], part: float) -> float:
    """Return the value that `part` of 100 are at most."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(len(ordered) * part / 100))]
