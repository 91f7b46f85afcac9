"""What the store's life-cycle methods take and return: plain values, never rows."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from perijove.model.spec import Resources, Spec
from perijove.model.status import Status
from perijove.model.tickets import Ticket


@dataclass(frozen=True)
class Waiting:
    """A created execution near the head of its owner's line."""

    id: str
    owner: str
    priority: int
    resources: Resources
    attempt: int = 1


@dataclass(frozen=True)
class Unfit:
    """A created or queued execution that no worker of a kind is large enough for, and its next attempt."""

    id: str
    attempt: int
    resources: Resources


@dataclass(frozen=True)
class Offer:
    """A queued execution, with what its ticket says."""

    id: str
    attempt: int
    group: str
    project: str
    number: int
    owner: str
    spec: dict[str, Any]

    def ticket(self, notebook: dict[str, Any] | None = None) -> Ticket:
        """Return the ticket; `notebook` is the document where it is small enough to travel along."""
        return Ticket(
            execution=self.id,
            attempt=self.attempt,
            project=self.project,
            number=self.number,
            owner=self.owner,
            spec=Spec.model_validate(self.spec),
            notebook=notebook,
        )


@dataclass(frozen=True)
class Queued:
    """A queued execution and the attempt that should be on the queue of its group."""

    group: str
    id: str
    attempt: int


@dataclass(frozen=True)
class AttemptRef:
    """One attempt, and whose it is; `worker` is empty where none ever had it."""

    group: str
    execution: str
    attempt: int
    worker: str = ""


@dataclass(frozen=True)
class TakenOver:
    """An attempt whose records up to number `last` lie in the object store; `attempt.worker` stored them."""

    attempt: AttemptRef
    last: int


@dataclass(frozen=True)
class Applied:
    """What a batch of events changed.

    Attributes
    ----------
    changed : list of str
        Executions whose rows changed: tell the viewers.
    finished : list of AttemptRef
        Attempts that ended in this batch, whether the execution is final or goes on: forget their tickets.
    requeued : list of Offer
        Executions that go on with another attempt: offer their tickets.
    stale : list of AttemptRef
        Attempts that a worker holds and may not: tell it to stop them.
    segmented : list of TakenOver
        Attempts that go on and whose older records lie in the object store: trim their streams.
    archived : list of AttemptRef
        Attempts whose records lie in the archive: let their streams expire.
    """

    changed: list[str] = field(default_factory=list)
    finished: list[AttemptRef] = field(default_factory=list)
    requeued: list[Offer] = field(default_factory=list)
    stale: list[AttemptRef] = field(default_factory=list)
    segmented: list[TakenOver] = field(default_factory=list)
    archived: list[AttemptRef] = field(default_factory=list)


@dataclass(frozen=True)
class Lost:
    """What became of the executions of lost workers.

    `ended` names every attempt that was taken from them: forget its ticket.
    """

    requeued: list[Offer] = field(default_factory=list)
    crashed: list[AttemptRef] = field(default_factory=list)
    stopped: list[AttemptRef] = field(default_factory=list)

    @property
    def changed(self) -> list[str]:
        """The executions whose rows changed."""
        return [*(o.id for o in self.requeued), *(a.execution for a in (*self.crashed, *self.stopped))]

    @property
    def ended(self) -> list[AttemptRef]:
        """Every attempt that ended: of a requeued execution, the one before the offered."""
        before = [AttemptRef(o.group, o.id, o.attempt - 1) for o in self.requeued]
        return [*before, *self.crashed, *self.stopped]


@dataclass(frozen=True)
class StopOutcome:
    """What asking to stop came to: the status before and after, and the attempt it concerns."""

    before: Status
    after: Status
    attempt: AttemptRef


@dataclass(frozen=True)
class ToArchive:
    """A finished attempt whose records are not archived yet; `records` is the last one's number where it is known."""

    group: str
    execution: str
    attempt: int
    worker: str | None
    records: int | None
