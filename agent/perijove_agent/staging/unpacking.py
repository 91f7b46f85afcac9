"""Unpacks a snapshot in a thread that ends soon after it was cancelled."""

from __future__ import annotations

import asyncio
import errno
import io
from pathlib import Path
from typing import BinaryIO, cast

from perijove.aio.executors import UNPACKING
from perijove.code import unpack
from perijove_agent.tasks import cancelled


async def unpack_revocably(archive: Path, folder: Path, limit: int, code: str) -> None:
    """Do as `perijove.code.unpack` does; when this returns, or is cancelled, nothing more is written.

    A thread can't be cancelled, and one that goes on would make folders again that are being removed.
    """
    with _Revocable(archive) as source:
        unpacking = asyncio.ensure_future(UNPACKING.run(unpack, cast("BinaryIO", source), folder, limit, code))
        try:
            await asyncio.shield(unpacking)
        except asyncio.CancelledError:
            source.revoked = True
            await cancelled([unpacking])
            raise


class _Revocable(io.FileIO):
    """A file that can't be read any more once it was revoked."""

    revoked = False

    def read(self, size: int | None = -1, /) -> bytes:
        """Read on, unless it was revoked."""
        if self.revoked:
            raise OSError(errno.ECANCELED, "it is not wanted any more")
        return super().read(-1 if size is None else size) or b""
