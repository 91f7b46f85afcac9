"""How many machines."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from perijove_scheduler.policies.scaling import Bounds, Machine, Scale, Stage, plan
from perijove_scheduler.policies.sizes import Size

MACHINE = Size(2, 8, 0)
BOUNDS = Bounds(minimum=0, maximum=3, grace=60)
ONE = Size(1)


def idle(name: str, seconds: float = 0) -> Machine:
    return Machine(name, Stage.ACTIVE, MACHINE, seconds=seconds)


def busy(name: str, free: float = 0) -> Machine:
    return Machine(name, Stage.ACTIVE, Size(free, 8, 0), busy=True)


def starting(name: str, seconds: float = 0) -> Machine:
    return Machine(name, Stage.STARTING, MACHINE, seconds=seconds)


def draining(name: str) -> Machine:
    return Machine(name, Stage.DRAINING, Size(), busy=True)


@pytest.mark.parametrize(
    ("workers", "waiting", "start"),
    [
        ([], [], 0),
        ([], [ONE], 1),
        ([], [ONE] * 2, 1),
        ([], [ONE] * 3, 2),
        ([], [ONE] * 100, 3),
        ([], [Size(1.5)] * 2, 2),  # together three CPUs, but no machine takes both
        ([busy("a", free=1)], [ONE], 0),
        ([busy("a")], [ONE], 1),
        ([idle("a")], [ONE] * 2, 0),
        ([starting("a")], [ONE] * 2, 0),  # one that is starting counts
        ([starting("a")], [ONE] * 3, 1),
        ([busy("a"), busy("b"), busy("c")], [ONE] * 9, 0),
        ([busy("a"), busy("b"), draining("c")], [ONE], 0),  # it is still there, and still costs
        ([], [Size(3)], 0),  # no machine of the group takes it
    ],
)
def test_machines_are_started_for_work_that_finds_no_place(
    workers: list[Machine], waiting: list[Size], start: int
) -> None:
    assert plan(MACHINE, BOUNDS, workers, waiting) == Scale(start=start)


def test_a_group_never_has_fewer_than_its_minimum() -> None:
    assert plan(MACHINE, Bounds(2, 3, 60), [], []).start == 2
    assert plan(MACHINE, Bounds(2, 3, 60), [idle("a", 900), idle("b", 800)], []) == Scale()


@pytest.mark.parametrize(
    ("workers", "waiting", "drain"),
    [
        ([idle("a", 59)], [], []),
        ([idle("a", 60)], [], ["a"]),
        ([idle("a", 70), idle("b", 90), busy("c")], [], ["b", "a"]),
        ([idle("a", 70)], [ONE], []),  # needed for what waits
        ([idle("a", 70), idle("b", 90)], [ONE], ["b"]),
        ([busy("a", free=1), idle("b", 90)], [ONE], ["b"]),
        (
            [idle("a", 1), idle("b", 2), idle("c", 3), idle("d", 4), busy("e")],
            [],
            ["d", "c"],
        ),  # a lower maximum
    ],
)
def test_idle_machines_go_after_the_grace_period_the_longest_idle_first(
    workers: list[Machine], waiting: list[Size], drain: list[str]
) -> None:
    assert plan(MACHINE, BOUNDS, workers, waiting) == Scale(drain=drain)


def test_a_machine_that_does_not_enrol_in_time_is_given_up_and_replaced() -> None:
    assert plan(MACHINE, BOUNDS, [starting("a", 120)], [ONE]) == Scale(start=1, give_up=["a"])


MACHINES = st.lists(
    st.builds(
        Machine,
        id=st.uuids().map(str),
        stage=st.sampled_from(Stage),
        free=st.builds(Size, st.floats(0, 2), st.floats(0, 8), st.just(0.0)),
        busy=st.booleans(),
        seconds=st.floats(0, 500),
    ),
    unique_by=lambda machine: machine.id,
    max_size=8,
)


@given(MACHINES, st.lists(st.builds(Size, st.floats(0.1, 3)), max_size=20), st.integers(0, 3), st.integers(0, 8))
def test_a_plan_keeps_within_its_bounds_and_drains_no_work(
    machines: list[Machine], waiting: list[Size], minimum: int, more: int
) -> None:
    bounds = Bounds(minimum, minimum + more, 60)
    scale = plan(MACHINE, bounds, machines, waiting)
    by_id = {machine.id: machine for machine in machines}
    remaining = len(machines) - len(scale.give_up)
    assert scale.start <= max(bounds.maximum - remaining, 0)
    assert not any(by_id[name].busy or by_id[name].stage is not Stage.ACTIVE for name in scale.drain)
    usable = sum(m.stage is not Stage.DRAINING and m.id not in scale.give_up for m in machines)
    assert not scale.drain or usable - len(scale.drain) >= minimum
