"""What a snapshot would hold: known before a byte is read, so that it can be shown before it is sent."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

#: The default limit of a snapshot's files, in bytes.
DEFAULT_LIMIT = 1 << 30
#: How many of the ignored names a plan remembers, for showing.
IGNORED_SHOWN = 20
_MOST = 0.8


@dataclass(frozen=True)
class Entry:
    """One file, folder or symbolic link of the project folder.

    Attributes
    ----------
    name : str
        Its path below the project folder, with forward slashes.
    kind : str
        ``file``, ``folder`` or ``link``.
    size : int
        Of a file, in bytes; else 0.
    executable : bool
        Whether its owner may execute it.
    target : str
        Of a link: where it points, relative to its own folder.
    source : Path, optional
        Where its bytes lie, if not in the project folder.
    """

    name: str
    kind: Literal["file", "folder", "link"]
    size: int = 0
    executable: bool = False
    target: str = ""
    source: Path | None = None


@dataclass(frozen=True)
class Plan:
    """What `pack` will write.

    Attributes
    ----------
    root : Path
        The project folder.
    limit : int
        The most bytes its files may have.
    leave_out : frozenset of str
        Names that were left out on request.
    extra : mapping
        Name to file: what goes along from elsewhere.
    entries : tuple of Entry
        Sorted by name.
    ignored : tuple of str
        The first names that stayed out by an ignore rule; a folder's ends with a slash.
    ignored_count : int
        How many there were; a folder counts once.
    notes : tuple of str
        Sentences for the person, such as about a socket that was passed over.
    """

    root: Path
    limit: int
    leave_out: frozenset[str] = frozenset()
    extra: Mapping[str, Path] = field(default_factory=dict)
    entries: tuple[Entry, ...] = ()
    ignored: tuple[str, ...] = ()
    ignored_count: int = 0
    notes: tuple[str, ...] = ()

    @property
    def size(self) -> int:
        """The size of all files, in bytes."""
        return sum(entry.size for entry in self.entries)

    @property
    def count(self) -> int:
        """The number of files and links."""
        return sum(entry.kind != "folder" for entry in self.entries)

    def biggest(self, number: int = 3) -> list[tuple[str, int]]:
        """Return the names that take the most, with their sizes: a file, or a folder (with a slash) of many.

        A folder is named by the deepest of its folders that still holds most of it, for that is what one would ignore.
        """
        totals: Counter[str] = Counter()
        children: dict[str, set[str]] = {}
        for entry in self.entries:
            if entry.kind == "file":
                _count(entry, totals, children)
        top = sorted(children.get("", ()), key=lambda name: (-totals[name], name))
        return [_descend(name, totals, children) for name in top[:number]]


def _count(entry: Entry, totals: Counter[str], children: dict[str, set[str]]) -> None:
    folder, parts = "", entry.name.split("/")
    for part in parts[:-1]:
        children.setdefault(folder, set()).add(folder + part + "/")
        folder += part + "/"
        totals[folder] += entry.size
    children.setdefault(folder, set()).add(entry.name)
    totals[entry.name] += entry.size


def _descend(name: str, totals: Counter[str], children: dict[str, set[str]]) -> tuple[str, int]:
    below = max(children.get(name, ()), key=lambda child: (totals[child], child), default="")
    while below and totals[below] >= _MOST * totals[name] > 0:
        name = below
        below = max(children.get(name, ()), key=lambda child: (totals[child], child), default="")
    return name, totals[name]
