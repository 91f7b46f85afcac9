"""The Lua scripts: one a transition, so that each is atomic and fenced by Redis itself.

The master loads them; workers only call them by their digest, as their Redis user may not load any. That user may call
the master's scripts too, but a script runs with its caller's rights: nothing beyond what a worker may touch is reached.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.resources import files

#: Scripts of the worker's half, and of the master's.
AGENT_SCRIPTS = ("register", "claim", "renew", "close", "emit", "append", "leave")
MASTER_SCRIPTS = ("offer", "withdraw", "forget", "tell", "drain", "remove_worker", "glance")


@dataclass(frozen=True)
class Script:
    """One script: its name, its text, and the SHA-1 digest that EVALSHA calls it by."""

    name: str
    text: str

    @property
    def digest(self) -> str:
        """What Redis calls the script."""
        return hashlib.sha1(self.text.encode(), usedforsecurity=False).hexdigest()


def _load(name: str) -> Script:
    folder = files("perijove.wire") / "lua"
    prelude, body = ((folder / f"{part}.lua").read_text(encoding="utf-8") for part in ("prelude", name))
    return Script(name, f"{prelude}\n{body}")


#: Every script by name.
SCRIPTS: Mapping[str, Script] = {name: _load(name) for name in (*AGENT_SCRIPTS, *MASTER_SCRIPTS)}

_DIGESTS = {name: script.digest for name, script in SCRIPTS.items()}


def call(name: str, prefix: str, *arguments: str | bytes | float) -> tuple[str | bytes | float, ...]:
    """Return the command that calls a script for the group whose keys start with `prefix`."""
    return ("EVALSHA", _DIGESTS[name], 1, prefix, *arguments)
