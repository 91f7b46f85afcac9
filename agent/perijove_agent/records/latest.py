"""The latest value of every metadata key of an attempt, bounded as one printed line is."""

from __future__ import annotations

from typing import Any

from perijove.safe_json import METADATA, Bounds, size


class Latest:
    """Collects values by key until they are too many or too large; from then on only known keys get new ones.

    Parameters
    ----------
    bounds : Bounds
        What all of them together may grow to.

    Attributes
    ----------
    values : dict
        What was collected.
    """

    def __init__(self, bounds: Bounds = METADATA) -> None:
        self._bounds = bounds
        self._sizes: dict[str, tuple[int, int]] = {}
        self._total = size({})
        self.values: dict[str, Any] = {}

    def update(self, values: dict[str, Any]) -> dict[str, Any]:
        """Take values and return those that were taken; a key whose value does not fit any more keeps its last one."""
        return {key: value for key, value in values.items() if self._take(key, value)}

    def _take(self, key: str, value: Any) -> bool:
        count, characters = size(value)
        new, old = (count, characters + len(key)), self._sizes.get(key, (0, 0))
        total = (self._total[0] + new[0] - old[0], self._total[1] + new[1] - old[1])
        if total[0] > self._bounds.values or total[1] > self._bounds.characters:
            return False
        self._total, self._sizes[key], self.values[key] = total, new, value
        return True
