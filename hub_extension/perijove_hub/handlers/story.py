"""What an execution tells: its event stream, its log, its metadata."""

from __future__ import annotations

from perijove.errors import InvalidRequest
from perijove.model.resources import Metadata
from perijove_hub.call import Call
from perijove_hub.events import event_stream
from perijove_hub.queries import position
from perijove_hub.route import Stream


async def events(call: Call) -> Stream:
    """Follow an execution from a record on; a browser's own header wins over the query, as it is the newer one."""
    try:
        after = position(call.headers.get("Last-Event-ID") or call.query.after)
    except ValueError as error:
        raise InvalidRequest(f"Last-Event-ID {error}.", "Leave it out to start with the first record.") from error
    call.hub.viewers.check(call.caller.name)
    story = call.services.story.events(call.caller, call.path["execution"], after)
    # A proxy that collects or compresses the stream would hold back what should be seen at once.
    headers = {"X-Accel-Buffering": "no", "Cache-Control": "no-store, no-transform"}
    return Stream("text/event-stream", event_stream(story, call.hub.viewers, user=call.caller.name), headers)


async def log(call: Call) -> Stream:
    """Return the log as text."""
    text = call.services.story.log(call.caller, call.path["execution"], call.query.attempt)
    return Stream("text/plain; charset=utf-8", text)


async def metadata(call: Call) -> Metadata:
    """Return the metadata records."""
    return await call.services.story.metadata(call.caller, call.path["execution"])
