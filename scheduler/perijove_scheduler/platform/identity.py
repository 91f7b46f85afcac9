"""The platform's identity: one id, in the database and beside the objects, so that neither is used with another's.

A database that is empty by mistake (a configuration that was not found, a wrong name) would otherwise take every object
for one that belongs to nothing, and a replica with a folder of its own would answer 404 for what the others stored.
"""

from __future__ import annotations

import json
import uuid
from collections.abc import AsyncIterator
from dataclasses import dataclass

from perijove.errors import NotFound
from perijove_scheduler.files.protocol import Files
from perijove_scheduler.platform.findings import Finding
from perijove_scheduler.store.settings import Settings

#: The setting's name, and the object's key.
_NAME, _KEY = "platform", "platform-id"


@dataclass(frozen=True)
class _Kept:
    """What the database says: the platform's id, and whether the objects were given it."""

    id: str
    placed: bool


async def examine(settings: Settings, files: Files) -> list[Finding]:
    """Return what is wrong with the pair of database and objects; nothing is written."""
    kept, beside = await _kept(settings), await _beside(files)
    if kept is None:
        return [] if beside is None else [_foreign(beside)]
    if beside is None:
        return [_not_there(kept)] if kept.placed else []
    return [] if beside == kept.id else [_another(kept, beside)]


async def identify(settings: Settings, files: Files) -> None:
    """Write the id of a platform that `examine` found nothing wrong with, or whose objects the database takes over."""
    kept, beside = await _kept(settings), await _beside(files)
    if kept is None:
        new = json.dumps({"id": beside or uuid.uuid4().hex, "placed": False}).encode()
        kept = _read(await settings.ensure(_NAME, lambda: new))
    if beside != kept.id:
        await files.put(_KEY, _parts(kept.id.encode()))
    if not kept.placed:
        await settings.put(_NAME, json.dumps({"id": kept.id, "placed": True}).encode())


async def _kept(settings: Settings) -> _Kept | None:
    value = await settings.get(_NAME)
    return None if value is None else _read(value)


def _read(value: bytes) -> _Kept:
    return _Kept(**json.loads(value))


async def _beside(files: Files) -> str | None:
    try:
        return b"".join([chunk async for chunk in files.get(_KEY)]).decode("ascii", "replace").strip()
    except NotFound:
        return None


async def _parts(content: bytes) -> AsyncIterator[bytes]:
    yield content


_ADOPT = "Where they do belong together, as after a restored backup, run `perijove-hub --adopt` once."


def _foreign(beside: str) -> Finding:
    return Finding(
        f"This database is new, and the files belong to another one's platform ({beside}).",
        f"Check Platform.database_url, and that the configuration was found; else set Platform.files_dir. {_ADOPT}",
    )


def _not_there(kept: _Kept) -> Finding:
    return Finding(
        f"The files of this database's platform ({kept.id}) are not in Platform.files_dir.",
        f"Every replica has the same files_dir, on a disk that they share; is it mounted? {_ADOPT}",
    )


def _another(kept: _Kept, beside: str) -> Finding:
    return Finding(
        f"The database belongs to platform {kept.id}, and the files to platform {beside}.",
        f"Check Platform.database_url and Platform.files_dir. {_ADOPT}",
    )
