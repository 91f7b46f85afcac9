"""Whether a group can run something now, later or never."""

from __future__ import annotations

import pytest

from perijove.model.fleet import GroupSettings
from perijove.model.spec import Resources
from perijove_scheduler.policies.feasibility import Fit, reach
from perijove_scheduler.policies.sizes import Size, words

SMALL, LARGE = Resources(cpus=2), Resources(cpus=8)


@pytest.mark.parametrize(
    ("provider", "most", "offered", "expected"),
    [
        ("manual", 1, [], Fit.NOW),  # nobody is there yet: what comes is what was promised
        ("manual", 4, [(SMALL, 1)], Fit.LATER),  # somebody has to start a larger one
        ("manual", 1, [(SMALL, 1), (LARGE, 1)], Fit.NOW),
        ("process", 2, [(SMALL, 1)], Fit.NOW),  # another machine comes by itself
        ("process", 2, [(SMALL, 2)], Fit.LATER),
    ],
)
def test_work_fits_now_where_a_worker_is_large_enough_or_one_comes_by_itself(provider, most, offered, expected) -> None:
    settings = GroupSettings(provider=provider, max_workers=most, capacity=LARGE)
    assert reach(settings, offered).fit(Size(6)) is expected


def test_work_larger_than_any_machine_never_fits() -> None:
    settings = GroupSettings(capacity=Resources(cpus=2, memory=8, gpus=0))
    for work in (Size(4), Size(1, 9), Size(1, 0, 1)):
        assert reach(settings, []).fit(work) is Fit.NEVER


def test_a_larger_worker_started_by_hand_can_run_it() -> None:
    assert reach(GroupSettings(capacity=SMALL), [(Resources(cpus=16), 1)]).fit(Size(4)) is Fit.NOW


def test_a_group_reaches_as_far_however_many_of_a_kind_there_are() -> None:
    settings = GroupSettings(provider="process", max_workers=3, capacity=LARGE)
    assert reach(settings, [(LARGE, 1), (SMALL, 1)]) == reach(settings, [(LARGE, 3)])


def test_a_size_is_said_in_words() -> None:
    assert words(Size(1, 8 * 2**30, 2)) == "1 CPU, 8 GiB of memory, 2 GPUs"
    assert words(Size(0.5, float("inf"))) == "0.5 CPUs"
