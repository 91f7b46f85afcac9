"""Where an execution stands, and how each event moves it: pure functions, no database.

`Standing` is the part of a row that events change. The functions return whether they changed it; each step is checked
against the table of transitions, so an event can only do what its writer may.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

from perijove.model.events import Advanced, Finished
from perijove.model.reasons import MEANINGS, MOST_FREE, Reason, Retry
from perijove.model.records import Phase
from perijove.model.status import HELD, Status, Writer, allowed
from perijove.safe_json import METADATA, fits

_PHASES = list(Phase)


@dataclass
class Standing:
    """The part of an execution's row that changes while it lives."""

    id: str
    group: str
    status: Status
    attempt: int
    retries_left: int
    free_retries: int = 0
    reason: Reason | None = None
    detail: str = ""
    worker: str | None = None
    phase: Phase | None = None
    waits_for: str = ""
    done: int | None = None
    total: int | None = None
    values: dict[str, Any] = field(default_factory=dict)
    environment: dict[str, Any] = field(default_factory=dict)
    left_out: int = 0
    queued_at: datetime | None = None
    started_at: datetime | None = None
    finished_at: datetime | None = None

    def move(self, target: Status, writer: Writer) -> None:
        """Take one step of the table; anything else is a mistake of ours."""
        if not allowed(self.status, target, writer):
            raise AssertionError(f"{writer.value} may not move {self.id} from {self.status} to {target}")
        self.status = target


def claim(standing: Standing, attempt: int, worker: str, now: datetime) -> bool | None:
    """Note that a worker says it holds an attempt; None when it may not hold it."""
    if standing.attempt != attempt:
        return None
    if standing.status in HELD and standing.worker == worker:
        return False
    if standing.status is not Status.QUEUED:
        return None
    standing.move(Status.STARTED, Writer.APPLIER)
    standing.worker, standing.started_at = worker, now
    return True


def advance(standing: Standing, event: Advanced) -> bool:
    """Take over phase, progress, metadata and what it waits for.

    A phase or a count that goes backwards is an old event come again.
    """
    if not _is_held_by(standing, event.attempt, event.worker):
        return False
    before = replace(standing)
    standing.phase = max(standing.phase, event.phase, key=_order)
    if event.waits is not None:
        standing.waits_for = event.waits
    _take_over(standing, event)
    return before != standing


def finish(standing: Standing, event: Finished, now: datetime) -> bool:
    """End an attempt that its worker holds."""
    if not _is_held_by(standing, event.attempt, event.worker):
        return False
    if _goes_on(standing, event.reason):
        _try_again(standing, event.reason, Writer.APPLIER, now)
        return True
    _take_over(standing, event)
    standing.environment, standing.left_out = event.environment, event.left_out_count
    _end(standing, event.reason, event.detail or _why_no_more(standing, event.reason), Writer.APPLIER, now)
    return True


def lose(standing: Standing, reason: Reason, now: datetime) -> None:
    """Take an attempt from a worker that is lost."""
    if _goes_on(standing, reason):
        _try_again(standing, reason, Writer.REAPER, now)
    else:
        _end(standing, reason, _why_no_more(standing, reason), Writer.REAPER, now)


def _is_held_by(standing: Standing, attempt: int, worker: str) -> bool:
    return standing.status in HELD and standing.attempt == attempt and standing.worker == worker


def _take_over(standing: Standing, event: Advanced | Finished) -> None:
    standing.done = _larger(standing.done, event.done)
    standing.total = standing.total if event.total is None else event.total
    merged = {**standing.values, **event.metadata}
    if fits(merged, METADATA):  # an agent bounds what it sends; one that does not changes no more of it
        standing.values = merged


def _order(phase: Phase | None) -> int:
    return -1 if phase is None else _PHASES.index(phase)


def _larger(one: int | None, other: int | None) -> int | None:
    return max((n for n in (one, other) if n is not None), default=None)


def _goes_on(standing: Standing, reason: Reason) -> bool:
    retry = MEANINGS[reason].retry
    if standing.status is not Status.STARTED or retry is Retry.NEVER:
        return False
    return standing.free_retries < MOST_FREE if retry is Retry.FREE else standing.retries_left > 0


def _why_no_more(standing: Standing, reason: Reason) -> str:
    """Say why what would be tried again for nothing is not."""
    exhausted = MEANINGS[reason].retry is Retry.FREE and standing.free_retries >= MOST_FREE
    return f"That happened {standing.free_retries + 1} times, so it is not tried again." if exhausted else ""


def _try_again(standing: Standing, reason: Reason, writer: Writer, now: datetime) -> None:
    standing.move(Status.QUEUED, writer)
    standing.retries_left -= MEANINGS[reason].retry is Retry.COUNTED
    standing.free_retries += MEANINGS[reason].retry is Retry.FREE
    standing.attempt += 1
    standing.worker = standing.phase = standing.done = standing.total = standing.started_at = None
    standing.values, standing.waits_for = {}, ""
    standing.queued_at = now


def _end(standing: Standing, reason: Reason, detail: str, writer: Writer, now: datetime) -> None:
    if reason is Reason.STOPPED_BY_USER and standing.status is Status.STARTED:
        # An agent stops only what it was asked to; that the request is not in the row yet changes nothing of it.
        standing.move(Status.STOPPING, Writer.REST)
    target = MEANINGS[reason].status
    if not allowed(standing.status, target, writer):
        # Somebody asked to stop it, and infrastructure failed before that was done: it is stopped all the same.
        target, reason, detail = Status.STOPPED, Reason.STOPPED_BY_USER, ""
    standing.move(target, writer)
    standing.reason, standing.detail, standing.finished_at = reason, detail, now
    standing.phase, standing.waits_for = None, ""
