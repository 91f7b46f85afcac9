"""Puts a file under a signed URL: streamed from disk, digested on the way, tried again with patience."""

from __future__ import annotations

import errno
import hashlib
import logging
import os
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass
from functools import partial
from operator import methodcaller
from pathlib import Path
from typing import IO

import httpx

from perijove.aio.executors import FILES
from perijove.model.durations import describe_seconds
from perijove.model.events import FormerWorker, ObjectRequest
from perijove.paths import open_file
from perijove.patience import Backoff
from perijove.wire.protocol import Held
from perijove_agent.pace import Pace
from perijove_agent.signer import Signer
from perijove_agent.staging.download import describe, in_trouble
from perijove_agent.waits import Wait, waiting

log = logging.getLogger(__name__)

_CHUNK = 1 << 20
_PIECE = 1 << 18
#: How those objects are called that have no name of their own.
_NAMES = {"payload": "a large output of a cell", "log": "its log", "segment": "a part of its log"}
#: Refusals after which an upload is given up. A store that is in trouble, or not there at all, is waited for instead.
_REFUSALS = 6
#: Tries with one URL; it may have expired.
_TRIES_PER_URL = 2
#: Seconds a store may be away.
_PATIENCE = 3600.0


class UploadError(Exception):
    """A file could not be stored; the message says why."""


class UploadRefused(UploadError):
    """The store answers, and does not take this file: another one may well be taken."""


class NoAddress(UploadRefused):
    """The master gives no address for a file, and will not give one later either."""


@dataclass(frozen=True)
class Uploaded:
    """What was stored."""

    size: int
    sha256: str


class Uploader:
    """Uploads files of attempts.

    Parameters
    ----------
    http : httpx.AsyncClient
        The client.
    signer : Signer
        Gets the URLs.
    patience : float
        Seconds to wait for a store that cannot be reached.
    """

    def __init__(self, http: httpx.AsyncClient, signer: Signer, patience: float = _PATIENCE) -> None:
        self._http = http
        self._signer = signer
        self._patience = patience

    async def upload(
        self,
        held: Held,
        what: ObjectRequest,
        path: Path,
        media_type: str,
        url: str = "",
        ran_by: FormerWorker | None = None,
    ) -> Uploaded:
        """Store the file `path` as `what`; `url` may be given when it was signed already, `ran_by` as to `Signer.sign`.

        Raises
        ------
        UploadRefused
            The store refused it several times.
        UploadError
            The store stayed away.
        OSError
            The file cannot be read.
        """
        with waiting(f"It is storing {_named(what)}.") as wait:
            return await self._upload_again(held, what, path, media_type, url, ran_by, wait)

    async def _upload_again(
        self,
        held: Held,
        what: ObjectRequest,
        path: Path,
        media_type: str,
        url: str,
        ran_by: FormerWorker | None,
        wait: Wait,
    ) -> Uploaded:
        backoff = Backoff(0.3, 30.0)
        refusals, tries, began = 0, 0, time.monotonic()
        while True:
            if not url or tries >= _TRIES_PER_URL:
                url, tries = await self._sign(held, what, ran_by), 0
            tries += 1
            try:
                return await self._put(url, path, media_type)
            except httpx.HTTPStatusError as error:
                refusals += not in_trouble(error, time.monotonic() - began)
                problem: Exception = error
            except httpx.TransportError as error:
                problem = error
            if refusals >= _REFUSALS or time.monotonic() - began > self._patience:
                kind = UploadRefused if refusals >= _REFUSALS else UploadError
                raise kind(describe(problem)) from problem
            log.info("storing %s of %s again after: %s", what.name or what.what, held.execution, describe(problem))
            wait.now(
                f"It waits for the object store, which does not take {_named(what)}: {describe(problem)}. "
                f"It tries again for {describe_seconds(self._patience)} in all."
            )
            await backoff.sleep()

    async def sign(self, held: Held, objects: list[ObjectRequest]) -> list[str]:
        """Return a URL for each of `objects`, in one request; empty where the master gives none."""
        return [answer.url for answer in await self._signer.sign(held, objects)]

    async def sign_ahead(self, held: Held, executed: ObjectRequest) -> str:
        """Return the URL of an attempt's executed notebook before there is one; empty where the master gives none."""
        return (await self._signer.sign_ahead(held, executed)).url

    async def _sign(self, held: Held, what: ObjectRequest, ran_by: FormerWorker | None) -> str:
        (answer,) = await self._signer.sign(held, [what], ran_by)
        if not answer.url:
            raise NoAddress(answer.error.rstrip(".") or "the master gave no address for it")
        return answer.url

    async def _put(self, url: str, path: Path, media_type: str) -> Uploaded:
        async with FILES.holding(partial(open_file, path), methodcaller("close")) as file:
            body, pace = _Body(file), Pace()
            pace.measure(lambda: body.taken)
            headers = {"Content-Length": str(body.size), "Content-Type": media_type}
            response = await pace.keep(self._http.put(url, content=body.chunks(), headers=headers))
        response.raise_for_status()
        return Uploaded(body.size, body.digest.hexdigest())


def _named(what: ObjectRequest) -> str:
    return f"'{what.name}'" if what.what == "output" else _NAMES.get(what.what, what.what)


class _Body:
    """A file that is read once, in a thread, a piece at a time."""

    def __init__(self, file: IO[bytes]) -> None:
        self._file = file
        self.size = os.fstat(file.fileno()).st_size
        self.digest = hashlib.sha256()
        self.taken = 0

    async def chunks(self) -> AsyncIterator[bytes]:
        left = self.size
        while left > 0:
            chunk = await FILES.run(self._read, min(left, _CHUNK))
            if not chunk:
                raise OSError(errno.EIO, "it became shorter while it was stored")
            left -= len(chunk)
            # In pieces that a slow line takes within the time that one write may take.
            for start in range(0, len(chunk), _PIECE):
                yield chunk[start : start + _PIECE]
                self.taken += _PIECE

    def _read(self, size: int) -> bytes:
        chunk = self._file.read(size)
        self.digest.update(chunk)
        return chunk
