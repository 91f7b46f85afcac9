"""Paths that other people make: where they lead, how they are shown, why they can't be used."""

from __future__ import annotations

import errno
import os
import stat
from typing import BinaryIO

#: As many links as Linux follows on one path (path_resolution(7)).
_LINKS = 40
_SHOWN = 200
#: Said instead of the system's own words, which speak of its inner life.
_WHY = {
    errno.ELOOP: "it is a link that leads to itself, or a chain of too many",
    errno.ENOENT: "it is not there any more",
    errno.ENAMETOOLONG: "its path is too long",
}


def real_path(path: str | os.PathLike[str]) -> str:
    """Return where `path` leads, its links followed; the part of it that is not there is taken as it stands.

    Unlike `os.path.realpath` and `pathlib.Path.resolve` it takes a loop, and a chain of any length, for what they are.

    Raises
    ------
    OSError
        With ``ELOOP``: more links than the system follows.
    """
    pending, found, links = os.path.join(os.getcwd(), path).split("/")[::-1], "/", 0
    while pending:
        part = pending.pop()
        if part == "..":
            found = os.path.dirname(found)
        if part in {"", ".", ".."}:
            continue
        here = os.path.join(found, part)
        try:
            target = os.readlink(here)
        except OSError:  # no link, or nothing that can be looked at
            found = here
            continue
        links += 1
        if links > _LINKS:
            raise OSError(errno.ELOOP, os.strerror(errno.ELOOP), os.fspath(path))
        found = "/" if target.startswith("/") else found
        pending.extend(target.split("/")[::-1])
    return found


def exists(path: str | os.PathLike[str]) -> bool:
    """Return whether something is there; unlike pathlib's, False where that can't be looked at. So are the next two."""
    return os.path.exists(path)


def is_file(path: str | os.PathLike[str]) -> bool:
    """Return whether `path` leads to a regular file."""
    return os.path.isfile(path)


def is_folder(path: str | os.PathLike[str]) -> bool:
    """Return whether `path` leads to a folder."""
    return os.path.isdir(path)


def leads_below(path: str | os.PathLike[str], folder: str | os.PathLike[str]) -> bool:
    """Return whether a path leads to the folder or into it, its links followed; a loop leads nowhere."""
    try:
        real, top = real_path(path), real_path(folder)
    except OSError:
        return False
    return real == top or real.startswith(f"{top.rstrip('/')}/")


def leads_through_link(folder: str | os.PathLike[str], name: str) -> bool:
    """Return whether a link lies on the way from `folder` to `name` below it, or is that itself."""
    path = os.fspath(folder)
    for part in name.split("/"):
        path = f"{path}/{part}"
        if os.path.islink(path):
            return True
    return False


def make_folders(path: str | os.PathLike[str]) -> None:
    """Make a folder and those above it that are missing, however many; one that is there already is fine.

    Raises
    ------
    OSError
        Something else has its name, or it may not be made.
    """
    missing = [os.fspath(path)]
    while missing:
        try:
            os.mkdir(missing[-1])
        except FileNotFoundError:
            if (above := os.path.dirname(missing[-1])) in {"", missing[-1]}:
                raise
            missing.append(above)
            continue
        except FileExistsError:
            if not os.path.isdir(missing[-1]):
                raise
        missing.pop()


def open_file(path: str | os.PathLike[str]) -> BinaryIO:
    """Open a regular file for reading; a pipe or a device, whose opening could wait for ever, is refused.

    Raises
    ------
    OSError
        It is none, or can't be read.
    """
    descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_NOFOLLOW | os.O_CLOEXEC)
    if not stat.S_ISREG(os.fstat(descriptor).st_mode):
        os.close(descriptor)
        raise OSError(errno.EINVAL, "it is not a regular file", os.fspath(path))
    return os.fdopen(descriptor, "rb")


def why_not(error: OSError) -> str:
    """Return why something can't be used, as a clause with "it" for the thing."""
    if error.errno in _WHY:
        return _WHY[error.errno]
    words = error.strerror or str(error)
    return words if words.startswith("it ") else f"it cannot be read ({words})"


def kind_of(mode: int) -> str:
    """Return what an entry is that is neither file, folder nor link."""
    kinds = {stat.S_IFIFO: "a pipe", stat.S_IFSOCK: "a socket", stat.S_IFCHR: "a device", stat.S_IFBLK: "a device"}
    return kinds.get(stat.S_IFMT(mode), "no regular file")


def shown(name: str) -> str:
    """Return a file's name for people: bytes that are no UTF-8 and control characters escaped, shortened if long."""
    text = os.fsencode(name).decode("utf-8", "backslashreplace")
    text = "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text)
    if len(text) <= _SHOWN:
        return text
    half = _SHOWN // 2
    return f"{text[:half]}…{text[-half + 1 :]}"
