"""Which folder goes along with a notebook."""

from __future__ import annotations

from pathlib import Path

from perijove.paths import exists, is_folder

#: What marks the top of a project.
MARKERS = (".git", "valohai.yaml", ".perijoveignore")


def find_root(start: Path) -> Path:
    """Return the project folder of a notebook or folder: the nearest parent with a marker, else its own folder."""
    folder = start.absolute() if is_folder(start) else start.absolute().parent
    for candidate in (folder, *folder.parents):
        if any(exists(candidate / marker) for marker in MARKERS):
            return candidate
    return folder
