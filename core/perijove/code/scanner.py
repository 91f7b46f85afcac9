"""Walks a project folder; ignored folders are never entered."""

from __future__ import annotations

import os
import stat
from collections.abc import Collection, Iterator, Mapping
from pathlib import Path
from types import MappingProxyType

from perijove import errors
from perijove.code.ignore import Ignore, ignore_above
from perijove.code.names import check_name, check_text, stays_inside
from perijove.code.plan import DEFAULT_LIMIT, IGNORED_SHOWN, Entry, Plan
from perijove.model.sizes import describe_size


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
    if not folder.is_dir():
        raise errors.InvalidPath(f"There is no folder {str(root)!r}.", "Give the folder that holds the project.")
    walk = _Walk(folder.resolve(), frozenset(leave_out), extra)
    walk.run()
    plan = walk.plan(limit)
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
        found = file.stat()
        if "/" in name or not stat.S_ISREG(found.st_mode):
            raise errors.InvalidPath(f"Only a file can go along, at the project's top, not {str(file)!r} as {name!r}.")
        yield Entry(check_name(name), "file", found.st_size, source=file.resolve())


class _Walk:
    def __init__(self, root: Path, leave_out: frozenset[str], extra: Mapping[str, Path]) -> None:
        self.root = root
        self.leave_out = leave_out
        self.extra = extra
        self.entries: list[Entry] = list(_extras(extra))
        self.ignored: list[str] = []
        self.ignored_count = 0
        self.notes: list[str] = []
        self.folders: list[tuple[str, Ignore]] = [("", ignore_above(root))]

    def plan(self, limit: int) -> Plan:
        entries = tuple(sorted(self.entries, key=lambda entry: entry.name.encode()))
        ignored, notes = tuple(sorted(self.ignored)[:IGNORED_SHOWN]), tuple(sorted(self.notes))
        return Plan(self.root, limit, self.leave_out, self.extra, entries, ignored, self.ignored_count, notes)

    def run(self) -> None:
        while self.folders:
            inside, ignore = self.folders.pop()
            self._folder(inside, ignore)

    def _folder(self, inside: str, ignore: Ignore) -> None:
        path = self.root / inside
        try:
            with os.scandir(path) as found:
                listed = list(found)
        except FileNotFoundError:  # a tool's temporary folder, gone meanwhile
            return
        except OSError as error:
            raise _unreadable(inside, error) from None
        # A link or a pipe in an ignore file's place is not read: git doesn't either, and a pipe would block.
        plain = frozenset(item.name for item in listed if item.is_file(follow_symlinks=False))
        ignore = ignore.below(path, inside, plain)
        for item in listed:
            self._item(item, inside + item.name, ignore)

    def _item(self, item: os.DirEntry[str], name: str, ignore: Ignore) -> None:
        is_folder = item.is_dir(follow_symlinks=False)
        if name in self.leave_out or name in self.extra:
            return
        if ignore.ignores(f"{name}/" if is_folder else name):
            self.ignored_count += 1
            self.ignored.append(f"{name}/" if is_folder else name)
            return
        check_name(name)
        if is_folder:
            self.entries.append(Entry(name, "folder"))
            self.folders.append((f"{name}/", ignore))
        elif item.is_symlink():
            self.entries.append(Entry(name, "link", target=self._target(name)))
        else:
            self._file(item, name)

    def _file(self, item: os.DirEntry[str], name: str) -> None:
        try:
            found = item.stat(follow_symlinks=False)
        except FileNotFoundError:  # an editor's temporary file, gone between listing and looking
            return
        if stat.S_ISREG(found.st_mode):
            executable = bool(found.st_mode & stat.S_IXUSR)
            self.entries.append(Entry(name, "file", found.st_size, executable))
        else:
            self.notes.append(f"{name} is a pipe, a socket or a device, so it stays here.")

    def _target(self, name: str) -> str:
        """Return the link's target, relative to the link's folder; made so where it is absolute or roundabout."""
        path = self.root / name
        target = str(path.readlink())
        real = path.resolve()
        if not real.is_relative_to(self.root):
            raise errors.InvalidPath(
                f"The link {name!r} leads out of the project folder, to {target!r}.",
                "Put a copy in its place, or list it in .perijoveignore.",
            )
        if not stays_inside(name, target):
            target = os.path.relpath(real, path.parent)
        return check_text(target)


def _unreadable(name: str, error: OSError) -> errors.InvalidPath:
    what = f"{name.rstrip('/')!r}" if name else "The project folder"
    return errors.InvalidPath(
        f"{what} can't be read: {error.strerror}.", "Change its permissions, or list it in .perijoveignore."
    )
