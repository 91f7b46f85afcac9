"""Lays a snapshot out on a worker: only files, folders and links that stay inside, and links last."""

from __future__ import annotations

import os
import shutil
import tarfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import BinaryIO

from perijove import errors
from perijove.code.entries import entries, refusing_damage, stands_twice
from perijove.code.plan import DEFAULT_LIMIT
from perijove.paths import leads_through_link, make_folders
from perijove.trees import remove

_CHUNK = 1 << 20


def unpack(source: str | Path | BinaryIO, target: str | Path, limit: int = DEFAULT_LIMIT, code: str = "") -> None:
    """Unpack a snapshot into the folder `target`, which is made if need be and must be empty.

    Only files, folders and links that stay inside are made. Links come last, so that nothing is written through one.
    What was made is removed again when something is wrong. Times are those of the unpacking: an archive's zeros would
    upset tools that take no date before 1980.

    Parameters
    ----------
    source : str, Path or binary file
        The archive.
    target : str or Path
        Where its entries go.
    limit : int
        The most bytes its files together may have, uncompressed.
    code : str, optional
        The archive's id, ``~`` and its SHA-256, where it is known; the bytes read must be those.

    Raises
    ------
    perijove.errors.InvalidPath
        An entry would lie outside `target`, stands twice, or is neither file, folder nor link.
    perijove.errors.SnapshotTooLarge
        It unpacks to more than `limit`.
    perijove.errors.InvalidRequest
        It is no ``tar.zst``, or a damaged one, or not `code`.
    """
    folder = Path(target)
    folder.mkdir(parents=True, exist_ok=True)
    if any(folder.iterdir()):
        raise errors.Conflict(f"The folder {str(target)!r} is not empty.")
    try:
        with ExitStack() as stack, refusing_damage():
            file = stack.enter_context(Path(source).open("rb")) if isinstance(source, (str, Path)) else source
            _unpack(file, folder, limit, code)
    except BaseException:
        _empty(folder)
        raise


def _unpack(file: BinaryIO, folder: Path, limit: int, code: str) -> None:
    links: list[tarfile.TarInfo] = []
    for tar, member in entries(file, limit, code):
        if member.issym():
            links.append(member)
        else:
            with _once(member.name):
                _make_plain(tar, member, folder / member.name)
    for link in links:
        _make_link(folder, link)


@contextmanager
def _once(name: str) -> Iterator[None]:
    try:
        yield
    except (FileExistsError, NotADirectoryError):
        raise stands_twice(name) from None


def _make_plain(tar: tarfile.TarFile, member: tarfile.TarInfo, path: Path) -> None:
    content = tar.extractfile(member)
    if content is None:
        make_folders(path)
        return
    make_folders(path.parent)
    handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o755 if member.mode & 0o100 else 0o644)
    with os.fdopen(handle, "wb") as file:
        shutil.copyfileobj(content, file, _CHUNK)


def _make_link(folder: Path, member: tarfile.TarInfo) -> None:
    path = folder / member.name
    # An earlier link on the way would put this one elsewhere than its name says.
    above = member.name.rpartition("/")[0]
    if above and leads_through_link(folder, above):
        raise errors.InvalidPath(f"The snapshot's entry {member.name!r} lies behind a link.")
    with _once(member.name):
        make_folders(path.parent)
        path.symlink_to(member.linkname)


def _empty(folder: Path) -> None:
    for path in list(folder.iterdir()):
        remove(path)
