"""Follow one execution for one viewer: state and records, from attempt to attempt, to the end."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable
from contextlib import aclosing, suppress
from dataclasses import dataclass
from functools import partial
from typing import Any

from perijove.errors import Unavailable, UnknownExecution
from perijove.model.resources import Execution
from perijove.model.status import TERMINAL
from perijove_scheduler.services import present
from perijove_scheduler.services.changes import Watch
from perijove_scheduler.services.chronicle import Chronicle, Records
from perijove_scheduler.services.limits import Limits
from perijove_scheduler.services.shared import Shared
from perijove_scheduler.store.store import Store
from perijove_scheduler.store.tables import AttemptRow
from perijove_scheduler.store.visibility import Viewer

#: Seconds from one look at the row to the next, at least: what changes meanwhile is seen together.
LOOKS_APART = 0.03


@dataclass(frozen=True)
class RecordItem:
    """Record `n` of an attempt, as its JSON line."""

    attempt: int
    n: int
    line: bytes


@dataclass(frozen=True)
class StateItem:
    """The execution as it stands now."""

    execution: Execution


@dataclass(frozen=True)
class EndItem:
    """The execution is final, and all of its records were told."""


StoryItem = RecordItem | StateItem | EndItem


@dataclass(frozen=True)
class _State:
    execution: Execution
    group: str
    attempts: dict[int, AttemptRow]

    @property
    def final(self) -> bool:
        return self.execution.status in TERMINAL

    def is_over(self, attempt: int) -> bool:
        return self.final or attempt < self.execution.attempt

    def archived(self, attempt: int) -> AttemptRow | None:
        row = self.attempts.get(attempt)
        return row if row is not None and row.archived_at is not None else None


class Follower:
    """Tells one execution's story after the other."""

    def __init__(self, store: Store, chronicle: Chronicle, limits: Limits) -> None:
        self._store = store
        self._chronicle = chronicle
        self._limits = limits
        self._looks: Shared[tuple[Viewer, str], _State] = Shared(lambda key: self._read(*key))

    async def aclose(self) -> None:
        """End the looks at rows that nobody waits for any more."""
        await self._looks.aclose()

    async def follow(
        self, viewer: Viewer, execution: str, after: tuple[int, int], watch: Watch
    ) -> AsyncGenerator[StoryItem, None]:
        """Iterate over the story from after record `after` on; `watch` wakes it when the row changes."""
        state = await self._look(viewer, execution)
        yield StateItem(state.execution)
        # A position beyond the latest attempt was never given out; it is told from where there is something.
        attempt, n = after if 1 <= after[0] <= state.execution.attempt else (1, 0)
        while True:
            async with aclosing(self._attempt(viewer, state, attempt, n, watch)) as items:
                async for item in items:
                    if isinstance(item, RecordItem):
                        yield item
                        continue
                    if item.execution != state.execution:
                        yield StateItem(item.execution)
                    state = item
            if attempt >= state.execution.attempt:
                break
            attempt, n = attempt + 1, 0
        yield EndItem()

    async def _attempt(
        self, viewer: Viewer, state: _State, attempt: int, n: int, watch: Watch
    ) -> AsyncGenerator[RecordItem | _State, None]:
        """Tell one attempt's records, and the states seen meanwhile, until it is over and told."""
        look = partial(self._look, viewer, state.execution.id)
        begun = attempt in state.attempts
        stream = self._chronicle.follow(state.group, state.execution.id, attempt, n, begun=begun)
        live = _Live(stream, n, watch, look)
        try:
            while not await self._is_told(state, attempt, live.after):
                if row := state.archived(attempt):
                    async for records in self._chronicle.archived(row, live.after):
                        for number, line in records:
                            yield RecordItem(attempt, number, line)
                    return
                records, seen = await live.wait()
                for number, line in records:
                    yield RecordItem(attempt, number, line)
                if seen is not None:
                    state = seen
                    yield state
        finally:
            await live.aclose()

    async def _is_told(self, state: _State, attempt: int, n: int) -> bool:
        if not state.is_over(attempt):
            return False
        row = state.attempts.get(attempt)
        if row is None:  # it was never claimed
            return True
        if row.records is not None:
            return n >= row.records
        # Its worker was lost. What reached Redis is all there is, until it lies in the archive.
        return not state.archived(attempt) and n >= await self._chronicle.last_record(
            state.group, state.execution.id, attempt
        )

    async def _look(self, viewer: Viewer, execution: str) -> _State:
        return await self._looks.ask((viewer, execution))

    async def _read(self, viewer: Viewer, execution: str) -> _State:
        found = await self._store.executions.find_whole(viewer, execution)
        if found is None:  # not the viewer's to see, or deleted meanwhile
            raise UnknownExecution
        attempts = {row.attempt: row for row in found.attempts}
        return _State(present.execution(found, self._limits), found.row.group_name, attempts)


class _Live:
    """The live stream of one attempt, waited for together with changes of the row.

    The row is looked at beside the records: however long the database takes, no record waits for it.
    """

    def __init__(
        self, records: AsyncIterator[Records], after: int, watch: Watch, look: Callable[[], Awaitable[_State]]
    ) -> None:
        self._records = records
        self._watch = watch
        self._look = look
        self._next: asyncio.Future[Records] | None = None
        self._change: asyncio.Future[None] | None = None
        self._looking: asyncio.Future[_State] | None = None
        self._looked = time.monotonic()
        self.after = after

    async def wait(self) -> tuple[Records, _State | None]:
        """Wait for records, or for the row as it stands after a change; return what there is of both."""
        self._next = self._next or asyncio.ensure_future(anext(self._records))
        self._change = self._change or asyncio.ensure_future(self._watch.wait())
        # What changes during a look is looked at afterwards.
        either: list[asyncio.Future[Any]] = [self._next, self._looking or self._change]
        await asyncio.wait(either, return_when=asyncio.FIRST_COMPLETED)
        seen = self._take_look()
        if self._looking is None and self._change.done():
            self._change, self._looking = None, asyncio.ensure_future(self._look_soon())
        return self._take_records(), seen

    async def _look_soon(self) -> _State:
        await asyncio.sleep(self._looked + LOOKS_APART - time.monotonic())
        self._looked = time.monotonic()
        return await self._look()

    def _take_look(self) -> _State | None:
        if self._looking is None or not self._looking.done():
            return None
        looking, self._looking = self._looking, None
        try:
            return looking.result()
        except Unavailable:  # the records go on meanwhile, and the watch looks again
            return None

    def _take_records(self) -> Records:
        if self._next is None or not self._next.done():
            return []
        records, self._next = self._next.result(), None
        self.after = records[-1][0] if records else self.after
        return records

    async def aclose(self) -> None:
        """Stop waiting, and stop the stream. A change whose look nobody saw is left to whoever watches next."""
        if self._looking is not None or (self._change is not None and self._change.done()):
            self._watch.notify()
        if self._looking is not None:
            await asyncio.wait({self._looking})  # cancelling a query would cost its connection
            if not self._looking.cancelled():
                self._looking.exception()
        for waiting in (self._next, self._change):
            if waiting is not None:
                waiting.cancel()
                with suppress(asyncio.CancelledError, StopAsyncIteration):
                    await waiting
        close = getattr(self._records, "aclose", None)
        if close is not None:
            await close()
