"""What of this machine is free for work."""

from __future__ import annotations

from perijove.model.spec import Resources

#: CPUs are shares, added and subtracted in floating point; less than this is none.
_NO_CPU = 1e-6


class Slots:
    """The agent's CPUs, memory and GPUs, and what is taken of them.

    Parameters
    ----------
    capacity : Resources
        What this worker has in all. Memory 0 means: not counted.
    """

    def __init__(self, capacity: Resources) -> None:
        self.capacity = capacity
        self._taken: dict[str, Resources] = {}

    def take(self, key: str, needs: Resources) -> None:
        """Reserve `needs` under `key`."""
        self._taken[key] = needs

    def release(self, key: str) -> None:
        """Free what `key` took; it is no error if it took nothing."""
        self._taken.pop(key, None)

    def free(self) -> Resources | None:
        """Return what is free, or None when no CPU is."""
        cpus = self.capacity.cpus - sum(needs.cpus for needs in self._taken.values())
        if cpus < _NO_CPU:
            return None
        memory = self.capacity.memory - sum(needs.memory for needs in self._taken.values())
        gpus = self.capacity.gpus - sum(needs.gpus for needs in self._taken.values())
        return Resources(cpus=cpus, memory=max(memory, 0), gpus=max(gpus, 0))
