"""The keys that workers of this disk seal their events with: the next agent archives what one that was killed left.

The master takes an attempt's log from the worker that ran it only, and an agent that is started again is a new worker.
Who reads this folder may speak for those workers; so could they read the memory of the agent itself.
"""

from __future__ import annotations

import os
from collections.abc import Collection
from contextlib import suppress
from pathlib import Path


def keep_key(folder: Path, worker: str, key: str) -> None:
    """Write a worker's key where the next agent on this disk finds it; without it only Redis' copy is archived."""
    with suppress(OSError):
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        with os.fdopen(os.open(folder / worker, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as file:
            file.write(key)


def former_keys(folder: Path, workers: Collection[str]) -> dict[str, str]:
    """Return the keys of those workers, by worker; keys of others, whose records are all archived, are removed."""
    keys = {}
    with suppress(OSError):
        for path in sorted(folder.iterdir()):
            if path.name in workers:
                keys[path.name] = path.read_text()
            else:
                path.unlink()
    return keys
