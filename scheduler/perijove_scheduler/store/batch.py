"""A batch of events, folded into what it changes: pure; `rows` writes it afterwards in a few statements."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime

from perijove.model.events import (
    Advanced,
    Archived,
    Claimed,
    Event,
    Finished,
    Held,
    LeftOut,
    OutputFile,
    Segmented,
    Stopped,
)
from perijove.model.reasons import Reason
from perijove.model.status import TERMINAL
from perijove_scheduler.store import standing as rules
from perijove_scheduler.store.outcomes import AttemptRef
from perijove_scheduler.store.standing import Standing

#: A group's name and an event of its stream. An agent speaks for the executions of its own group only.
GroupEvent = tuple[str, Event]


@dataclass(frozen=True)
class Ending:
    """How an attempt ended, for its row."""

    ref: AttemptRef
    reason: Reason
    records: int | None = None
    left_out: Sequence[LeftOut] = ()


@dataclass
class Batch:
    """The executions of a batch, as they were (`before`) and as its events leave them (`standings`)."""

    before: dict[str, Standing]
    now: datetime
    standings: dict[str, Standing] = field(init=False)
    claims: list[AttemptRef] = field(default_factory=list)
    endings: list[Ending] = field(default_factory=list)
    outputs: dict[str, tuple[int, list[OutputFile]]] = field(default_factory=dict)
    segments: list[Segmented] = field(default_factory=list)
    archives: list[Archived] = field(default_factory=list)
    archived_before: list[Archived] = field(default_factory=list)
    stale: list[AttemptRef] = field(default_factory=list)
    gone: list[tuple[str, str]] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.standings = {id_: replace(standing) for id_, standing in self.before.items()}

    @property
    def changed(self) -> list[Standing]:
        """The executions that are no longer what they were."""
        return [standing for id_, standing in self.standings.items() if standing != self.before[id_]]

    def fold(self, events: Iterable[GroupEvent]) -> None:
        """Apply events in their order."""
        for group, event in events:
            self._take(group, event)

    def _take(self, group: str, event: Event) -> None:
        if isinstance(event, Stopped):
            self.gone.append((group, event.worker))
            return
        standing = self.standings.get(event.execution)
        if standing is not None and standing.group != group:
            return
        if isinstance(event, Claimed | Held):
            self._claim(standing, group, event)
        elif standing is not None and isinstance(event, Advanced):
            rules.advance(standing, event)
        elif standing is not None and isinstance(event, Finished):
            self._finish(standing, event)
        elif standing is not None and isinstance(event, Segmented):
            self.segments.append(event)
        elif standing is not None and isinstance(event, Archived):
            self.archives.append(event)

    def _claim(self, standing: Standing | None, group: str, event: Claimed | Held) -> None:
        claimed = None if standing is None else rules.claim(standing, event.attempt, event.worker, self.now)
        ref = AttemptRef(group, event.execution, event.attempt, event.worker)
        if claimed is None:
            self.stale.append(ref)
        elif claimed:
            self.claims.append(ref)

    def _finish(self, standing: Standing, event: Finished) -> None:
        ref = AttemptRef(standing.group, standing.id, event.attempt, event.worker)
        # Redis may have been flushed between the claim and its reading; that it finished says that it was claimed.
        unheard = rules.claim(standing, event.attempt, event.worker, self.now)
        if not rules.finish(standing, event, self.now):
            return
        if unheard:
            self.claims.append(ref)
        self.endings.append(Ending(ref, event.reason, event.records, event.left_out))
        if standing.status in TERMINAL:
            self.outputs[standing.id] = (event.attempt, event.outputs)
