"""Lays an attempt's code out: the snapshot from the cache or the object store, unpacked afresh."""

from __future__ import annotations

import asyncio

from perijove import errors
from perijove.code import unpack
from perijove.model.events import ObjectRequest
from perijove.model.reasons import Reason
from perijove.wire.protocol import Held
from perijove_agent.ending import Failure
from perijove_agent.folders import AttemptFolders
from perijove_agent.staging.cache import Fetched
from perijove_agent.staging.source import Source


async def lay_out_code(source: Source, held: Held, code: str, folders: AttemptFolders, limit: int) -> None:
    """Unpack the code version `code` into the attempt's repository folder.

    The archive is cached, not the folder: unpacking costs what copying would, and work may change its copy.

    Raises
    ------
    perijove_agent.ending.Failure
        With `Reason.CODE_FAILED`.
    """
    archive = await _archive(source, held, code)
    ad_hoc = code if code.startswith("~") else ""
    try:
        await asyncio.to_thread(unpack, archive.path, folders.repository, limit, ad_hoc)
    except errors.PerijoveError as error:
        raise Failure(Reason.CODE_FAILED, error.message) from error
    except OSError as error:
        raise Failure(Reason.CODE_FAILED, f"It could not be unpacked: {error.strerror or error}.") from error


async def _archive(source: Source, held: Held, code: str) -> Fetched:
    try:
        archive = await source.fetch(held, f"code-{code}", ObjectRequest(what="code", name=code), "code.tar.zst")
    except (errors.PerijoveError, OSError) as error:
        raise Failure(Reason.CODE_FAILED, f"Code version {code} could not be fetched: {error}") from error
    if code.startswith("~") and archive.sha256 != code[1:]:
        raise Failure(Reason.CODE_FAILED, f"Code version {code} arrived damaged.")
    return archive
