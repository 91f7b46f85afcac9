"""What of a program could not be ended, said in its log."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence

#: The most processes that are named.
_MOST = 20


async def say_what_is_left(left: Sequence[str], log: Callable[[str, str], Awaitable[None]]) -> None:
    """Record the processes that could not be ended (`Process.cleared`), if there are any."""
    if left:
        more = f" and {len(left) - _MOST} more" if len(left) > _MOST else ""
        await log("system", f"These processes could not be ended: {', '.join(left[:_MOST])}{more}.\n")
