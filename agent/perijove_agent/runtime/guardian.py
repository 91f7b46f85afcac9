"""The agent's end of its guard process."""

from __future__ import annotations

import contextlib
import secrets
import subprocess
import sys
import tempfile
from pathlib import Path

from perijove_agent.runtime import guard


class Guardian:
    """Starts the guard (see `perijove_agent.runtime.guard`) and tells it what there is to clear up.

    One guard serves the whole agent, so it costs an execution nothing, and no code runs between fork and exec.

    Attributes
    ----------
    mark : dict of str
        What belongs into the environment of every process that is started.
    """

    def __init__(self) -> None:
        self.mark = {guard.MARK: secrets.token_hex(8)}
        self._process = subprocess.Popen(
            [sys.executable, "-I", "-S", str(Path(guard.__file__).resolve())],
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )
        self._tell(f"m {self.mark[guard.MARK]}")

    @property
    def pid(self) -> int:
        """The guard's process id."""
        return self._process.pid

    def add(self, group: int) -> None:
        """Take note of a process group that was started."""
        self._tell(f"+ {group}")

    def remove(self, group: int) -> None:
        """Forget a process group that is gone."""
        self._tell(f"- {group}")

    def make_folder(self) -> Path:
        """Make a folder, readable by this user only, that is to go with the agent.

        It lies in the system's temporary folder because the path of a Unix socket may have 107 bytes at most (unix(7)).
        """
        folder = Path(tempfile.gettempdir(), f"pj-{secrets.token_hex(4)}")
        self._tell(f"d {folder}")  # before it is there, so that there is no moment in which it would be left
        folder.mkdir(mode=0o700)
        return folder

    def close(self) -> None:
        """Let the guard clear up and end; wait for it."""
        if self._process.stdin:
            with contextlib.suppress(BrokenPipeError):
                self._process.stdin.close()
        self._process.wait()

    def _tell(self, line: str) -> None:
        # A guard that someone killed is no reason to fail work.
        with contextlib.suppress(BrokenPipeError, ValueError):
            if self._process.stdin:
                self._process.stdin.write(line.encode() + b"\n")
                self._process.stdin.flush()
