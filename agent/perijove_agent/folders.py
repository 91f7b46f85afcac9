"""Where things lie on the worker's disk."""

from __future__ import annotations

import os
import stat
from dataclasses import dataclass
from pathlib import Path
from uuid import uuid4

from perijove.wire.protocol import Held
from perijove_agent.records.ended import EndedSpool
from perijove_agent.removal import remove


@dataclass(frozen=True)
class AttemptFolders:
    """The folders of one attempt. All go when it ends.

    Attributes
    ----------
    root : Path
        Holds the others.
    """

    root: Path

    @property
    def repository(self) -> Path:
        """A fresh copy of the code: the work may write here."""
        return self.root / "repository"

    @property
    def inputs(self) -> Path:
        """Inputs, a folder each."""
        return self.root / "inputs"

    @property
    def outputs(self) -> Path:
        """What is written here is kept."""
        return self.root / "outputs"

    @property
    def config(self) -> Path:
        """``parameters.json``, ``inputs.json`` and ``execution.json``."""
        return self.root / "config"

    @property
    def temporary(self) -> Path:
        """The work's ``TMPDIR``."""
        return self.root / "tmp"

    @property
    def payloads(self) -> Path:
        """Large messages on their way to the object store; not the work's business."""
        return self.root / "payloads"

    @property
    def executed(self) -> Path:
        """Holds the executed notebook; not the work's business either."""
        return self.root / "executed"

    def create(self) -> None:
        """Make them all, empty; what an earlier try left and cannot be removed is moved out of the way."""
        if remove(self.root):
            self.root.rename(self.root.with_name(f"{self.root.name}.left-{uuid4().hex}"))
        self.root.mkdir(parents=True, mode=0o700)
        for folder in (self.repository, self.inputs, self.outputs, self.config, self.temporary):
            folder.mkdir()

    def remove(self) -> None:
        """Delete them all, with whatever work left in them; what stays is logged, and the next start tries again."""
        remove(self.root)


@dataclass(frozen=True)
class DataFolders:
    """The agent's own folder."""

    root: Path

    @property
    def cache(self) -> Path:
        """What was fetched and may be needed again; it outlives the agent."""
        return self.root / "cache"

    @property
    def idle(self) -> Path:
        """Where warm kernels wait."""
        return self.root / "idle"

    def attempt(self, held: Held) -> AttemptFolders:
        """Return the folders of an attempt."""
        return AttemptFolders(self.root / "attempts" / f"{held.execution}-{held.attempt}")

    def spool(self, held: Held) -> Path:
        """Return the file an attempt's records are spooled to."""
        return self.spools / f"{held.execution}-{held.attempt}.jsonl"

    @property
    def spools(self) -> Path:
        """Holds the spools: of attempts that run, and of ended ones until they are archived."""
        return self.root / "spool"

    @property
    def downloads(self) -> Path:
        """Where downloads grow."""
        return self.root / "downloads"

    def prepare(self) -> None:
        """Make the folder, and clear up after an agent that was killed.

        A restarted agent is a new worker, so what an earlier one left is nobody's: its attempts were given to others,
        and what it had sent is archived by the master. Only the spools of attempts that had ended are kept, as nothing
        else may have all of their records. Whatever lies here, and whatever of it cannot be removed, the agent starts.
        """
        self.root.mkdir(parents=True, exist_ok=True, mode=0o700)
        for folder in (self.root / "attempts", self.downloads, self.idle):
            remove(folder)
        for folder in (self.idle, self.spools, self.cache):
            _make_usable(folder)
        self.spools.chmod(0o700)  # the names in it hold keys
        with os.scandir(self.spools) as found:
            useless = [path for each in found if not (EndedSpool.at(path := Path(each.path)) and _is_file(each))]
        for path in useless:
            remove(path)


def _make_usable(folder: Path) -> None:
    """See to it that there is a folder of this name that can be used; what is there instead goes out of the way."""
    try:
        status = folder.lstat()
        if stat.S_ISDIR(status.st_mode):
            if status.st_mode & stat.S_IRWXU != stat.S_IRWXU:
                folder.chmod(stat.S_IMODE(status.st_mode) | stat.S_IRWXU)
            return
        remove(folder)
    except FileNotFoundError:
        pass
    folder.mkdir(parents=True, exist_ok=True)


def _is_file(entry: os.DirEntry[str]) -> bool:
    return entry.is_file(follow_symlinks=False)
