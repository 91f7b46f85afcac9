"""Reading a log over a connection that may break."""

from __future__ import annotations

from collections.abc import Mapping

import httpx

from perijove.client.flow import Emit, Read, Request, Sleep, Stream
from perijove.client.problems import lost
from perijove.client.transfer import RETRIES, open_body, repetitions


def read_log(address: str, params: Mapping[str, str]) -> Stream[bytes]:
    """Emit a log's bytes. What was written never changes, so a broken reading goes on where it broke."""
    have = 0
    waits = repetitions()
    while True:
        yield from open_body(Request("GET", address, params))
        skip = have
        try:
            while chunk := (yield Read()):
                new = chunk[skip:]
                skip = max(0, skip - len(chunk))
                if new:
                    have += len(new)
                    waits.reset()
                    yield Emit(new)
        except httpx.TransportError as error:
            if waits.failures == RETRIES:
                raise lost(error) from error
            yield Sleep(waits.next())
        else:
            return
