"""What work left in its outputs folder: found and checked, one file at a time."""

from __future__ import annotations

import mimetypes
import os
import stat
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from perijove import paths
from perijove.model.ids import PATH_BYTES, PATH_CHARACTERS, is_too_long, safe_relative_path
from perijove.trees import Folder, is_folder, walk
from perijove_agent.omissions import Omissions

#: Outputs an execution may have. Each is a row and an upload of its own: what is more belongs into an archive.
MOST = 20_000
#: Entries of the outputs folder that are looked at.
_LOOKED_AT = 200_000
_TOO_LONG = f"more than {PATH_CHARACTERS:,} characters or {PATH_BYTES:,} bytes"


@dataclass(frozen=True)
class Found:
    """A file to store, the name it gets, and where it lies, its links followed."""

    name: str
    path: Path
    media_type: str


def find_outputs(folder: Path, most: int = MOST) -> tuple[list[Found], Omissions]:
    """Return the files below `folder`, sorted by name, and what is left out.

    Of more than `most`, those that lie nearest to the top are taken: results lie there, and what is sampled, cached or
    unpacked by the thousand lies below.
    """
    omissions = Omissions()
    found = list(_find(folder, omissions))
    if len(found) > most:
        found.sort(key=lambda file: (file.name.count("/"), file.name))
        for file in found[most:]:
            omissions.add(file.name, f"an execution keeps {most:,} outputs; put many files into one archive")
    return sorted(found[:most], key=lambda file: file.name), omissions


def _find(top: Path, omissions: Omissions) -> Iterator[Found]:
    left = _LOOKED_AT
    for folder in walk(top, most=_LOOKED_AT, opening=True):
        if folder.error is not None:
            omissions.add(folder.name or "./", paths.why_not(folder.error))
        left -= len(folder.entries)
        if left < 0 or not folder.whole:
            omissions.add(folder.name or "./", f"more than {_LOOKED_AT:,} files lie there and before it")
            return
        for entry in folder.entries:
            if not is_folder(entry) and (file := _look_at(top, folder, entry, omissions)):
                yield file
        _go_on(folder, omissions)


def _go_on(folder: Folder, omissions: Omissions) -> None:
    """Enter no folder whose files would all have too long a name."""
    for name in [name for name in folder.enter if len(folder.name + name) >= PATH_CHARACTERS]:
        folder.enter.remove(name)
        omissions.add(f"{folder.name}{name}/", f"the names of what lies in it have {_TOO_LONG}")


def _look_at(top: Path, folder: Folder, entry: os.DirEntry[str], omissions: Omissions) -> Found | None:
    name = folder.name + entry.name
    try:
        path, why = _followed(top, name, entry)
    except OSError as error:
        path, why = "", paths.why_not(error)
    if why := _objection(name) or why:
        omissions.add(name, why)
        return None
    return Found(name, Path(path), _media_type(name))


def _followed(top: Path, name: str, entry: os.DirEntry[str]) -> tuple[str, str]:
    """Return where the file lies, and why it can't be stored, if so."""
    path, status = f"{top}/{name}", entry.stat(follow_symlinks=False)
    if not stat.S_ISLNK(status.st_mode):
        return path, "" if stat.S_ISREG(status.st_mode) else f"it is {paths.kind_of(status.st_mode)}"
    real = paths.real_path(path)
    if not paths.leads_below(real, top):
        return real, "it is a link that leaves the outputs folder"
    try:
        mode = os.lstat(real).st_mode
    except FileNotFoundError:
        return real, "it is a link to what is not there"
    if stat.S_ISDIR(mode):
        return real, "it is a link to a folder"
    return real, "" if stat.S_ISREG(mode) else f"it is a link to {paths.kind_of(mode)}"


def _objection(name: str) -> str:
    try:
        name.encode()
    except UnicodeEncodeError:
        return "its name is not UTF-8"
    try:
        safe_relative_path(name)
    except ValueError:
        return "its name has a backslash or control characters"
    return f"its name has {_TOO_LONG}" if is_too_long(name) else ""


def _media_type(name: str) -> str:
    if name.endswith(".ipynb"):
        return "application/json"
    guessed, encoding = mimetypes.guess_type(name)
    if encoding:
        return f"application/{encoding}" if encoding in {"gzip", "zstd"} else "application/octet-stream"
    return guessed or "application/octet-stream"
