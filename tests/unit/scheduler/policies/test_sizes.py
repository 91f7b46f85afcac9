"""What fits into what."""

from __future__ import annotations

import math

import pytest

from perijove.model.spec import Resources
from perijove_scheduler.policies.sizes import Size, capacity, largest, need, total


def test_ten_tenths_of_a_cpu_fit_into_one() -> None:
    room = Size(1)
    for _ in range(10):
        assert room.holds(Size(0.1))
        room = room.minus(Size(0.1))
    assert not room.holds(Size(0.1))


@pytest.mark.parametrize("work", [Size(3), Size(1, 2e9), Size(1, 0, 1)])
def test_work_that_is_too_large_in_one_respect_does_not_fit(work: Size) -> None:
    assert not Size(2, 1e9, 0).holds(work)


def test_a_machine_whose_memory_is_not_stated_limits_nobodys_memory() -> None:
    machine = capacity(Resources(cpus=2))
    assert machine.memory == math.inf
    assert machine.holds(need(Resources(cpus=2, memory=10**15)))


def test_none_of_an_unlimited_amount_is_nothing() -> None:
    assert capacity(Resources(cpus=2)).times(0) == Size()


def test_sizes_are_added_and_compared_amount_by_amount() -> None:
    assert total([Size(1, 2, 3), Size(4, 5, 6)]) == Size(5, 7, 9)
    assert largest(Size(1, 9, 0), Size(2, 3, 4)) == Size(2, 9, 4)
