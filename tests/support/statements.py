"""How many statements a store sends."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

from sqlalchemy import event

from perijove_scheduler.store.store import Store

_KINDS = ("SELECT", "INSERT", "UPDATE", "DELETE", "WITH")


async def statements(store: Store, call: Callable[[], Awaitable[Any]]) -> int:
    """Return how many statements `call` sends; transactions' own do not count."""
    sent: list[str] = []

    def note(_connection: Any, _cursor: Any, statement: str, *_: Any) -> None:
        if statement.lstrip().startswith(_KINDS):
            sent.append(statement)

    event.listen(store.engine.sync_engine, "before_cursor_execute", note)
    try:
        await call()
    finally:
        event.remove(store.engine.sync_engine, "before_cursor_execute", note)
    return len(sent)
