"""How many machines a group should have: how many to start, which to drain, which to give up."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import Enum

from perijove_scheduler.policies.sizes import Size

#: Seconds a machine may take from being asked for to its worker's enrolment.
START_LIMIT = 120.0


class Stage(str, Enum):
    """Where a worker stands, as far as scaling cares."""

    STARTING = "starting"
    ACTIVE = "active"
    DRAINING = "draining"


@dataclass(frozen=True)
class Machine:
    """One worker of the group.

    Attributes
    ----------
    free : Size
        What is not taken of it; of a starting one everything.
    busy : bool
        Whether it holds any work.
    seconds : float
        For how long it has been starting, or idle.
    """

    id: str
    stage: Stage
    free: Size
    busy: bool = False
    seconds: float = 0.0


@dataclass(frozen=True)
class Scale:
    """What to do: start this many, drain these if they are still idle, give these up."""

    start: int = 0
    drain: list[str] = field(default_factory=list)
    give_up: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class Bounds:
    """A group's limits: machines at least and at most, and the seconds an idle one is kept."""

    minimum: int
    maximum: int
    grace: float
    start_limit: float = START_LIMIT


def _place(waiting: Sequence[Size], bins: list[Size], machine: Size, spare: int) -> tuple[set[int], int]:
    """Place work first-fit, largest first; return which of `bins` took some, and how many new machines it takes."""
    known, used = len(bins), set[int]()
    for work in sorted(waiting, reverse=True):
        index = next((i for i, free in enumerate(bins) if free.holds(work)), len(bins))
        if index == len(bins):
            if len(bins) - known >= spare or not machine.holds(work):
                continue
            bins.append(machine)
        bins[index] = bins[index].minus(work)
        used.add(index)
    return used, len(bins) - known


def plan(machine: Size, bounds: Bounds, workers: Sequence[Machine], waiting: Sequence[Size]) -> Scale:
    """Return what a group's machines need.

    Waiting work is placed into what is free of the machines it has, those that are starting included; what finds no
    place there asks for new ones, up to the maximum. A machine that has been idle for the grace period, and is not
    needed, is drained, the longest idle first, down to the minimum; one beyond the maximum at once. One that does not
    enrol in time is given up.

    Parameters
    ----------
    machine : Size
        What a new machine offers.
    waiting : sequence of Size
        Work that is admitted and that no worker has claimed.
    """
    late = [w.id for w in workers if w.stage is Stage.STARTING and w.seconds >= bounds.start_limit]
    usable = sorted(
        (w for w in workers if w.stage is not Stage.DRAINING and w.id not in late),
        # Fill what is busy or has worked last, so that the longest idle one stays empty and may go.
        key=lambda w: (not w.busy, w.stage is Stage.STARTING, w.seconds),
    )
    standing = len(workers) - len(late)
    spare = max(bounds.maximum - standing, 0)
    used, fresh = _place(waiting, [w.free for w in usable], machine, spare)
    start = min(max(fresh, bounds.minimum - len(usable)), spare)
    surplus = max(len(usable) - max(bounds.minimum, 0), 0)
    idle = [w for i, w in enumerate(usable) if w.stage is Stage.ACTIVE and not w.busy and i not in used]
    idle.sort(key=lambda w: w.seconds, reverse=True)
    beyond = len(usable) - bounds.maximum
    drain = [w.id for i, w in enumerate(idle) if w.seconds >= bounds.grace or i < beyond]
    return Scale(start, drain[:surplus], late)
