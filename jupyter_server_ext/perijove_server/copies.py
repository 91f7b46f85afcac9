"""The folder ``perijove/`` in a person's own, where copies of what ran lie, so that JupyterLab can open them."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from perijove import paths
from perijove.errors import Conflict, InvalidPath

#: Its name; the front end knows it too.
COPIES = "perijove"
_IGNORE = """\
# Copies of what ran remotely. They neither go along with the next run nor belong in a repository:
# remove this file if you want them to.
*
"""


def make_copies_folder(root: Path) -> Path:
    """Return the folder of copies, made if need be.

    It ignores itself, as ``.venv`` does: a copy that travelled with every later run would be copied again and again.

    Parameters
    ----------
    root : Path
        The folder that JupyterLab shows.

    Raises
    ------
    perijove.errors.PerijoveError
        It cannot be made.
    """
    folder = root / COPIES
    with explaining(folder):
        try:
            folder.mkdir()
        except FileExistsError:
            if not paths.is_folder(folder):
                raise
        else:
            (folder / ".gitignore").write_text(_IGNORE, encoding="utf-8")
    return folder


@contextmanager
def explaining(folder: Path) -> Iterator[None]:
    """Turn what the file system refuses into a sentence."""
    try:
        yield
    except (FileExistsError, NotADirectoryError) as error:
        raise Conflict(f"There is a file where the folder '{folder.name}' would be.", "Rename that file.") from error
    except OSError as error:
        hint = "See that there is room, and that the folder may be written."
        raise InvalidPath(f"The folder '{folder.name}' cannot be made: {error.strerror}.", hint) from error
