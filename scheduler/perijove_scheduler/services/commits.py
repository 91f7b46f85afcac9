"""What workers uploaded becomes final: before the rows that name it, so that no row names what is not there.

A crash in between leaves objects that no row names; the event comes again, finds them, and the rows are written.
"""

from __future__ import annotations

from collections.abc import Sequence

from perijove.errors import PerijoveError
from perijove.model.events import Archived, Event, Finished, Segmented
from perijove.model.reasons import Reason
from perijove_scheduler.files.protocol import Files, Upload, attempt_prefix, log_key, segment_key
from perijove_scheduler.store.store import Store

_NAMED = 5
_DETAIL = 2_000


class NotStored(PerijoveError):
    """What a worker says it has stored is not there."""


class Commits:
    """Settles the uploads that events tell of."""

    def __init__(self, store: Store, files: Files) -> None:
        self._store = store
        self._files = files

    async def settle(self, events: Sequence[Event]) -> list[Event]:
        """Return the events as they may be applied: an attempt whose outputs are not there did not complete.

        Raises
        ------
        NotStored
            Records are not there.
        perijove.errors.Unavailable
            The store's disk is full, broken or away: nothing is wrong with the events.
        """
        await self._settle_records([event for event in events if isinstance(event, Archived | Segmented)])
        uploads = [upload for event in events if isinstance(event, Finished) for upload in _uploads(event)]
        missing = set(await self._files.settle(uploads))
        return [_kept(event, missing) if isinstance(event, Finished) and missing else event for event in events]

    async def _settle_records(self, events: Sequence[Archived | Segmented]) -> None:
        """Settle what who ran an attempt stored of its records, unless it is there; a longer archive replaces one."""
        attempts = {(event.execution, event.attempt) for event in events}
        if not attempts:
            return
        known = await self._store.attempts.archived(attempts)
        segmented = await self._store.segments.last_of(attempts)
        for event in events:
            worker, records, archived = known.get((event.execution, event.attempt), (None, None, False))
            if worker != event.runner:
                continue  # not its to say; the store looks at that, too
            if isinstance(event, Segmented):
                if event.last <= segmented.get((event.execution, event.attempt), 0):
                    continue
                key = segment_key(event.execution, event.attempt, event.first, event.last)
            else:
                if archived and event.records <= (records or 0):
                    continue
                key = log_key(event.execution, event.attempt)
            await self._settle_one(key, event)

    async def _settle_one(self, key: str, event: Archived | Segmented) -> None:
        missing = await self._files.settle([Upload(key, event.sha256, event.size)], replace=True)
        if missing and await self._files.stat(key) is None:
            raise NotStored(f"The records that attempt {event.attempt} of {event.execution} stored are not there.")


def _uploads(event: Finished) -> list[Upload]:
    prefix = attempt_prefix(event.execution, event.attempt)
    return [Upload(f"{prefix}{output.name}", output.sha256, output.size) for output in event.outputs]


def _kept(event: Finished, missing: set[Upload]) -> Finished:
    """Return the end of an attempt with those of its outputs that are there."""
    there = [upload not in missing for upload in _uploads(event)]
    if all(there):
        return event
    kept = [output for output, is_there in zip(event.outputs, there, strict=True) if is_there]
    names = [output.name for output, is_there in zip(event.outputs, there, strict=True) if not is_there]
    shown = ", ".join(f"'{name}'" for name in names[:_NAMED])
    changes = {"outputs": kept}
    if event.reason is not Reason.OK:
        return event.model_copy(update=changes)
    detail = f"Of its outputs {len(names)} are not in the store as the worker says: {shown}."
    return event.model_copy(update={**changes, "reason": Reason.OUTPUT_FAILED, "detail": detail[:_DETAIL]})
