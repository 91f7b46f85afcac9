"""Where a notebook that JupyterLab shows lies on this machine's disk."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from perijove import paths
from perijove.errors import InvalidPath

#: Drives of JupyterLab that show this server's own files.
_OWN_DRIVES = frozenset({"RTC"})


def shown_folder(contents: Any) -> Path:
    """Return the folder that JupyterLab shows.

    Parameters
    ----------
    contents : jupyter_server.services.contents.manager.ContentsManager
        What the server keeps its documents in.

    Raises
    ------
    perijove.errors.InvalidPath
        It keeps them elsewhere than in files.
    """
    from jupyter_server.services.contents.filemanager import FileContentsManager  # noqa: PLC0415 - a server has it

    if not isinstance(contents, FileContentsManager):
        raise InvalidPath(
            "This server keeps its documents elsewhere than in files, so it has no folder to send or to copy into.",
            "Run it from a server that shows a folder, or use `perijove run` where the files are.",
        )
    return Path(os.path.abspath(Path(contents.root_dir).expanduser()))  # noqa: PTH100 - links stay as they are


def notebook_file(contents: Any, path: str) -> Path:
    """Return a notebook's file.

    Parameters
    ----------
    contents : jupyter_server.services.contents.manager.ContentsManager
        What the server keeps its documents in.
    path : str
        The notebook's path as JupyterLab names it, perhaps with a drive: ``RTC:work/train.ipynb``.

    Raises
    ------
    perijove.errors.InvalidPath
        It is not a file of this server's: it lies in another drive, outside the server's folder, or the server keeps
        its documents elsewhere than in files.
    """
    root = shown_folder(contents)
    return _below(root, _local(root, path), path)


def _local(root: Path, path: str) -> str:
    """Return a path without its drive; a file may have a colon in its name, too."""
    drive, colon, rest = path.partition(":")
    if not colon or "/" in drive:
        return path
    if drive in _OWN_DRIVES:
        return rest
    if "\0" not in path and paths.is_file(root / path):
        return path
    raise InvalidPath(
        f"'{path}' lies in the drive '{drive}', not in this server's folder.",
        "Save a copy in this server's folder and run that.",
    )


def _below(root: Path, local: str, path: str) -> Path:
    """Join lexically, as the server does: a link in its folder may lead elsewhere on purpose."""
    file = Path(os.path.normpath(root / local.lstrip("/")))
    if root not in file.parents or "\0" in local:
        raise InvalidPath(f"'{path}' does not lie in this server's folder.")
    if not paths.is_folder(file.parent):
        raise InvalidPath(f"The folder of '{path}' does not exist any more.", "Save the notebook, then run it.")
    return file
