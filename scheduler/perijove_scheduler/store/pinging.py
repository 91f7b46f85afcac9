"""Whether a pooled connection still lives: asked when it has lain idle, not at every use."""

from __future__ import annotations

import time
from typing import Any

from sqlalchemy import Engine, event
from sqlalchemy.exc import DisconnectionError
from sqlalchemy.pool import ConnectionPoolEntry

#: Seconds after its last use for which a connection is taken to live. Asking costs as much as a small query.
TRUSTED = 1.0
_USED = "perijove_used"


def ping_idle(engine: Engine) -> None:
    """Ask connections that have lain idle before they are used; one that is dead is replaced, and nobody notices."""

    def remember(_connection: Any, entry: ConnectionPoolEntry) -> None:
        entry.info[_USED] = time.monotonic()

    def ask(connection: Any, entry: ConnectionPoolEntry, _proxy: Any) -> None:
        used = entry.info.get(_USED)
        if used is None or time.monotonic() - used < TRUSTED:
            return
        dialect = engine.dialect
        try:
            alive = dialect.do_ping(connection)
        except dialect.loaded_dbapi.Error as error:
            raise DisconnectionError("the connection is dead") from error
        if not alive:
            raise DisconnectionError("the connection is dead")

    event.listen(engine, "checkin", remember)
    event.listen(engine, "checkout", ask)
