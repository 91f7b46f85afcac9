"""Waiting for an event with a limit."""

from __future__ import annotations

import asyncio


async def set_within(event: asyncio.Event, seconds: float) -> bool:
    """Wait until `event` is set, up to `seconds`; return whether it is.

    `asyncio.wait_for` would do, but before Python 3.12 it can swallow a cancellation
    (https://github.com/python/cpython/issues/86296), and a loop that is being stopped would run on.
    """
    if event.is_set():
        return True
    waiter = asyncio.ensure_future(event.wait())
    try:
        await asyncio.wait({waiter}, timeout=seconds)
    finally:
        waiter.cancel()
    return event.is_set()
