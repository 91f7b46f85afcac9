"""Fetching files: streamed to disk, checked, and there whole or not at all."""

from __future__ import annotations

import hashlib
import uuid
from collections.abc import Callable, Mapping
from itertools import chain, count
from pathlib import Path
from typing import BinaryIO, TypeVar

import httpx

from perijove.client.flow import Flow, Read, Request, Sleep
from perijove.client.problems import lost
from perijove.client.transfer import RETRIES, open_body, repetitions
from perijove.errors import ConnectionLost

T = TypeVar("T")
Report = Callable[[int], None]


def _silent(_count: int) -> None:
    """Report nothing."""


def open_object(address: str, params: Mapping[str, str] | None = None) -> Flow[httpx.Response]:
    """Open an object's bytes for `Read`: from the signed URL the service redirects to, or from the service itself.

    The token is never sent to a signed URL, which may lie on another host.
    """
    response = yield from open_body(Request("GET", address, params or {}, redirects=True))
    if response.has_redirect_location:
        response = yield from open_body(Request("GET", str(response.url.join(response.headers["Location"]))))
    return response


def content(address: str, params: Mapping[str, str] | None = None) -> Flow[bytes]:
    """Return an object's bytes."""

    def once() -> Flow[bytes]:
        yield from open_object(address, params)
        chunks = []
        while chunk := (yield Read()):
            chunks.append(chunk)
        return b"".join(chunks)

    return (yield from _again(once))


def save(
    address: str,
    target: Path,
    sha256: str | None = None,
    report: Report = _silent,
    params: Mapping[str, str] | None = None,
    where: Callable[[Path], Path] = Path,
) -> Flow[Path]:
    """Write an object to the file `target`, which appears when it is complete and its digest is right; return where.

    Parameters
    ----------
    where : callable
        Returns, once the object has arrived, which file it is to be instead of `target`.

    Raises
    ------
    perijove.errors.ConnectionLost
        The connection broke, again and again, or the bytes are not those of `sha256`.
    """

    def once() -> Flow[Path]:
        yield from open_object(address, params)
        target.parent.mkdir(parents=True, exist_ok=True)
        part = target.with_name(f".{target.name[:100]}.{uuid.uuid4().hex}.part")
        try:
            with part.open("xb") as file:
                digest = yield from _copy(file, report)
            if sha256 is not None and digest != sha256:
                raise ConnectionLost(f"What arrived of '{target.name}' is not what was stored: its SHA-256 differs.")
            place = where(target)
            part.replace(place)
        finally:
            part.unlink(missing_ok=True)
        return place

    return (yield from _again(once))


def free_name(path: Path, number: int | None = None) -> Path:
    """Return `path`, or where that is taken a name with the execution's number in it: ``model.12.pkl``."""
    mark = "" if number is None else f".{number}"
    marks = chain([mark], (f"{mark}-{n}" for n in count(2)))
    places = chain([path], (path.with_name(f"{path.stem}{each}{path.suffix}") for each in marks))
    return next(place for place in places if not place.exists() and not place.is_symlink())


def holds(path: Path, size: int, sha256: str) -> bool:
    """Return whether a file is there that holds just these bytes."""
    if not path.is_file() or path.stat().st_size != size:
        return False
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while chunk := file.read(1 << 20):
            digest.update(chunk)
    return digest.hexdigest() == sha256


def _again(once: Callable[[], Flow[T]]) -> Flow[T]:
    """Perform a transfer, from its start again when the connection breaks in its middle."""
    waits = repetitions()
    while True:
        try:
            return (yield from once())
        except httpx.TransportError as error:
            if waits.failures == RETRIES:
                raise lost(error) from error
        yield Sleep(waits.next())


def _copy(file: BinaryIO, report: Report) -> Flow[str]:
    digest, count = hashlib.sha256(), 0
    while chunk := (yield Read()):
        # A chunk is small, and written to the page cache: not worth a thread's round trip on an event loop.
        file.write(chunk)
        digest.update(chunk)
        count += len(chunk)
        report(count)
    return digest.hexdigest()
