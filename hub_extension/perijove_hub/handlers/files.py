"""Signed URLs of the local file store. The signature is the permission; no Hub token is asked for.

What is served is what people's code wrote. It is a download, in a sandbox, and never a page of the Hub's origin.
"""

from __future__ import annotations

from perijove.errors import InvalidRequest, NotFound
from perijove_hub.call import Call
from perijove_hub.ranges import span
from perijove_hub.route import Stream


async def get(call: Call) -> Stream:
    """Send an object or a range of it."""
    key = call.path["key"]
    files = call.hub.platform.files
    grant = files.verify(call.method, key, call.query.model_dump())
    stored = await files.stat(key)
    if stored is None:
        raise NotFound("There is no such file any more.")
    part = span(call.headers.get("Range"), stored.size)
    start, end = part or (0, stored.size)
    headers = {
        **grant.headers(),
        "Content-Length": str(end - start),
        "Accept-Ranges": "bytes",
        "Content-Security-Policy": "sandbox; default-src 'none'",
        **({"Content-Range": f"bytes {start}-{end - 1}/{stored.size}"} if part else {}),
    }
    return Stream(headers["Content-Type"], files.get(key, start, end), headers, 206 if part else 200)


async def put(call: Call) -> None:
    """Store an object while it arrives; with a length given, a shorter body is refused and leaves nothing behind."""
    key = call.path["key"]
    files = call.hub.platform.files
    files.verify(call.method, key, call.query.model_dump())
    if call.length is None:
        raise InvalidRequest("Send a Content-Length.")
    await files.receive(key, call.upload, call.length)
