"""Where objects of the platform come from: the cache, else a signed URL."""

from __future__ import annotations

import asyncio
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from weakref import WeakValueDictionary

import httpx

from perijove import errors
from perijove.aio.executors import FILES
from perijove.model.events import ObjectRequest
from perijove.wire.protocol import Held
from perijove_agent.signer import Signer
from perijove_agent.staging.cache import Cache, Fetched
from perijove_agent.staging.download import DownloadError, download
from perijove_agent.waits import waiting

#: Seconds the platform's own store may be away.
_PATIENCE = 600.0


class Source:
    """Fetches immutable objects, once each however many attempts ask for one at a time.

    Parameters
    ----------
    http : httpx.AsyncClient
        The client.
    signer : Signer
        Gets the URLs.
    cache : Cache
        Keeps what was fetched.
    folder : Path
        Where downloads grow; on the cache's file system.
    """

    def __init__(self, http: httpx.AsyncClient, signer: Signer, cache: Cache, folder: Path) -> None:
        self._http = http
        self._signer = signer
        self._cache = cache
        self._folder = folder
        # Of what is being asked for; weak, so that a lock goes with its last user.
        self._locks: WeakValueDictionary[str, asyncio.Lock] = WeakValueDictionary()

    async def url(self, held: Held, what: ObjectRequest) -> str:
        """Return a signed URL for one object.

        Raises
        ------
        perijove.errors.NotFound
            The master gives none.
        """
        (answer,) = await self._signer.sign(held, [what])
        if not answer.url:
            raise errors.NotFound(answer.error or "The master gave no address for it.")
        return answer.url

    @asynccontextmanager
    async def fetched(self, held: Held, key: str, what: ObjectRequest, name: str = "") -> AsyncIterator[Fetched]:
        """Give the object's file in the cache, which stays there for as long as the context lasts.

        Raises
        ------
        perijove.errors.NotFound
            The master gives no URL for it.
        perijove.errors.Unavailable
            It cannot be fetched from there.
        """
        with self._cache.in_use(key):
            with waiting(f"It is fetching {_named(what)}."):
                async with self._locks.setdefault(key, asyncio.Lock()):
                    found = await FILES.run(self._cache.get, key) or await self._fetch(held, key, what, name)
            yield found

    async def forget(self, key: str) -> None:
        """Have an object fetched again the next time: what the cache holds was found to be damaged."""
        await FILES.run(self._cache.discard, key)

    async def _fetch(self, held: Held, key: str, what: ObjectRequest, name: str) -> Fetched:
        url = await self.url(held, what)
        self._folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=self._folder) as place:
            try:
                file = await download(self._http, url, Path(place), name, _PATIENCE, what=_named(what))
            except DownloadError as error:
                raise errors.Unavailable(f"It could not be fetched: {error}.") from error
            return await FILES.run(self._cache.put, key, file)


def _named(what: ObjectRequest) -> str:
    return f"datum {what.name}" if what.what == "datum" else f"its {what.what}"
