"""What an execution tells: its records and its state, followed while it lives or read again afterwards."""

from __future__ import annotations

import re
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import aclosing
from typing import Any

from perijove.errors import NotFound
from perijove.model.resources import Metadata
from perijove.model.sizes import describe_size
from perijove_scheduler.files.protocol import Files, payload_key
from perijove_scheduler.queue.protocol import Queue
from perijove_scheduler.queue.tail import Tail
from perijove_scheduler.services import transcript
from perijove_scheduler.services.access import Access
from perijove_scheduler.services.caller import Caller
from perijove_scheduler.services.changes import Changes
from perijove_scheduler.services.chronicle import Chronicle, Records
from perijove_scheduler.services.follow import EndItem, Follower, RecordItem, StateItem, StoryItem
from perijove_scheduler.services.limits import Limits
from perijove_scheduler.services.points import Points
from perijove_scheduler.store.executions import FoundExecution
from perijove_scheduler.store.store import Store

__all__ = ["EndItem", "RecordItem", "StateItem", "Story", "StoryItem"]

#: The most bytes of a record's content that the text of a log shows, where it is an object of its own.
PAYLOAD_LIMIT = 1024 * 1024
_SHA256 = re.compile("[0-9a-f]{64}")


class Story:
    """What callers may read of an execution's records."""

    def __init__(
        self, store: Store, queue: Queue, tail: Tail, files: Files, access: Access, changes: Changes, limits: Limits
    ) -> None:
        self._files = files
        self._access = access
        self._changes = changes
        self._chronicle = Chronicle(files, queue, tail, store.segments)
        self._follower = Follower(store, self._chronicle, limits)

    async def events(
        self, caller: Caller, execution: str, after: tuple[int, int] | None = None
    ) -> AsyncGenerator[StoryItem, None]:
        """Iterate over an execution's story, from after record `after` (attempt, number) or from its beginning.

        Its state comes first and whenever it changed, its records in order; it goes on with the next attempt, and ends
        when the execution is final and everything was told. Nothing is read ahead: a slow viewer slows only itself.
        """
        caller.require("read")
        with self._changes.watch(execution) as watch:
            async with aclosing(self._follower.follow(caller.viewer, execution, after or (1, 0), watch)) as items:
                async for item in items:
                    yield item

    async def log(self, caller: Caller, execution: str, attempt: int | None = None) -> AsyncIterator[bytes]:
        """Iterate over the text of an attempt's log, as far as it has come; by default of the latest attempt."""
        caller.require("read")
        found = await self._access.whole(caller, execution)
        number = found.row.attempt if attempt is None else attempt
        if number > found.row.attempt:
            raise NotFound(f"It has no attempt {number}.")
        async for records in self._records(found, number):
            text = [await self._text(execution, number, line) for _, line in records if transcript.is_of_interest(line)]
            if text:
                yield b"".join(text)

    async def aclose(self) -> None:
        """End what viewers that have left still asked for."""
        await self._follower.aclose()

    async def metadata(self, caller: Caller, execution: str) -> Metadata:
        """Return the metadata of the latest attempt: the last value of each key, and the points.

        Where there are very many, every second of them, or every fourth and so on: the answer says so.
        """
        caller.require("read")
        found = await self._access.whole(caller, execution)
        points = Points()
        async for records in self._records(found, found.row.attempt):
            for number, line in records:
                points.see(number, line)
        return Metadata(latest=found.row.values, points=points.kept(), total=points.total, every=points.every)

    async def _records(self, found: FoundExecution, attempt: int) -> AsyncIterator[Records]:
        row = found.row
        attempts = {each.attempt: each for each in found.attempts}
        async for records in self._chronicle.read(row.group_name, row.id, attempt, attempts.get(attempt)):
            yield records

    async def _text(self, execution: str, attempt: int, line: bytes) -> bytes:
        record = transcript.parsed(line)
        if record.get("content") is None and (ref := record.get("ref")):
            return await self._payload(execution, attempt, str(ref), record)
        return transcript.text_of(record)

    async def _payload(self, execution: str, attempt: int, ref: str, record: dict[str, Any]) -> bytes:
        """Return the text of a record whose content is an object of its own, unless that is a large one."""
        key = payload_key(execution, attempt, ref)
        stored = await self._files.stat(key) if _SHA256.fullmatch(ref) else None
        if stored is None:
            return b""  # its worker was lost before it had stored it
        if stored.size > PAYLOAD_LIMIT:
            return f"[{describe_size(stored.size)} are left out here: payload {ref}]\n".encode()
        try:
            body = b"".join([chunk async for chunk in self._files.get(key, 0, PAYLOAD_LIMIT)])
        except NotFound:
            return b""
        return transcript.text_of({**record, "content": transcript.parsed(body)})
