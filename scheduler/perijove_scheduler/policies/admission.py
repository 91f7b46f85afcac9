"""How much of a group's waiting work may be put on its queue now."""

from __future__ import annotations

from collections.abc import Sequence
from functools import reduce

from perijove_scheduler.policies.sizes import Size, largest, total

#: How many machines' worth of work waits on the queue beyond what can run: a worker that becomes free finds work
#: without asking the master. What is queued is no longer ordered by fairness, so it is kept small.
PREFETCH = 1


def is_free(work: Size, workers: Sequence[Size], taken: Size) -> bool:
    """Return whether the workers a group has could begin `work` now, going by their sum."""
    return any(worker.holds(work) for worker in workers) and total(workers).minus(taken).holds(work)


def room(machine: Size, max_workers: int, workers: Sequence[Size], taken: Size) -> Size:
    """Return how much more may be queued in a group.

    Parameters
    ----------
    machine : Size
        What one machine of the group offers by its settings.
    max_workers : int
        How many machines it may have; none means that the group is paused.
    workers : sequence of Size
        What the workers it really has offer: somebody may have started more, or larger ones, by hand.
    taken : Size
        What is queued and running already.
    """
    if max_workers == 0 and not workers:
        return Size()
    planned, present = machine.times(max_workers), total(workers)
    spare = reduce(largest, workers, machine).times(PREFETCH)
    return largest(planned, present).plus(spare).minus(taken)
