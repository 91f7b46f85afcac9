"""What stays out of a snapshot: ``.gitignore`` and ``.perijoveignore`` of every folder, and a few built-in patterns.

From the weakest word to the strongest: the built-in patterns, ``.gitignore`` files (those above the project folder
within the same git work tree included), ``.perijoveignore`` files. Within a kind the deeper file wins, and within a
file the last line that matches. So ``!data/`` in ``.perijoveignore`` takes along what git leaves out. As in git,
nothing below an ignored folder can be taken back, and the folders named in `ALWAYS` never go.

Where the project folder is the person's home, what is hidden directly in it counts among the built-in patterns: it is
keys, tokens and the state of programs, Jupyter's own among them, and changes with every click.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from pathspec import GitIgnoreSpec
from pathspec.patterns.gitignore.spec import GitIgnoreSpecPattern

from perijove import errors
from perijove.model.sizes import describe_size
from perijove.paths import exists, is_file, open_file, real_path

#: Never in a snapshot, whatever an ignore file says: git's own data, and Perijove's.
ALWAYS = frozenset({".git", ".perijove"})
#: Left out unless an ignore file takes them back: what tools make again, and what belongs to one machine.
BUILT_IN = (
    "__pycache__/",
    "*.py[co]",
    ".ipynb_checkpoints/",
    ".venv/",
    "node_modules/",
    ".mypy_cache/",
    ".pytest_cache/",
    ".ruff_cache/",
    ".virtual_documents/",
    ".hg/",
    ".svn/",
    ".DS_Store",
)
#: Left out of a home folder likewise: what is hidden in it.
HOME = ("/.*",)
GIT_FILE = ".gitignore"
OWN_FILE = ".perijoveignore"
#: Bytes and lines of an ignore file: each line takes most of a millisecond to compile, and is tried on every file.
_BYTES, _LINES = 1 << 20, 10_000
#: Characters of a line: no path has more.
_LINE = 4_096

_STAR = "[^/]*"


class Pattern(GitIgnoreSpecPattern):
    """A line of an ignore file, matched without going back and forth.

    As the library writes it, each of k stars tries every length: a name of n characters costs n to the power of k. What
    stands between two stars of one name may be taken where it comes first, for what follows can then still come later.
    """

    @classmethod
    def pattern_to_regex(cls, pattern: Any) -> Any:
        """Return a line's regular expression, and whether it ignores or takes back."""
        written, include = super().pattern_to_regex(pattern)
        return (first_found(written) if isinstance(written, str) else written), include


def first_found(written: str) -> str:
    """Return a pattern's expression in which what stands between two stars is taken where it is found first."""
    first, *others = written.split(_STAR)
    made = [first]
    for number, piece in enumerate(others, 1):
        between = number < len(others) and not set("/()") & set(piece.replace("[^/]", ""))
        # What a look-ahead has found stands; re has atomic groups from Python 3.11 on only.
        made.append(f"(?=(?P<star{number}>{_STAR}?{piece}))(?P=star{number})" if between else _STAR + piece)
    return "".join(made)


@dataclass(frozen=True)
class Rules:
    """The patterns of one ignore file.

    Attributes
    ----------
    spec : GitIgnoreSpec
        The patterns.
    inside : str
        The ignore file's folder below the project folder, with a slash at its end; empty for the project folder.
    above : str
        The way from the ignore file's folder down to the project folder, where the file lies above it.
    """

    spec: GitIgnoreSpec
    inside: str = ""
    above: str = ""

    def verdict(self, path: str) -> bool | None:
        """Return whether `path` is ignored or taken back, or None where these patterns say nothing of it."""
        return self.spec.check_file(self.above + path[len(self.inside) :]).include


@dataclass(frozen=True)
class Ignore:
    """Everything that speaks about one folder's entries; each kind's weakest word first."""

    built_in: Rules
    git: tuple[Rules, ...] = ()
    own: tuple[Rules, ...] = ()

    def ignores(self, path: str) -> bool:
        """Return whether `path` (a folder's ends with a slash) stays out."""
        if path.rstrip("/").rsplit("/", 1)[-1] in ALWAYS:
            return True
        verdicts = (rules.verdict(path) for rules in (*reversed(self.own), *reversed(self.git), self.built_in))
        return next((verdict for verdict in verdicts if verdict is not None), False)

    def below(self, folder: Path, inside: str, names: frozenset[str]) -> Ignore:
        """Return the rules for the entries of `folder`, whose own ignore files are among `names`."""
        new = self
        if GIT_FILE in names:
            new = replace(new, git=(*new.git, Rules(_read(folder / GIT_FILE), inside)))
        if OWN_FILE in names:
            new = replace(new, own=(*new.own, Rules(_read(folder / OWN_FILE), inside)))
        return new


def ignore_above(root: Path) -> Ignore:
    """Return the built-in patterns, and what git's ignore files above `root` say, within the work tree that holds it.

    If the latter leave out `root` itself they are disregarded: who runs from an ignored folder means its contents.
    """
    rules = tuple(reversed(list(_rules_above(root))))
    if any(rule.spec.match_file(rule.above) for rule in rules if rule.above):
        return Ignore(_built_in(root))
    return Ignore(_built_in(root), git=rules)


def _built_in(root: Path) -> Rules:
    return Rules(GitIgnoreSpec.from_lines((*BUILT_IN, *HOME) if _is_home(root) else BUILT_IN))


def _is_home(folder: Path) -> bool:
    try:
        return folder.samefile(Path.home())
    except (OSError, RuntimeError):  # nobody's: without a folder, or without a name
        return False


def _rules_above(root: Path) -> Iterator[Rules]:
    top = next((folder for folder in (root, *root.parents) if exists(folder / ".git")), None)
    if top is None:
        return
    for folder in (root, *root.parents):
        above = "".join(f"{part}/" for part in root.relative_to(folder).parts)
        if folder != root and is_file(folder / GIT_FILE):
            yield Rules(_read(folder / GIT_FILE), above=above)
        if folder == top:
            if is_file(folder / ".git" / "info" / "exclude"):
                yield Rules(_read(folder / ".git" / "info" / "exclude"), above=above)
            return


def _read(path: Path) -> GitIgnoreSpec:
    try:
        with open_file(real_path(path)) as file:
            content = file.read(_BYTES + 1)
    except FileNotFoundError:  # gone since its folder was listed
        content = b""
    except OSError as error:
        raise errors.InvalidPath(
            f"The ignore file {str(path)!r} can't be read: {error.strerror}.", "Change its permissions, or remove it."
        ) from None
    lines = content.decode("utf-8-sig", "replace").splitlines()
    if len(content) > _BYTES or len(lines) > _LINES:
        raise errors.InvalidPath(
            f"The ignore file {str(path)!r} has more than {describe_size(_BYTES)} or {_LINES:,} lines.",
            "Name folders or patterns in it rather than single files.",
        )
    lines = [line for line in lines if len(line) <= _LINE]
    try:
        return GitIgnoreSpec.from_lines(lines, Pattern)
    except (ValueError, re.error):  # git passes over a line that is no pattern
        return GitIgnoreSpec.from_lines((line for line in lines if _is_pattern(line)), Pattern)


def _is_pattern(line: str) -> bool:
    try:
        GitIgnoreSpec.from_lines([line], Pattern)
    except (ValueError, re.error):
        return False
    return True
