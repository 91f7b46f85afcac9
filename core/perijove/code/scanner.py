"""Walks a project folder; ignored folders are never entered."""

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Collection, Iterator, Mapping
from pathlib import Path
from types import MappingProxyType

from perijove import errors, paths
from perijove.code.ignore import Ignore, ignore_above
from perijove.code.names import check_name, check_text, stays_inside
from perijove.code.notes import Notes
from perijove.code.plan import DEFAULT_LIMIT, IGNORED_SHOWN, Entry, Plan
from perijove.model.sizes import describe_size
from perijove.trees import Folder, is_folder, walk

#: The most files, folders and links; a worker unpacks no more.
_MOST = 500_000
#: Bytes of a name that leave room for a worker's own folders before a path becomes too long for Linux.
_LONGEST = 3_000


def scan(
    root: str | Path,
    limit: int = DEFAULT_LIMIT,
    leave_out: Collection[str] = (),
    extra: Mapping[str, Path] = MappingProxyType({}),
) -> Plan:
    """Return what a snapshot of the folder `root` would hold. No file but the ignore files is read.

    Parameters
    ----------
    root : str or Path
        The project folder.
    limit : int
        The most bytes all its files together may have.
    leave_out : collection of str
        Names below `root` that stay out besides what is ignored, such as the notebook that is sent on its own and
        changes with every run.
    extra : mapping
        Name to file: what goes along from elsewhere, in the place of what the folder has under that name.

    Raises
    ------
    perijove.errors.InvalidPath
        There is no such folder, a name in it can't be sent, or a link leaves it.
    perijove.errors.SnapshotTooLarge
        The files are larger than `limit`.
    """
    if limit < 0:
        raise errors.InvalidRequest("The limit of a snapshot must not be negative.")
    folder = Path(root).absolute()
    if not paths.is_folder(folder):
        raise errors.InvalidPath(f"There is no folder {str(root)!r}.", "Give the folder that holds the project.")
    scan = _Scan(Path(paths.real_path(folder)), frozenset(leave_out), extra)
    scan.run()
    plan = scan.plan(limit)
    if plan.size > limit:
        raise _too_large(plan)
    return plan


def _too_large(plan: Plan) -> errors.SnapshotTooLarge:
    biggest = ", ".join(f"{name} ({describe_size(size)})" for name, size in plan.biggest())
    return errors.SnapshotTooLarge(
        f"The project folder holds {describe_size(plan.size)} in {plan.count:,} files; "
        f"the limit is {describe_size(plan.limit)}. The biggest: {biggest}."
    )


def _extras(extra: Mapping[str, Path]) -> Iterator[Entry]:
    for name, file in extra.items():
        try:
            real = Path(paths.real_path(file))
            found = real.stat()
        except OSError as error:
            raise errors.InvalidPath(f"The file {str(file)!r} can't go along: {paths.why_not(error)}.") from None
        if "/" in name or not stat.S_ISREG(found.st_mode):
            raise errors.InvalidPath(f"Only a file can go along, at the project's top, not {str(file)!r} as {name!r}.")
        yield Entry(check_name(name), "file", found.st_size, source=real)


class _Scan:
    def __init__(self, root: Path, leave_out: frozenset[str], extra: Mapping[str, Path]) -> None:
        self.root = root
        self.leave_out = leave_out
        self.extra = extra
        self.entries: list[Entry] = list(_extras(extra))
        self.ignored: list[str] = []
        self.ignored_count = 0
        self.notes = Notes()
        # Of the folders that are still to be entered: what their parents' ignore files say of what is in them.
        self.rules: dict[str, Ignore] = {}

    def plan(self, limit: int) -> Plan:
        entries = tuple(sorted(self.entries, key=lambda entry: entry.name.encode()))
        ignored, notes = tuple(sorted(self.ignored)[:IGNORED_SHOWN]), self.notes.sentences()
        return Plan(self.root, limit, self.leave_out, self.extra, entries, ignored, self.ignored_count, notes)

    def run(self) -> None:
        self.rules = {"": ignore_above(self.root)}
        for folder in walk(self.root, most=_MOST):
            ignore = self.rules.pop(folder.name)
            if folder.error is not None:
                self._unreadable(folder)
                continue
            if folder.name:
                self.entries.append(Entry(folder.name[:-1], "folder"))
            self._folder(folder, ignore)
            if len(self.entries) > _MOST or not folder.whole:
                raise errors.SnapshotTooLarge(f"The project folder holds more than {_MOST:,} files and folders.")

    def _unreadable(self, folder: Folder) -> None:
        if not folder.name:
            why = folder.error and folder.error.strerror
            raise errors.InvalidPath(f"The project folder can't be read: {why}.", "Change its permissions.")
        if not isinstance(folder.error, FileNotFoundError):  # else a tool's temporary folder, gone meanwhile
            self.notes.stays(folder.name, folder.error)

    def _folder(self, folder: Folder, ignore: Ignore) -> None:
        # A link or a pipe in an ignore file's place is not read: git doesn't either, and a pipe would block.
        plain = frozenset(item.name for item in folder.entries if _is_plain(item))
        ignore = ignore.below(self.root / folder.name, folder.name, plain)
        folder.enter = []
        for item in folder.entries:
            name, below = folder.name + item.name, is_folder(item)
            if not self._takes(name, below, ignore):
                continue
            if below:
                folder.enter.append(item.name)
                self.rules[f"{name}/"] = ignore
            else:
                self._item(item, name)

    def _takes(self, name: str, is_folder: bool, ignore: Ignore) -> bool:
        if name in self.leave_out or name in self.extra:
            return False
        path = f"{name}/" if is_folder else name
        if ignore.ignores(path):
            self.ignored_count += 1
            self.ignored.append(path)
            return False
        check_name(name)
        if len(name.encode()) > _LONGEST:
            self.notes.add(f"{paths.shown(path)} lies too deep to be unpacked, so it stays here.")
            return False
        return True

    def _item(self, item: os.DirEntry[str], name: str) -> None:
        try:
            found = item.stat(follow_symlinks=False)
            if stat.S_ISLNK(found.st_mode):
                self.entries.append(Entry(name, "link", target=self._target(name)))
            elif not stat.S_ISREG(found.st_mode):
                self.notes.add(f"{paths.shown(name)} is {paths.kind_of(found.st_mode)}, so it stays here.")
            elif not os.access(self.root / name, os.R_OK):
                raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))
            else:
                self.entries.append(Entry(name, "file", found.st_size, bool(found.st_mode & stat.S_IXUSR)))
        except FileNotFoundError:  # an editor's temporary file, gone between listing and looking
            return
        except OSError as error:
            self.notes.stays(name, error)

    def _target(self, name: str) -> str:
        """Return the link's target, relative to the link's folder; made so where it is absolute or roundabout."""
        path = self.root / name
        target = str(path.readlink())
        try:
            real = Path(paths.real_path(path))
        except OSError:  # it leads to itself, or through too many: that may well be what somebody tests with
            real = Path(os.path.normpath(path.parent / target))
            self.notes.add(f"{paths.shown(name)} is a link that leads nowhere but to links; it goes along as it is.")
        if not real.is_relative_to(self.root):
            raise errors.InvalidPath(
                f"The link {name!r} leads out of the project folder, to {target!r}.",
                "Put a copy in its place, or list it in .perijoveignore.",
            )
        if not stays_inside(name, target):
            target = os.path.relpath(real, path.parent)
        return check_text(target)


def _is_plain(item: os.DirEntry[str]) -> bool:
    try:
        return item.is_file(follow_symlinks=False)
    except OSError:
        return False
