"""Fetches a file over HTTP: streamed to disk, digested on the way, tried again."""

from __future__ import annotations

import hashlib
import logging
import math
import time
from email.message import Message
from pathlib import Path
from typing import IO
from urllib.parse import unquote, urlsplit

import httpx

from perijove.aio.executors import FILES
from perijove.model.sizes import describe_size
from perijove.patience import Backoff
from perijove_agent.pace import Pace, Stalled
from perijove_agent.staging.cache import Fetched
from perijove_agent.waits import waiting

log = logging.getLogger(__name__)

_CHUNK = 1 << 20
_TRIES = 5
#: Statuses that say: not now.
_LATER = frozenset({408, 425, 429})
_SERVER_ERROR = 500
_NOT_FOUND = 404
#: Seconds in which a Hub that was restarted may not know its services yet. It answers 404 for them then, with a page
#: for people; what the platform's own store does not have, it says in JSON or XML.
_UNKNOWN_YET = 60.0
_PAGE = "text/html"
#: Bytes of a file's name. Linux takes 255; a file that is not whole yet, or the second of its name, gets a longer one.
_NAME_BYTES = 200


class DownloadError(Exception):
    """A file could not be fetched; the message says why."""


async def download(
    http: httpx.AsyncClient,
    url: str,
    folder: Path,
    name: str = "",
    patience: float = 0.0,
    limit: int | None = None,
    what: str = "a file",
) -> Fetched:
    """Fetch `url` into `folder`, under `name` or else the name the server or the URL gives.

    Parameters
    ----------
    patience : float
        Seconds a server that is away or in trouble is waited for; it is asked several times in any case.
    limit : int, optional
        The most bytes to take, whatever the server says of their number.
    what : str
        What is fetched, for who looks what it waits for.

    Raises
    ------
    DownloadError
        The server refused it, could not be reached after several tries, or sends more than `limit`.
    """
    backoff, began = Backoff(0.3, 10.0), time.monotonic()
    with waiting(f"It is fetching {what}.") as wait:
        while True:
            pace = Pace()
            try:
                return await pace.keep(_fetch(http, url, folder, name, limit, pace))
            except (httpx.TransportError, httpx.HTTPStatusError) as error:
                waited = time.monotonic() - began
                over = backoff.failures >= _TRIES - 1 and waited > patience
                if over or _final(error, waited if patience else math.inf):
                    raise DownloadError(describe(error)) from error
                log.info("fetching again after: %s", describe(error))
                wait.now(f"It waits for {what}: {describe(error)}; it tries again.")
                await backoff.sleep()
            except (httpx.InvalidURL, httpx.TooManyRedirects) as error:
                raise DownloadError(f"the address is not usable ({error})") from error
            except httpx.DecodingError as error:
                raise DownloadError(f"what the server sends is not encoded as it says ({error})") from error


def describe(error: Exception) -> str:
    """Return a short sentence about an HTTP failure, without the URL: a signed one is a secret."""
    if isinstance(error, httpx.HTTPStatusError):
        return f"the server answered {error.response.status_code} {error.response.reason_phrase}".rstrip()
    if isinstance(error, httpx.TimeoutException):
        return "the server did not answer in time"
    if isinstance(error, httpx.ConnectError):
        return f"the server cannot be reached ({error})" if str(error) else "the server cannot be reached"
    if isinstance(error, Stalled):
        return f"the transfer stood nearly still ({error})"
    return f"the connection failed ({type(error).__name__})"


def in_trouble(error: httpx.HTTPStatusError, waited: float = math.inf) -> bool:
    """Return whether an answer says that the server can't just now, rather than that the request is wrong.

    Parameters
    ----------
    waited : float
        Seconds since it was first asked, where the server is the platform's own, behind a Hub that may be starting.
    """
    status = error.response.status_code
    if status == _NOT_FOUND:
        return error.response.headers.get("content-type", "").startswith(_PAGE) and waited < _UNKNOWN_YET
    return status >= _SERVER_ERROR or status in _LATER


def _final(error: Exception, waited: float) -> bool:
    """Return whether trying again is no use: the request itself is wrong."""
    if not isinstance(error, httpx.HTTPStatusError):
        return isinstance(error, httpx.UnsupportedProtocol)
    return not in_trouble(error, waited)


async def _fetch(http: httpx.AsyncClient, url: str, folder: Path, name: str, limit: int | None, pace: Pace) -> Fetched:
    async with http.stream("GET", url, follow_redirects=True) as response:
        response.raise_for_status()
        pace.measure(lambda: response.num_bytes_downloaded)
        path = folder / (name or file_name(response.headers.get("content-disposition", ""), str(response.url)))
        part = path.with_name(f".{path.name}.part")
        digest, size = hashlib.sha256(), 0
        try:
            with part.open("wb") as file:
                async for chunk in response.aiter_bytes(_CHUNK):
                    size += len(chunk)
                    if limit is not None and size > limit:
                        raise DownloadError(f"it is larger than this worker's limit of {describe_size(limit)}")
                    await FILES.run(_take, chunk, file, digest)
            part.replace(path)
        finally:
            part.unlink(missing_ok=True)
    return Fetched(path, size, digest.hexdigest())


def _take(chunk: bytes, file: IO[bytes], digest: hashlib._Hash) -> None:
    file.write(chunk)
    digest.update(chunk)


def file_name(disposition: str, url: str) -> str:
    """Return a file's name: what Content-Disposition says, else the URL's last part; never a path."""
    header = Message()
    header["Content-Disposition"] = disposition or "attachment"
    try:
        given = header.get_filename()
    except ValueError:  # it is said to be in a charset that it is not in, or that is none
        given = None
    name = given or unquote(urlsplit(url).path.rstrip("/").rpartition("/")[2])
    name = "".join(c for c in name.replace("\\", "/").rpartition("/")[2] if c.isprintable())
    return name.encode()[:_NAME_BYTES].decode(errors="ignore") if name not in {"", ".", ".."} else "file"
