"""Which processes belong to which of the agent's programs, whatever session or parent they have made themselves.

Every program gets a mark of its own: a variable in its environment, and a number in a resource limit that nothing else
uses (`perijove_agent.runtime.guard.LIMIT`). What it starts inherits both; the limit is there after ``env -i`` as well.
And the agent adopts the orphans among its descendants, so whatever left its parents behind is found as its child.
"""

from __future__ import annotations

import contextlib
import os
import resource
import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import psutil

from perijove_agent.runtime import descent, guard
from perijove_agent.runtime.guardian import Guardian

#: Seconds in which a program's processes have to be gone that were killed.
PATIENCE = 10.0
#: Seconds of the first pause while they end.
_PAUSE = 0.0005


@dataclass(frozen=True)
class Mark:
    """What the processes of one program carry: a variable's value, and a number."""

    value: str
    number: int

    @property
    def variables(self) -> dict[str, str]:
        """What belongs into the program's environment."""
        return {guard.MARK: self.value}


class Lineage:
    """Marks programs, finds what belongs to them, and ends it.

    Parameters
    ----------
    guardian : Guardian
        Whose mark all of them have.
    """

    def __init__(self, guardian: Guardian) -> None:
        self._guardian = guardian
        self._count = 0
        self._started: set[int] = set()
        descent.adopt_orphans()

    @contextmanager
    def marking(self) -> Iterator[Mark]:
        """Mark the program that is started within: what marks it belongs to the whole agent meanwhile.

        It has to be started by another thread than the main one, among whose children are the orphans.
        """
        with self._guardian.forking:
            self._count += 1
            mark = Mark(f"{self._guardian.mark}.{self._count}", self._guardian.number + self._count)
            with _soft_limit(mark.number):
                yield mark

    def started(self, process: int) -> None:
        """Take note of a program's own process: a child of the agent that is no orphan."""
        self._started.add(process)

    def over(self, process: int) -> None:
        """Forget a program's own process; its exit status has been asked for."""
        self._started.discard(process)

    def members(self, mark: Mark, root: int | None) -> list[int]:
        """Return the processes of a program: its own (`root`), unless it ended, its orphans, and what descends of them.

        The exit statuses of orphans that ended are asked for on the way.
        """
        orphans = [orphan for orphan in self._left_by(mark) if not _reaped(orphan)]
        return descent.descendants([*([] if root is None else [root]), *orphans])

    def reap(self) -> None:
        """Ask for the exit status of every orphan that has ended: until then it takes up a process id.

        Whatever else this process has started is somebody else's to ask for.
        """
        for orphan in self._orphans():
            if 0 <= guard.number_of(orphan) - self._guardian.number < guard.SPAN:
                _reaped(orphan)

    def left_nothing(self) -> bool:
        """Return whether nothing is there that any program left behind; it costs a look or two at a list."""
        # What forks and ends at once may slip through one list, which is read while it changes.
        return not self._orphans() and not self._orphans()

    def end(self, mark: Mark) -> list[str]:
        """Kill what a program that has ended left behind, until nothing of it is there; it may fork meanwhile. Blocks.

        Returns
        -------
        list of str
            Name and process id of what could not be ended: another user's, or one that hangs in the kernel.
        """
        deadline, pause, known = time.monotonic() + PATIENCE, _PAUSE, set[int]()
        while found := self._kill_left_by(mark) or self._kill_left_by(mark):
            if not any(found.values()) or time.monotonic() > deadline:
                return [described(process) for process in found]
            if found.keys() <= known:  # all of them are about to end
                time.sleep(pause)
                pause = min(2 * pause, 0.05)
            else:
                pause = _PAUSE
            known.update(found)
        return []

    def _kill_left_by(self, mark: Mark) -> dict[int, bool]:
        """Kill a program's orphans and what descends of them; return what was found, and whether it could be killed.

        The youngest orphans come first: one that forks and ends at once is gone in a moment, and leaves behind an exit
        status each time.
        """
        found: dict[int, bool] = {}
        for orphan in reversed(self._orphans()):
            if _has(mark, orphan):
                found[orphan] = True
                if not _reaped(orphan):
                    found.update({member: _killed(member) for member in descent.descendants([orphan])})
        return found

    def _left_by(self, mark: Mark) -> list[int]:
        return [orphan for orphan in self._orphans() if _has(mark, orphan)]

    def _orphans(self) -> list[int]:
        return [child for child in descent.adopted() if child not in self._started and child != self._guardian.pid]


def _has(mark: Mark, process: int) -> bool:
    return guard.number_of(process) == mark.number or guard.variable_of(process) == mark.value


def _reaped(process: int) -> bool:
    """Ask for the exit status of an orphan; return whether it had one, and is gone for good."""
    try:
        return os.waitpid(process, os.WNOHANG)[0] == process
    except ChildProcessError:
        return True


def _killed(process: int) -> bool:
    try:
        os.kill(process, signal.SIGKILL)
    except PermissionError:
        return False
    except ProcessLookupError:
        pass
    return True


def described(process: int) -> str:
    """Return a process's name and id."""
    with contextlib.suppress(psutil.Error):
        return f"{psutil.Process(process).name()} ({process})"
    return str(process)


@contextmanager
def _soft_limit(number: int) -> Iterator[None]:
    """Have a soft limit that children inherit; a system without it does without."""
    try:
        before = resource.getrlimit(guard.LIMIT)
        resource.setrlimit(guard.LIMIT, (number, before[1]))
    except (OSError, ValueError):
        yield
        return
    try:
        yield
    finally:
        resource.setrlimit(guard.LIMIT, before)
