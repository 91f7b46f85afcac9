"""The life of an execution, as data: its statuses, and who may move it from which to which."""

from __future__ import annotations

from enum import Enum
from typing import NamedTuple


class Status(str, Enum):
    """Where an execution stands. Why it stands there is its `Reason`."""

    CREATED = "created"
    QUEUED = "queued"
    STARTED = "started"
    STOPPING = "stopping"
    COMPLETE = "complete"
    ERROR = "error"
    CRASHED = "crashed"
    STOPPED = "stopped"

    def __str__(self) -> str:
        return self.value


class Writer(str, Enum):
    """Who writes a transition; nobody else may."""

    REST = "rest"
    DISPATCHER = "dispatcher"
    APPLIER = "applier"
    REAPER = "reaper"


class Transition(NamedTuple):
    """One allowed step of an execution's life."""

    source: Status
    target: Status
    writer: Writer
    when: str


TRANSITIONS: tuple[Transition, ...] = (
    Transition(Status.CREATED, Status.QUEUED, Writer.DISPATCHER, "admitted; a ticket is offered to the group"),
    Transition(Status.CREATED, Status.QUEUED, Writer.REST, "a worker was free for it, and nothing waited before it"),
    Transition(Status.CREATED, Status.STOPPED, Writer.REST, "someone asked before it was admitted"),
    Transition(Status.CREATED, Status.CRASHED, Writer.DISPATCHER, "no worker of its group can ever take it"),
    Transition(Status.QUEUED, Status.CREATED, Writer.DISPATCHER, "the only workers that could take it have left"),
    Transition(Status.QUEUED, Status.CRASHED, Writer.DISPATCHER, "no worker of its group can ever take it any more"),
    Transition(Status.QUEUED, Status.STARTED, Writer.APPLIER, "a worker claimed this attempt"),
    Transition(Status.QUEUED, Status.STOPPED, Writer.REST, "someone asked before a worker claimed it"),
    Transition(Status.STARTED, Status.COMPLETE, Writer.APPLIER, "finished: success"),
    Transition(Status.STARTED, Status.ERROR, Writer.APPLIER, "finished: the user's work failed"),
    Transition(Status.STARTED, Status.CRASHED, Writer.APPLIER, "finished: infrastructure failed for good"),
    Transition(Status.STARTED, Status.QUEUED, Writer.APPLIER, "handed back, or failed with retries left"),
    Transition(Status.STARTED, Status.QUEUED, Writer.REAPER, "the worker is lost, retries are left: attempt + 1"),
    Transition(Status.STARTED, Status.CRASHED, Writer.REAPER, "the worker is lost and no retries are left"),
    Transition(Status.STARTED, Status.STOPPING, Writer.REST, "someone asked"),
    Transition(Status.STOPPING, Status.STOPPED, Writer.APPLIER, "the worker stopped it"),
    Transition(Status.STOPPING, Status.COMPLETE, Writer.APPLIER, "it finished before the stop reached it"),
    Transition(Status.STOPPING, Status.ERROR, Writer.APPLIER, "it failed before the stop reached it"),
    Transition(Status.STOPPING, Status.STOPPED, Writer.REAPER, "its worker is lost"),
)

#: Statuses that nothing leaves.
TERMINAL: frozenset[Status] = frozenset(Status) - {step.source for step in TRANSITIONS}
#: Statuses in which a worker may hold the execution.
HELD: frozenset[Status] = frozenset({Status.STARTED, Status.STOPPING})
#: Statuses in which it waits for a worker.
WAITING: frozenset[Status] = frozenset({Status.CREATED, Status.QUEUED})
#: Statuses from which a person may still stop it.
STOPPABLE: frozenset[Status] = frozenset(s.source for s in TRANSITIONS if s.writer is Writer.REST)


def sources(target: Status, writer: Writer) -> frozenset[Status]:
    """Return the statuses from which `writer` may move an execution to `target`."""
    return frozenset(step.source for step in TRANSITIONS if step.target is target and step.writer is writer)


def allowed(source: Status, target: Status, writer: Writer) -> bool:
    """Return whether `writer` may move an execution from `source` to `target`."""
    return source in sources(target, writer)


def _check_table() -> None:
    """Fail the import of a table that contradicts itself."""
    if TERMINAL != {Status.COMPLETE, Status.ERROR, Status.CRASHED, Status.STOPPED}:
        raise AssertionError(f"the terminal statuses came out as {sorted(TERMINAL)}")
    if len({step[:3] for step in TRANSITIONS}) != len(TRANSITIONS):
        raise AssertionError("a transition stands twice in the table")
    reachable = {Status.CREATED}
    for _ in Status:
        reachable |= {step.target for step in TRANSITIONS if step.source in reachable}
    if reachable != set(Status):
        raise AssertionError(f"unreachable statuses: {sorted(set(Status) - reachable)}")


_check_table()
