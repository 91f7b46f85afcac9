"""Lays an attempt's code out: the snapshot from the cache or the object store, unpacked afresh."""

from __future__ import annotations

from contextlib import AsyncExitStack

from perijove import errors
from perijove.model.events import ObjectRequest
from perijove.model.reasons import Reason
from perijove.wire.protocol import Held
from perijove_agent.ending import Failure
from perijove_agent.folders import AttemptFolders
from perijove_agent.staging.source import Source
from perijove_agent.staging.unpacking import unpack_revocably
from perijove_agent.waits import waiting


async def lay_out_code(source: Source, held: Held, code: str, folders: AttemptFolders, limit: int) -> None:
    """Unpack the code version `code` into the attempt's repository folder.

    The archive is cached, not the folder: unpacking costs what copying would, and work may change its copy.

    Raises
    ------
    perijove_agent.ending.Failure
        With `Reason.CODE_FAILED`.
    """
    try:
        await _unpack(source, held, code, folders, limit)
    except errors.InvalidRequest:
        # The cached file may have been damaged on this disk; what is fetched now was not.
        await source.forget(_key(code))
        try:
            await _unpack(source, held, code, folders, limit)
        except errors.InvalidRequest as error:
            await source.forget(_key(code))
            raise Failure(Reason.CODE_FAILED, error.message) from error


async def _unpack(source: Source, held: Held, code: str, folders: AttemptFolders, limit: int) -> None:
    """Fetch and unpack the snapshot; raise `perijove.errors.InvalidRequest` where it is damaged."""
    ad_hoc = code if code.startswith("~") else ""
    async with AsyncExitStack() as stack:
        try:
            fetching = source.fetched(held, _key(code), ObjectRequest(what="code", name=code), "code.tar.zst")
            archive = await stack.enter_async_context(fetching)
        except (errors.PerijoveError, OSError) as error:
            raise Failure(Reason.CODE_FAILED, f"Code version {code} could not be fetched: {error}") from error
        try:
            with waiting("It is unpacking its code."):
                await unpack_revocably(archive.path, folders.repository, limit, ad_hoc)
        except errors.InvalidRequest:
            raise
        except errors.PerijoveError as error:
            raise Failure(Reason.CODE_FAILED, error.message) from error
        except OSError as error:
            raise Failure(Reason.CODE_FAILED, f"It could not be unpacked: {error.strerror or error}.") from error


def _key(code: str) -> str:
    return f"code-{code}"
