"""Whether a worker is alive, lost, or whether nobody can tell."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

from typing_extensions import Self

#: The share of a lease for which a worker may be silent whose machine is known to be gone.
_GONE_SHARE = 1 / 3


class Liveness(str, Enum):
    """What is known of a worker. Nothing is ever done to one that is `UNKNOWN`."""

    ALIVE = "alive"
    UNKNOWN = "unknown"
    LOST = "lost"


@dataclass(frozen=True)
class Watch:
    """Since when the master has watched the workers without a break, by Redis' clock.

    A master that was away can't tell a worker that died from one that could not reach Redis either, or whose renewals
    Redis lost. So the watch begins anew when Redis' generation changed, and after any gap in the observations.

    Attributes
    ----------
    since, last : float
        The first and the latest observation, in seconds of Redis' clock.
    generation : str
        Changes when Redis was restarted or flushed.
    """

    since: float
    last: float
    generation: str

    @classmethod
    def begin(cls, now: float, generation: str) -> Self:
        """Return a watch that begins now."""
        return cls(now, now, generation)

    def observe(self, now: float, generation: str, lease: float) -> Watch:
        """Return the watch after one more observation; a gap of half a lease breaks it."""
        if generation != self.generation or not 0 <= now - self.last <= lease / 2:
            return Watch.begin(now, generation)
        return Watch(self.since, now, generation)

    @property
    def seconds(self) -> float:
        """For how long the workers have been watched."""
        return self.last - self.since


def judge(silent_for: float | None, watched_for: float, lease: float, machine_gone: bool = False) -> Liveness:
    """Return what is known of a worker.

    Parameters
    ----------
    silent_for : float, optional
        Seconds since it renewed its lease, by Redis' clock; None if Redis does not know it.
    watched_for : float
        Seconds for which the master has watched it without a break.
    lease : float
        Seconds a worker may be silent.
    machine_gone : bool
        Whether its provider knows that its machine has ended. Then two missed renewals are enough: whatever it said
        last has been read by then.
    """
    limit = lease * _GONE_SHARE if machine_gone else lease
    if silent_for is not None and silent_for < limit:
        return Liveness.ALIVE
    return Liveness.LOST if watched_for >= limit else Liveness.UNKNOWN
