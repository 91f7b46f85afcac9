"""Reads a snapshot while it arrives, so that one which no worker would unpack is refused and never stored."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterable, AsyncIterator
from contextlib import suppress

from perijove.code import inspect


async def inspected(body: AsyncIterable[bytes], limit: int) -> AsyncIterator[bytes]:
    """Pass a snapshot's bytes on; end in an error if they are none, so that whoever stores them stores nothing.

    A thread reads the archive through a pipe: its pace is the sender's, and nothing is held whole.

    Raises
    ------
    perijove.errors.InvalidPath, perijove.errors.SnapshotTooLarge, perijove.errors.InvalidRequest
        As `perijove.code.inspect` raises them.
    """
    out, into = os.pipe()
    verdict = asyncio.ensure_future(asyncio.to_thread(_read, out, limit))
    try:
        with os.fdopen(into, "wb", buffering=0) as pipe:
            async for chunk in body:
                yield chunk
                # A reader that has refused the archive closes its end; what it found is raised below.
                with suppress(BrokenPipeError):
                    await asyncio.to_thread(_write, pipe.fileno(), chunk)
                if verdict.done():
                    await verdict
        await verdict
    finally:
        await asyncio.gather(verdict, return_exceptions=True)


def _read(descriptor: int, limit: int) -> None:
    with os.fdopen(descriptor, "rb") as pipe:
        inspect(pipe, limit)


def _write(descriptor: int, chunk: bytes) -> None:
    view = memoryview(chunk)
    while view:
        view = view[os.write(descriptor, view) :]
