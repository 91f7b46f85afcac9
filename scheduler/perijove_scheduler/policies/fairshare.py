"""Whose work goes first within a group."""

from __future__ import annotations

import heapq
import math
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from perijove_scheduler.policies.sizes import Size


@dataclass(frozen=True)
class Candidate:
    """One waiting execution. Ids sort by age, as they start with the time of their making."""

    id: str
    owner: str
    priority: int
    size: Size


@dataclass(frozen=True)
class Limits:
    """How much of the waiting lines was looked at: a longer line, or more owners, may follow behind what was seen."""

    owners: int
    per_owner: int

    def reached(self, candidates: Iterable[Candidate]) -> bool:
        """Return whether more may wait behind `candidates`."""
        lines = Counter(candidate.owner for candidate in candidates)
        return len(lines) >= self.owners or any(length >= self.per_owner for length in lines.values())


def order(
    candidates: Iterable[Candidate], running: Mapping[str, int], limits: Limits | None = None
) -> Iterator[Candidate]:
    """Iterate over `candidates` in the order in which they are admitted.

    The owner with the least running goes first, and what was admitted just now counts as running; between owners who
    have as much, and among one owner's executions, the higher priority goes first, then the older one.

    Parameters
    ----------
    candidates : iterable of Candidate
        What waits, in any order.
    running : mapping of str to int
        How many executions each owner has queued or running in this group; an owner who is not named has none.
    limits : Limits, optional
        With them, the order ends where somebody who was not looked at might be next.
    """
    lines = _lines(candidates)
    heads = [(running.get(owner, 0), *_rank(line[-1]), owner) for owner, line in lines.items()]
    beyond = max(heads)[0] if limits and len(lines) >= limits.owners else math.inf
    longer = {owner for owner, line in lines.items() if limits and len(line) >= limits.per_owner}
    heapq.heapify(heads)
    while heads and heads[0][0] <= beyond:
        count, _, _, owner = heapq.heappop(heads)
        yield lines[owner].pop()
        if line := lines[owner]:
            heapq.heappush(heads, (count + 1, *_rank(line[-1]), owner))
        elif owner in longer:
            return


def pick(
    candidates: Iterable[Candidate], running: Mapping[str, int], room: Size, limits: Limits | None = None
) -> list[Candidate]:
    """Return what is admitted now: the fair order, up to the first execution that does not fit into `room`.

    Nothing overtakes the one that does not fit, so large work is not starved by small work behind it.
    """
    picked = []
    for candidate in order(candidates, running, limits):
        if not room.holds(candidate.size):
            break
        room = room.minus(candidate.size)
        picked.append(candidate)
    return picked


def _rank(candidate: Candidate) -> tuple[int, str]:
    return -candidate.priority, candidate.id


def _lines(candidates: Iterable[Candidate]) -> dict[str, list[Candidate]]:
    """Return each owner's candidates, the first one last."""
    lines: dict[str, list[Candidate]] = defaultdict(list)
    for candidate in candidates:
        lines[candidate.owner].append(candidate)
    for line in lines.values():
        line.sort(key=_rank, reverse=True)
    return lines
