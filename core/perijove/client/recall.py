"""What a client that submits again and again need not ask, and need not pack, each time.

Nothing is decided by it: the service checks the group and the code version again when it creates the execution.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from perijove.code import Entry, Plan
from perijove.model.fleet import Group
from perijove.model.resources import Info

_SECONDS = 60.0
#: A file that was written so many nanoseconds before it was packed may be written again under the same time.
_RACY = 2_000_000_000
_MOST = 50

_Stamp = tuple[Entry, int, int, int]


@dataclass(frozen=True)
class _Taken:
    """A folder as it was packed."""

    stamps: tuple[_Stamp, ...]
    code: str


class Recall:
    """The service's latest words, for a minute, and the snapshots of folders, until they change.

    Parameters
    ----------
    clock : callable
        Seconds that only grow.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._said: dict[str, tuple[float, Any]] = {}
        self._taken: dict[object, _Taken] = {}

    def info(self) -> Info | None:
        """Return what the service said of itself lately."""
        return self._lately("info")  # type: ignore[no-any-return]

    def group(self, name: str) -> Group | None:
        """Return what the service said of a group lately."""
        return self._lately(f"group {name}")  # type: ignore[no-any-return]

    def heard(self, said: Info | Group) -> None:
        """Remember what the service said."""
        name = f"group {said.name}" if isinstance(said, Group) else "info"
        self._said[name] = (self._clock(), said)

    def code(self, plan: Plan, project: str | None) -> str | None:
        """Return the code version that the service has of this very folder; it reads each file's times."""
        taken = self._taken.get(_key(plan, project))
        return taken.code if taken is not None and taken.stamps == _stamps(plan) else None

    def stored(self, plan: Plan, project: str | None, code: str, began: int) -> None:
        """Remember that the service has a folder's snapshot.

        Parameters
        ----------
        began : int
            When the packing began, in nanoseconds since the epoch.
        """
        stamps = _stamps(plan)
        if stamps is not None and all(changed < began - _RACY for *_, changed in stamps):
            while len(self._taken) >= _MOST:
                del self._taken[next(iter(self._taken))]
            self._taken[_key(plan, project)] = _Taken(stamps, code)

    def forget(self) -> None:
        """Ask and pack anew the next time."""
        self._said.clear()
        self._taken.clear()

    def _lately(self, name: str) -> Any:
        at, said = self._said.get(name, (0.0, None))
        return said if said is not None and self._clock() - at < _SECONDS else None


def _key(plan: Plan, project: str | None) -> object:
    return project, plan.root, plan.leave_out, tuple(sorted(plan.extra.items()))


def _stamps(plan: Plan) -> tuple[_Stamp, ...] | None:
    """Return what tells a changed file: no program can set the time of its last change. None if one is gone."""
    try:
        return tuple(_stamp(plan, entry) for entry in plan.entries)
    except OSError:
        return None


def _stamp(plan: Plan, entry: Entry) -> _Stamp:
    if entry.kind != "file":
        return entry, 0, 0, 0
    found = (entry.source or plan.root / entry.name).lstat()
    return entry, found.st_ino, found.st_mtime_ns, found.st_ctime_ns
