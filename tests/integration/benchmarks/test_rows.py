"""The benchmark's rows that need no peer run from end to end in their tiny form; what they measure is not looked at."""

from __future__ import annotations

import math
from collections.abc import Iterator

import pytest
from benchmarks.rows import ROWS
from benchmarks.site import Site

#: The others need the peers, which are no part of what tests install, or wait for kernels to warm up.
NAMES = ("dispatch", "pass", "create", "fleet")


@pytest.fixture(scope="module")
def site() -> Iterator[Site]:
    site = Site(quick=True)
    yield site
    site.close()


@pytest.mark.parametrize("name", NAMES)
def test_a_row_runs_and_brings_figures(site: Site, name: str) -> None:
    (row,) = (row for row in ROWS if row.name == name)
    result = row.measure(site)
    assert any(figure.target is not None for figure in result.figures)
    assert all(math.isfinite(figure.value) and figure.value > 0 for figure in result.figures)
