"""The enrolment tokens of the groups whose machines this service starts."""

from __future__ import annotations

import asyncio
import os
from contextlib import suppress
from pathlib import Path

from perijove.aio.executors import FILES
from perijove.errors import UnknownGroup
from perijove_scheduler.services.tokens import digest, new_token
from perijove_scheduler.store.store import Store


class GroupTokens:
    """Keeps the token of each such group in a private file, as the database has its digest only.

    When the digest changes, because an administrator asked for a new token, the file's is replaced and so is the
    digest: these groups enrol nobody but the machines we start.
    """

    def __init__(self, folder: Path, store: Store) -> None:
        self._folder = folder
        self._store = store
        self._lock = asyncio.Lock()

    async def of(self, group: str) -> str:
        """Return a group's token, making one where ours is not the group's."""
        async with self._lock:
            row = await self._store.groups.get(group)
            if row is None:
                raise UnknownGroup(f"There is no worker group {group} any more.")
            token = await self.kept(group)
            if digest(token) != row.token_sha256:
                await self._store.groups.set_token(group, digest(token))
            return token

    async def kept(self, group: str) -> str:
        """Return the token in a group's file; made when first asked for."""
        return await FILES.run(_read_or_make, self._folder / group)


def _read_or_make(path: Path) -> str:
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    with suppress(FileNotFoundError):
        if token := path.read_text():
            return token
    token = new_token()
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as file:
        file.write(token)
    return token
