"""How much the outputs of a notebook may hold."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

#: Bytes that a notebook's outputs may hold, all together; an agent has them in memory.
KEPT = 256 * 1024 * 1024


class Room:
    """Counts what a notebook's outputs hold.

    An output is known by its identity, so who removes one from the notebook has to `clear` it here.

    Parameters
    ----------
    most : int
        The bytes they may hold.
    """

    def __init__(self, most: int = KEPT) -> None:
        self._most = most
        self._held = 0
        self._sizes: dict[int, int] = {}

    @property
    def left(self) -> int:
        """How many bytes there is room for; none or fewer when it is full."""
        return self._most - self._held

    def of(self, output: Any) -> int:
        """Return how many bytes an output counts for."""
        return self._sizes.get(id(output), 0)

    def put(self, output: Any, size: int) -> None:
        """Count an output as `size` bytes, whatever it counted for before."""
        self._held += size - self.of(output)
        self._sizes[id(output)] = size

    def add(self, output: Any, size: int) -> None:
        """Count an output as `size` bytes more."""
        self.put(output, self.of(output) + size)

    def clear(self, outputs: Iterable[Any]) -> None:
        """Count these outputs no more: they are removed."""
        for output in outputs:
            self._held -= self._sizes.pop(id(output), 0)
