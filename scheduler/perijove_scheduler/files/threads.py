"""Blocking file calls, off the event loop."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")


async def in_thread(function: Callable[..., T], *args: object) -> T:
    """Run `function` in a thread and wait until it is through even when cancelled.

    So that whoever is cancelled can close and remove its file without pulling it from under the thread.
    """
    call = asyncio.ensure_future(asyncio.to_thread(function, *args))
    try:
        return await asyncio.shield(call)
    except asyncio.CancelledError:
        await asyncio.wait([call])
        call.exception()  # seen; the cancellation is what the caller is told
        raise
