"""How large work and machines are, and what fits into what."""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import NamedTuple

from perijove.model.spec import Resources

#: CPUs are fractions: ten times 0.1 of them must fit into one.
_TOLERANCE = 1e-9


class Size(NamedTuple):
    """An amount of CPUs, bytes of memory and GPUs; of one execution, one machine or many."""

    cpus: float = 0.0
    memory: float = 0.0
    gpus: float = 0.0

    def plus(self, other: Size) -> Size:
        """Return both together."""
        return Size(*(mine + theirs for mine, theirs in zip(self, other, strict=True)))

    def minus(self, other: Size) -> Size:
        """Return what is left of this when `other` is taken; it may be negative."""
        return Size(*(mine - theirs for mine, theirs in zip(self, other, strict=True)))

    def times(self, count: int) -> Size:
        """Return `count` of these; none of an unlimited amount is nothing."""
        return Size(*(amount * count for amount in self)) if count else Size()

    def holds(self, other: Size) -> bool:
        """Return whether `other` fits in."""
        return all(theirs <= mine + _TOLERANCE for mine, theirs in zip(self, other, strict=True))


def need(resources: Resources) -> Size:
    """Return the size of work that asks for `resources`."""
    return Size(resources.cpus, resources.memory, resources.gpus)


def capacity(resources: Resources) -> Size:
    """Return the size of a machine; one whose memory is not stated limits nobody's memory."""
    return Size(resources.cpus, resources.memory or math.inf, resources.gpus)


def words(size: Size) -> str:
    """Return what a person reads of a size: ``6 CPUs, 8 GiB of memory, 1 GPU``; what it has none of is left out."""
    cpus, memory, gpus = size
    parts = [f"{cpus:g} CPU{'s' * (cpus != 1)}"]
    if 0 < memory < math.inf:
        parts.append(f"{memory / 2**30:.3g} GiB of memory")
    if gpus:
        parts.append(f"{gpus:g} GPU{'s' * (gpus != 1)}")
    return ", ".join(parts)


def total(sizes: Iterable[Size]) -> Size:
    """Return the sum of `sizes`."""
    result = Size()
    for size in sizes:
        result = result.plus(size)
    return result


def largest(one: Size, other: Size) -> Size:
    """Return the larger of each amount."""
    return Size(*(max(pair) for pair in zip(one, other, strict=True)))
