"""What work left in its outputs folder: found, checked and stored."""

from __future__ import annotations

import asyncio
import mimetypes
import os
import stat
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from perijove.model.events import ObjectRequest, OutputFile
from perijove.model.ids import safe_relative_path
from perijove.model.reasons import Reason
from perijove.wire.protocol import Held
from perijove_agent.ending import Failure
from perijove_agent.tasks import together
from perijove_agent.upload import Uploader, UploadError

#: The media type of the executed notebook, and of nothing else among an execution's outputs.
NOTEBOOK = "application/x-ipynb+json"
_LONGEST = 1024
#: Files stored at a time, and URLs asked for in one request.
_AT_ONCE = 4
_PER_REQUEST = 200


@dataclass(frozen=True)
class Found:
    """A file to store, and the name it gets."""

    name: str
    path: Path
    media_type: str


@dataclass(frozen=True)
class Refused:
    """Something in the outputs folder that is not stored, and why."""

    name: str
    why: str


def find_outputs(folder: Path) -> tuple[list[Found], list[Refused]]:
    """Return every file below `folder`, sorted by name, and what cannot be stored."""
    found, refused = [], []
    for path in sorted(_walk(folder)):
        name = path.relative_to(folder).as_posix()
        if why := _objection(path, name, folder):
            refused.append(Refused(name.encode("utf-8", "backslashreplace").decode(), why))
        else:
            found.append(Found(name, path, _media_type(name)))
    return found, refused


async def store_outputs(
    uploader: Uploader, held: Held, files: list[Found], signed: Mapping[str, str]
) -> list[OutputFile]:
    """Store `files` under the attempt's prefix, several at a time; return the manifest.

    Parameters
    ----------
    signed : mapping
        Name → URL of those that were asked for ahead.

    Raises
    ------
    perijove_agent.ending.Failure
        With `Reason.OUTPUT_FAILED`, naming the first that could not be stored.
    """
    urls = dict(signed)
    names = [file.name for file in files if file.name not in signed]
    for start in range(0, len(names), _PER_REQUEST):
        urls |= await _sign_outputs(uploader, held, names[start : start + _PER_REQUEST])
    turns = asyncio.Semaphore(_AT_ONCE)
    return await together(_store(uploader, held, file, urls[file.name], turns) for file in files)


async def _sign_outputs(uploader: Uploader, held: Held, names: Sequence[str]) -> dict[str, str]:
    """Return a URL for each name, in one request; an empty one where the master gives none."""
    urls = await uploader.sign(held, [ObjectRequest(what="output", name=name) for name in names])
    return dict(zip(names, urls, strict=True))


async def _store(uploader: Uploader, held: Held, file: Found, url: str, turns: asyncio.Semaphore) -> OutputFile:
    async with turns:
        request = ObjectRequest(what="output", name=file.name)
        try:
            stored = await uploader.upload(held, request, file.path, file.media_type, url)
        except UploadError as error:
            raise Failure(Reason.OUTPUT_FAILED, f"'{file.name}' could not be stored: {error}.") from error
        except OSError as error:
            detail = f"'{file.name}' could not be read: {error.strerror or error}."
            raise Failure(Reason.OUTPUT_FAILED, detail) from error
    return OutputFile(name=file.name, size=stored.size, sha256=stored.sha256, media_type=file.media_type)


def _walk(folder: Path) -> Iterator[Path]:
    for root, folders, files in os.walk(folder):
        yield from (Path(root) / name for name in files)
        # os.walk lists links to folders among the folders, and does not follow them.
        yield from (Path(root) / name for name in folders if (Path(root) / name).is_symlink())


def _objection(path: Path, name: str, folder: Path) -> str:
    try:
        name.encode()
        safe_relative_path(name)
    except ValueError:
        return "its name cannot be stored"
    if len(name) > _LONGEST:
        return "its name is too long"
    if path.is_symlink() and not path.resolve().is_relative_to(folder.resolve()):
        return "it is a link that leaves the outputs folder"
    try:
        regular = stat.S_ISREG(path.stat().st_mode)
    except OSError as error:
        return f"it cannot be read ({error.strerror})"
    return "" if regular else "it is not a regular file"


def _media_type(name: str) -> str:
    if name.endswith(".ipynb"):
        return "application/json"
    guessed, encoding = mimetypes.guess_type(name)
    if encoding:
        return f"application/{encoding}" if encoding in {"gzip", "zstd"} else "application/octet-stream"
    return guessed or "application/octet-stream"
