"""Worker machines: an agent each, a disk for its spools, a line to Redis of its own, and a clock that may be wrong."""

from __future__ import annotations

import os
import subprocess
import sys
from contextlib import suppress
from importlib.util import find_spec
from pathlib import Path

from storm.doorway import Doorway
from storm.plan import GROUP
from storm.processes import Program, environment
from storm.proxy import Proxy

_SPOOL_MIB = 16


class Machine:
    """A worker machine, on which one agent runs at a time.

    Parameters
    ----------
    number : int
        Which.
    folder : Path
        Its disk.
    clock : float
        Seconds by which its clock is wrong.

    Attributes
    ----------
    on_tmpfs : bool
        Whether its spools have a small file system of their own. Without the right to mount one a full disk is
        stood for by a folder that takes no new file.
    """

    def __init__(self, number: int, folder: Path, doorway: Doorway, redis_port: int, token: str) -> None:
        self.number = number
        self.folder = folder
        self.clock = 0.0
        self.proxy = Proxy(redis_port)
        doorway.agent_redis[number] = self.proxy.port
        self.temporary, self.data, self.spool = folder / "t", folder / "data", folder / "data" / "spool"
        self._token = folder / "token"
        for path in (self.temporary, self.spool):
            path.mkdir(parents=True)
        self._token.write_text(token)
        self.on_tmpfs = _mount(self.spool)
        argv = [sys.executable, "-m", "perijove_agent", "--url", doorway.agent_url(number), "--group", GROUP]
        argv += ["--token-file", str(self._token), "--data-dir", str(self.data), "--cpus", "2"]
        self.agent = Program(argv, {}, folder / "agent.log")

    async def start(self) -> None:
        """Start an agent, with the machine's clock."""
        self.agent.environment = environment(TMPDIR=str(self.temporary), **_shifted(self.clock))
        await self.agent.start()

    def fill_disk(self) -> None:
        """Fill the disk of the spools."""
        if not self.on_tmpfs:
            self.spool.chmod(0o500)
            return
        with suppress(OSError), (self.spool / "filler").open("wb", buffering=0) as filler:
            while filler.write(bytes(1 << 20)):
                pass

    def free_disk(self) -> None:
        """Make room again."""
        if not self.on_tmpfs:
            self.spool.chmod(0o700)
        (self.spool / "filler").unlink(missing_ok=True)

    def unmount(self) -> None:
        """Let go of the file system."""
        if self.on_tmpfs:
            subprocess.run(["umount", str(self.spool)], check=True)

    def left(self) -> list[Path]:
        """Return the files of attempts and spools on its disk."""
        places = (self.data / "attempts", self.data / "downloads", self.spool)
        return [path for place in places if place.exists() for path in place.iterdir()]


def _mount(folder: Path) -> bool:
    command = ["mount", "-t", "tmpfs", "-o", f"size={_SPOOL_MIB}m", "tmpfs", str(folder)]
    return os.geteuid() == 0 and subprocess.run(command, check=False, capture_output=True).returncode == 0


def _shifted(seconds: float) -> dict[str, str]:
    """Return what makes a program's clock wrong; the one that only measures durations stays right."""
    if not seconds:
        return {}
    spec = find_spec("libfaketime")
    assert spec, "A wrong clock needs the package libfaketime, which the extra `test` brings."
    places = [Path(place) for place in spec.submodule_search_locations or ()]
    library = next(path for place in places for path in place.rglob("libfaketime.so.1"))
    return {"LD_PRELOAD": str(library), "FAKETIME": f"{seconds:+.0f}", "FAKETIME_DONT_FAKE_MONOTONIC": "1",
            "FAKETIME_DISABLE_SHM": "1"}  # fmt: skip
