"""The agent's end of its guard process."""

from __future__ import annotations

import contextlib
import secrets
import subprocess
import sys
import tempfile
import threading
from pathlib import Path

from perijove import trees
from perijove_agent.runtime import guard


class Guardian:
    """Starts the guard (see `perijove_agent.runtime.guard`) and registers with it what there is to clear up.

    One guard serves the whole agent, so it costs an execution nothing, and no code runs between fork and exec. Work has
    the agent's rights and may end it: then another is started, with which all of it is registered again.

    Attributes
    ----------
    mark : str
        What the variable `guard.MARK` begins with in the environment of every process that is started.
    number : int
        The first of the numbers that those processes have in their limit of file locks.
    forking : threading.Lock
        Held while a process is forked: what marks a program is inherited by all that is forked in that instant.
    """

    def __init__(self) -> None:
        self.mark = secrets.token_hex(8)
        self.number = guard.SPAN * (1 + secrets.randbits(29))
        self.forking = threading.Lock()
        self._groups: set[int] = set()
        self._folders: set[Path] = set()
        self._process = self._start()

    @property
    def pid(self) -> int:
        """The guard's process id."""
        return self._process.pid

    def add(self, group: int) -> None:
        """Take note of a process group that was started."""
        self._groups.add(group)
        self._register(f"+ {group}")

    def remove(self, group: int) -> None:
        """Forget a process group that is gone."""
        self._groups.discard(group)
        self._register(f"- {group}")

    def make_folder(self) -> Path:
        """Make a folder, readable by this user only, that is to go with the agent.

        It lies in the system's temporary folder because the path of a Unix socket may have 107 bytes at most (unix(7)).
        """
        folder = Path(tempfile.gettempdir(), f"pj-{secrets.token_hex(4)}")
        self._folders.add(folder)
        self._register(f"d {folder}")  # before it is there, so that there is no moment in which it would be left
        folder.mkdir(mode=0o700)
        return folder

    def close(self) -> None:
        """Let the guard clear up and end; wait for it."""
        _close(self._process)

    def _start(self) -> subprocess.Popen[bytes]:
        with self.forking:
            process = subprocess.Popen(
                [
                    sys.executable,
                    "-I",
                    "-S",
                    str(Path(guard.__file__).absolute()),
                    str(Path(trees.__file__).absolute()),
                ],
                stdin=subprocess.PIPE,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                start_new_session=True,
            )
        known = [f"m {self.mark} {self.number}"]
        known += [f"d {folder}" for folder in self._folders]
        known += [f"+ {group}" for group in self._groups]
        _write(process, "\n".join(known))
        return process

    def _register(self, line: str) -> None:
        if not _write(self._process, line):
            _close(self._process)
            self._process = self._start()


def _write(process: subprocess.Popen[bytes], text: str) -> bool:
    """Return whether the guard takes lines; for one that was closed there is nothing more to clear up."""
    try:
        if process.stdin and not process.stdin.closed:
            process.stdin.write(text.encode() + b"\n")
            process.stdin.flush()
    except BrokenPipeError:
        return False
    return True


def _close(process: subprocess.Popen[bytes]) -> None:
    if process.stdin:
        with contextlib.suppress(BrokenPipeError):
            process.stdin.close()
    process.wait()
