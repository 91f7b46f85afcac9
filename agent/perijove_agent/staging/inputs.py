"""Fetches an attempt's inputs."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import IO

import httpx

from perijove import errors
from perijove.aio.executors import FILES
from perijove.model.events import ObjectRequest
from perijove.model.reasons import Reason
from perijove.model.spec import Input
from perijove.wire.protocol import Held
from perijove_agent.ending import Failure
from perijove_agent.staging.cache import Fetched
from perijove_agent.staging.config import InputFile
from perijove_agent.staging.download import DownloadError, download
from perijove_agent.staging.source import Source
from perijove_agent.tasks import together
from perijove_agent.waits import waiting

_DATUM = "datum://"
#: Files fetched at a time.
_AT_ONCE = 4
_CHUNK = 1 << 20


class Inputs:
    """Fetches the files of inputs into ``<folder>/<input>/``.

    Parameters
    ----------
    http : httpx.AsyncClient
        Fetches what other servers have.
    source : Source
        Fetches data of the platform.
    limit : int, optional
        The most bytes to take of a file of another server's.
    """

    def __init__(self, http: httpx.AsyncClient, source: Source, limit: int | None = None) -> None:
        self._http = http
        self._limit = limit
        self._source = source
        self._turns = asyncio.Semaphore(_AT_ONCE)

    async def fetch(self, held: Held, inputs: list[Input], folder: Path) -> list[InputFile]:
        """Fetch every file of `inputs`, several at a time; return them in the spec's order.

        Raises
        ------
        perijove_agent.ending.Failure
            With `Reason.INPUT_FAILED`, naming the input and its address.
        """
        fetches = []
        for item in inputs:
            (folder / item.name).mkdir()
            for number, uri in enumerate(item.uris, 1):
                # A folder each until it has its name: two addresses may end in the same one.
                place = folder / item.name / f".{number}"
                place.mkdir()
                fetches.append(self._fetch(held, item.name, uri, place))
        return await together(fetches)

    async def _fetch(self, held: Held, name: str, uri: str, place: Path) -> InputFile:
        async with self._turn():
            try:
                file = await (self._datum(held, uri, place) if uri.startswith(_DATUM) else self._web(name, uri, place))
            except (DownloadError, errors.PerijoveError, OSError) as error:
                raise Failure(Reason.INPUT_FAILED, f"Input '{name}', {uri}: {error}") from error
            return InputFile(name, uri, _settle(file.path), file.size, file.sha256)

    @asynccontextmanager
    async def _turn(self) -> AsyncIterator[None]:
        with waiting(f"It waits for its turn: this worker fetches {_AT_ONCE} inputs at a time."):
            await self._turns.acquire()
        try:
            yield
        finally:
            self._turns.release()

    async def _web(self, name: str, uri: str, place: Path) -> Fetched:
        return await download(self._http, uri, place, limit=self._limit, what=f"input '{name}'")

    async def _datum(self, held: Held, uri: str, place: Path) -> Fetched:
        datum = uri.removeprefix(_DATUM)
        async with self._source.fetched(held, f"datum-{datum}", ObjectRequest(what="datum", name=datum)) as cached:
            path = place / cached.path.name
            try:
                os.link(cached.path, path)
            except OSError:
                await _copy(cached.path, path)
        return Fetched(path, cached.size, cached.sha256)


async def _copy(source: Path, target: Path) -> None:
    """Copy a file a piece at a time, so that it ends soon after it was cancelled."""
    with source.open("rb") as file, target.open("wb") as copy:
        while await FILES.run(_copy_piece, file, copy):
            pass


def _copy_piece(source: IO[bytes], target: IO[bytes]) -> int:
    return target.write(source.read(_CHUNK))


def _settle(path: Path) -> Path:
    """Move a file one folder up, as ``name-2.csv``, ``name-3.csv``, … if its name is taken; return where it lies."""
    target, number = path.parent.parent / path.name, 2
    while target.exists():
        target = target.with_name(f"{path.stem}-{number}{path.suffix}")
        number += 1
    path.rename(target)
    path.parent.rmdir()
    return target
