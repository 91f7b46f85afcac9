"""An execution's story as server-sent events (https://html.spec.whatwg.org/multipage/server-sent-events.html)."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator

from perijove_hub.viewers import Pump, Viewers
from perijove_scheduler.services.story import EndItem, RecordItem, StateItem, StoryItem

#: A comment is sent after this many silent seconds, so that no proxy takes the stream for dead.
HEARTBEAT = 5.0
_HEARTBEAT_COMMENT = b": still here\n\n"
#: How long a browser waits before it connects again, in milliseconds.
_RETRY = b"retry: 1000\n"
#: Bytes of an item without its line; of a state, which is a few kilobytes, there is one for each change of the row.
_ITEM = 256
#: What ends a line of a stream; a record's line, which is bytes of somebody's making, may hold any of them.
_LINE_END = re.compile(rb"\r\n|\r|\n")


def message(item: StoryItem) -> bytes:
    """Return one item as a message; records carry the id from which a viewer resumes."""
    if isinstance(item, RecordItem):
        return b"event: record\nid: %d-%d\n%b\n" % (item.attempt, item.n, data(item.line.rstrip(b"\n")))
    if isinstance(item, StateItem):
        return b"event: execution\n%b\n" % data(item.execution.model_dump_json(by_alias=True).encode())
    if isinstance(item, EndItem):
        return b"event: end\ndata: {}\n\n"
    raise TypeError(f"{item!r} is not an item of a story")


def data(content: bytes) -> bytes:
    """Return the data lines of a message: one for each line of `content`, so that none of them begins a field.

    A reader joins them with line feeds. Between the values of JSON these mean nothing, and inside a text JSON allows
    no line end, so what is valid stays what it was.
    """
    if b"\r" not in content and b"\n" not in content:
        return b"data: %b\n" % content
    return b"".join(b"data: %b\n" % line for line in _LINE_END.split(content))


def size_of(item: StoryItem) -> int:
    """Return about how many bytes an item takes while it waits."""
    return _ITEM + (len(item.line) if isinstance(item, RecordItem) else 0)


async def event_stream(
    story: AsyncIterator[StoryItem], viewers: Viewers, heartbeat: float = HEARTBEAT, user: str = ""
) -> AsyncIterator[bytes]:
    """Iterate over batches of messages; what is ready together is sent together.

    A shutdown ends the stream without the ``end`` message, so viewers connect again and resume.
    """
    pump: Pump[StoryItem] = Pump(story, size_of)
    viewers.add(pump, user)
    opening = _RETRY
    try:
        async for batch in pump.batches(heartbeat):
            yield opening + (b"".join(map(message, batch)) or _HEARTBEAT_COMMENT)
            opening = b""
    finally:
        viewers.discard(pump)
        await pump.aclose()
