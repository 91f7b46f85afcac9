"""Whether a group can run what waits for it: now, when another worker comes, or never."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from enum import Enum

from perijove.model.fleet import GroupSettings
from perijove.model.spec import Resources
from perijove_scheduler.policies.sizes import Size, capacity


class Fit(Enum):
    """Whether work fits the workers of a group."""

    NOW = "now"
    LATER = "later"
    """The group's settings promise a machine that is large enough, and there is none at the moment."""
    NEVER = "never"


@dataclass(frozen=True)
class Reach:
    """The largest workers of a group; two groups that can run the same are equal.

    Attributes
    ----------
    ever : tuple of Size
        Those it has, and the machine that its settings promise.
    now : tuple of Size
        Those it has; and the promised machine where another may come by itself, or where there is none yet: then what
        comes is what was promised.
    """

    ever: tuple[Size, ...]
    now: tuple[Size, ...]

    def fit(self, work: Size) -> Fit:
        """Return whether `work` fits."""
        if any(worker.holds(work) for worker in self.now):
            return Fit.NOW
        return Fit.LATER if any(worker.holds(work) for worker in self.ever) else Fit.NEVER


def reach(settings: GroupSettings, offered: Iterable[tuple[Resources, int]]) -> Reach:
    """Return the reach of a group.

    Parameters
    ----------
    offered : iterable of (Resources, int)
        What the workers offer that take work, or soon will, and how many offer it.
    """
    machine, there = capacity(settings.capacity), dict(offered)
    workers = {capacity(resources) for resources in there}
    count = sum(there.values())
    grows = count == 0 or (settings.provider != "manual" and count < settings.max_workers)
    return Reach(_largest({machine, *workers}), _largest({machine, *workers} if grows else workers))


def _largest(sizes: set[Size]) -> tuple[Size, ...]:
    """Leave out what fits into another."""
    return tuple(sorted(one for one in sizes if not any(other != one and other.holds(one) for other in sizes)))
