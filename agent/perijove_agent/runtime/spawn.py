"""How a program is started: by posix_spawn(3), which sets what the child receives of signals and leaves ours alone.

`subprocess` has the child inherit what the thread that forks has blocked, so that thread would have to receive signals
for a moment, and could not say who sent them (`perijove_agent.departure`). What posix_spawn(3) does not know, the
working folder, a shell sets before it becomes the program.
"""

from __future__ import annotations

import errno
import os
import shutil
import signal
from dataclasses import dataclass
from io import FileIO
from pathlib import Path

from perijove_agent.runtime.protocol import Launch

_SHELL = "/bin/sh"
#: Some shells export where they were before.
_ENTER = 'cd -- "$1" && unset OLDPWD && shift && exec "$@"'
#: Python ignores the first two, and an agent that a script starts in the background may be made to ignore the others; a
#: program that is started must not, or no shell in it could trap them.
_AS_USUAL = [signal.SIGPIPE, signal.SIGXFSZ, signal.SIGINT, signal.SIGQUIT, signal.SIGTERM]


#: The exit status of a program whose own is not known; asyncio uses the same.
_UNKNOWN = 255


@dataclass
class Child:
    """A child process, with what it prints.

    Attributes
    ----------
    returncode : int, optional
        Its exit status, negative for the signal that ended it, once `wait` has asked for it.
    """

    pid: int
    stdout: FileIO
    stderr: FileIO
    returncode: int | None = None

    def wait(self) -> int:
        """Wait until it has ended; return its exit status. Blocks."""
        if self.returncode is None:
            try:
                self.returncode = os.waitstatus_to_exitcode(os.waitpid(self.pid, 0)[1])
            except ChildProcessError:  # somebody else has asked for it, as a process that ignores SIGCHLD does
                self.returncode = _UNKNOWN
        return self.returncode


def spawn(launch: Launch) -> Child:
    """Start a program in a session of its own, without standard input.

    Raises
    ------
    OSError
        It cannot be started: neither its folder nor the program is what it has to be, or the machine has no room.
    """
    _check(launch)
    pipes: list[int] = []
    try:
        pipes += os.pipe()
        pipes += os.pipe()
        out, into_out, err, into_err = pipes
        pid = os.posix_spawn(
            _SHELL,
            ["sh", "-c", _ENTER, "sh", str(launch.folder), *launch.argv],
            dict(launch.environment),
            file_actions=[
                (os.POSIX_SPAWN_OPEN, 0, os.devnull, os.O_RDONLY, 0),
                (os.POSIX_SPAWN_DUP2, into_out, 1),
                (os.POSIX_SPAWN_DUP2, into_err, 2),
            ],
            setsid=True,
            setsigmask=[],
            setsigdef=_AS_USUAL,
        )
    except BaseException:
        for pipe in pipes:
            os.close(pipe)
        raise
    os.close(into_out)
    os.close(into_err)
    return Child(pid, FileIO(out), FileIO(err))


def _check(launch: Launch) -> None:
    """Raise what the shell could only print."""
    if not launch.folder.is_dir():
        raise NotADirectoryError(errno.ENOTDIR, os.strerror(errno.ENOTDIR), str(launch.folder))
    program = launch.argv[0]
    if "/" in program:
        program = str(launch.folder / program)
    if shutil.which(program, path=launch.environment.get("PATH", os.defpath)) is None:
        number = errno.EACCES if Path(program).exists() else errno.ENOENT
        raise OSError(number, os.strerror(number), launch.argv[0])
