"""Folders that other people fill, walked and removed whatever is in them.

Work nests folders deeper than a stack or a path reaches, takes rights from them, links them to each other and to
themselves, and may still write while this reads. So nothing here recurses, no link is followed, every step is relative
to the descriptor of a folder that is open (https://pubs.opengroup.org/onlinepubs/9699919799/functions/openat.html), few
of those are kept, and what goes wrong with one entry is said of that entry and ends nothing.

Only the standard library is imported: the agent's guard runs this file by its path, without the packages.
"""

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from itertools import islice
from types import TracebackType
from typing import NamedTuple

_FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC
_NOT_A_LINK = _FOLDER | os.O_NOFOLLOW
#: Descriptors of the folders on the way that are kept open; those above are opened again on the way back.
_OPEN = 8
#: Entries of one folder that are listed.
MOST = 1_000_000
#: What could not be removed that is named.
NAMED = 20
#: Times a folder is cleared in which something appears again and again.
_TIMES = 3
#: Entries of a folder that are listed at a time while it is emptied.
_AT_ONCE = 100_000
_NOT_EMPTY = frozenset({errno.ENOTEMPTY, errno.EEXIST})


class Problem(NamedTuple):
    """An entry, by its path below the folder that was walked or removed, and what is wrong with it."""

    name: str
    why: str


class Folder:
    """One folder of a walk.

    Attributes
    ----------
    name : str
        Its path below the top, with a slash at its end; empty for the top.
    entries : list of os.DirEntry
        What is in it; to be looked at before the walk goes on.
    error : OSError, optional
        Why it could not be read.
    whole : bool
        Whether that is all of it; a folder of very many entries is listed in part.
    enter : list of str
        The folders in it that the walk goes into; take out those it should not.
    """

    def __init__(self, name: str, error: OSError | None = None) -> None:
        self.name = name
        self.error = error
        self.entries: list[os.DirEntry[str]] = []
        self.enter: list[str] = []
        self.whole = True

    def list(self, descriptor: int, most: int) -> None:
        """Read its entries, sorted by name."""
        try:
            with os.scandir(descriptor) as found:
                self.entries = sorted(islice(found, most), key=lambda entry: entry.name)
                self.whole = next(found, None) is None
        except OSError as error:
            self.error = error
        self.enter = [entry.name for entry in self.entries if is_folder(entry)]


def walk(top: str | os.PathLike[str], *, most: int = MOST, opening: bool = False) -> Iterator[Folder]:
    """Iterate over the folder `top` and those below it, each before what is in it.

    Parameters
    ----------
    most : int
        The most entries of one folder to list.
    opening : bool
        Whether folders that their owner may not read are made readable, where this process may do so.
    """
    try:
        way = _Way(_open_folder(os.fspath(top), None, opening))
    except OSError as error:
        yield Folder("", error)
        return
    with way:
        yield (folder := way.look("", most))
        pending = [folder.enter[::-1]]
        while pending:
            if pending[-1]:
                yield (folder := _enter(way, pending[-1].pop(), most, opening))
                if folder.error is None or folder.entries:
                    pending.append(folder.enter[::-1])
                continue
            pending.pop()
            if pending and (moved := way.leave()):
                yield Folder(way.name, moved)
                return


def _enter(way: _Way, name: str, most: int, opening: bool) -> Folder:
    try:
        way.enter(name, opening)
    except OSError as error:
        return Folder(f"{way.name}{name}/", error)
    folder = way.look(way.name, most)
    if folder.error is not None and not folder.entries:
        way.leave()
    return folder


@dataclass(frozen=True)
class Remains:
    """What could not be removed: how many entries, and the first of them. It is false when nothing stays."""

    count: int = 0
    first: tuple[Problem, ...] = ()

    def __bool__(self) -> bool:
        return self.count > 0

    def __str__(self) -> str:
        named = ", ".join(f"{problem.name!r} ({problem.why})" for problem in self.first)
        return named if self.count == len(self.first) else f"{named} and {self.count - len(self.first)} more"


def remove(path: str | os.PathLike[str]) -> Remains:
    """Remove a folder with all that is in it, or a file or link; return what stays, and why.

    Folders are made writable where this process may do so. Other file systems that are mounted below are not entered.
    What is not there any more, or never was, is removed.
    """
    removal = _Removal()
    parent, name = os.path.split(os.fspath(path))
    try:
        way = _Way(os.open(parent or ".", _FOLDER))
    except (FileNotFoundError, NotADirectoryError):
        return removal.remains
    except OSError as error:
        removal.note(parent, error)
        return removal.remains
    with way:
        removal.run(way, name)
    return removal.remains


def is_folder(entry: os.DirEntry[str]) -> bool:
    """Return whether a listed entry is a folder, and no link to one; what is gone, or can't be looked at, is none."""
    try:
        return entry.is_dir(follow_symlinks=False)
    except OSError:
        return False


class _Level(NamedTuple):
    """A folder that is being emptied.

    Attributes
    ----------
    names : list of str
        The folders in it that are left.
    before : int
        How much had stayed when it was entered.
    whole : bool
        Whether all that is in it was listed.
    """

    names: list[str]
    before: int
    whole: bool = True


class _Removal:
    def __init__(self) -> None:
        self._count = 0
        self._first: list[Problem] = []
        self._levels: list[_Level] = []
        self._times: dict[str, int] = {}

    @property
    def remains(self) -> Remains:
        return Remains(self._count, tuple(self._first))

    def note(self, name: str, error: OSError) -> None:
        self._count += 1
        if len(self._first) < NAMED:
            self._first.append(Problem(name, error.strerror or str(error)))

    def run(self, way: _Way, name: str) -> None:
        self._levels = [_Level([name] if self._unlink(way, name) else [], 0)]
        while True:
            names = self._levels[-1].names
            if names:
                self._enter(way, names)
            elif len(self._levels) == 1:
                return
            elif error := self._leave(way):
                self.note(way.name, error)
                return

    def _enter(self, way: _Way, names: list[str]) -> None:
        """Go into the last of `names` and remove what is no folder there."""
        try:
            way.enter(names[-1], opening=True, within=len(self._levels) > 1)
        except OSError as error:
            # It may be gone, or have become something else, since it was listed.
            if self._unlink(way, names[-1]):
                self.note(way.name + names[-1], error)
            names.pop()
        else:
            self._levels.append(self._clear(way))

    def _clear(self, way: _Way) -> _Level:
        before, folder = self._count, way.look("", _AT_ONCE)
        if folder.error is not None:
            self.note(way.name, folder.error)
        names = [entry.name for entry in folder.entries if is_folder(entry) or self._unlink(way, entry.name)]
        return _Level(names, before, folder.whole)

    def _unlink(self, way: _Way, name: str) -> bool:
        """Remove what is no folder, else note why it stays; return whether it is a folder."""
        try:
            os.unlink(name, dir_fd=way.descriptor)
        except FileNotFoundError:
            return False
        except OSError as error:
            with suppress(OSError):
                # What unlink() says of a folder differs between systems.
                if stat.S_ISDIR(os.lstat(name, dir_fd=way.descriptor).st_mode):
                    return True
            self.note(way.name + name, error)
        return False

    def _leave(self, way: _Way) -> OSError | None:
        """Go back to the folder above and remove the one that was cleared; return why that can't be done."""
        left = self._levels.pop()
        if moved := way.leave():
            return moved
        names = self._levels[-1].names
        try:
            os.rmdir(names[-1], dir_fd=way.descriptor)
        except FileNotFoundError:
            pass
        except OSError as error:
            if error.errno in _NOT_EMPTY and self._again(way.name + names[-1], left):
                return None
            if error.errno not in _NOT_EMPTY or self._count == left.before:
                self.note(way.name + names[-1], error)
        names.pop()
        return None

    def _again(self, name: str, left: _Level) -> bool:
        """Return whether to clear a folder once more: it had too much for one listing, or something new is in it."""
        if self._count > left.before:
            return False  # what stays in it was noted
        if left.whole:
            self._times[name] = self._times.get(name, 0) + 1
        return self._times.get(name, 0) < _TIMES


class _Step:
    """A folder on the way: its name, what it is, and its descriptor while that is kept."""

    def __init__(self, name: str, descriptor: int) -> None:
        self.name = name
        self.descriptor: int | None = descriptor
        found = os.fstat(descriptor)
        self.is_it = (found.st_dev, found.st_ino)

    def close(self) -> None:
        if self.descriptor is not None:
            os.close(self.descriptor)
            self.descriptor = None


class _Way:
    """The way from a folder down to one below it, of any length, with few descriptors open."""

    def __init__(self, top: int) -> None:
        self._steps = [_Step("", top)]

    def __enter__(self) -> _Way:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for step in self._steps:
            step.close()

    @property
    def descriptor(self) -> int:
        """The last folder's descriptor."""
        descriptor = self._steps[-1].descriptor
        if descriptor is None:
            raise AssertionError("the last folder is open")
        return descriptor

    @property
    def name(self) -> str:
        """The last folder's path below the first, with a slash at its end."""
        return "".join(f"{step.name}/" for step in self._steps[1:])

    def look(self, name: str, most: int) -> Folder:
        """List the last folder."""
        folder = Folder(name)
        folder.list(self.descriptor, most)
        return folder

    def enter(self, name: str, opening: bool, within: bool = False) -> None:
        """Go into a folder of the last one; with `within`, not into another file system."""
        step = _Step(name, _open_folder(name, self.descriptor, opening))
        if within and step.is_it[0] != self._steps[-1].is_it[0]:
            step.close()
            raise OSError(errno.EXDEV, "it is another file system")
        self._steps.append(step)
        if len(self._steps) > _OPEN:
            self._steps[-_OPEN - 1].close()

    def leave(self) -> OSError | None:
        """Go back to the folder above; return why that can't be done, if somebody moved the one that is left."""
        left, above = self._steps.pop(), self._steps[-1]
        try:
            if above.descriptor is None:
                self._steps[-1] = again = _Step(above.name, os.open("..", _FOLDER, dir_fd=left.descriptor))
                if again.is_it != above.is_it:
                    return OSError(errno.ESTALE, "a folder in it was moved meanwhile")
        except OSError as error:
            return error
        finally:
            left.close()
        return None


def _open_folder(name: str, above: int | None, opening: bool) -> int:
    """Open a folder, and no link to one; with `opening`, give its owner back the rights it takes to empty it."""
    try:
        descriptor = os.open(name, _NOT_A_LINK, dir_fd=above)
    except PermissionError:
        if not opening or not _grant(name, above):
            raise
        return os.open(name, _NOT_A_LINK, dir_fd=above)
    if opening:
        mode = os.fstat(descriptor).st_mode
        if mode & stat.S_IRWXU != stat.S_IRWXU:
            with suppress(OSError):  # it is somebody else's; whether that matters shows when it is emptied
                os.fchmod(descriptor, stat.S_IMODE(mode) | stat.S_IRWXU)
    return descriptor


def _grant(name: str, above: int | None) -> bool:
    """Give a folder's owner all rights on it, and return whether that was done; a link's target is left alone."""
    try:
        if not hasattr(os, "O_PATH"):
            os.chmod(name, stat.S_IRWXU, dir_fd=above, follow_symlinks=False)
            return True
        descriptor = os.open(name, os.O_PATH | _NOT_A_LINK, dir_fd=above)
        try:
            # Linux has no chmod(2) for such a descriptor, but for its name in /proc (see open(2), O_PATH).
            os.chmod(f"/proc/self/fd/{descriptor}", stat.S_IRWXU)
        finally:
            os.close(descriptor)
    except (OSError, NotImplementedError):
        return False
    return True
