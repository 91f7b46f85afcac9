"""How much may be queued."""

from __future__ import annotations

import pytest

from perijove_scheduler.policies.admission import room
from perijove_scheduler.policies.sizes import Size

MACHINE = Size(2, 8, 0)


@pytest.mark.parametrize(
    ("max_workers", "workers", "taken", "cpus"),
    [
        (2, [], Size(), 6),  # what two machines run, and one machine's worth beyond
        (2, [MACHINE, MACHINE], Size(4), 2),
        (2, [MACHINE, MACHINE], Size(6), 0),
        (1, [Size(16)], Size(), 32),  # a larger worker was started by hand
        (0, [Size(4)], Size(), 8),
        (0, [], Size(), 0),  # paused
    ],
)
def test_a_group_takes_what_it_can_run_and_a_little_more(
    max_workers: int, workers: list[Size], taken: Size, cpus: float
) -> None:
    assert room(MACHINE, max_workers, workers, taken).cpus == cpus
