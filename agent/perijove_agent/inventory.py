"""What a Python really has: its version, its platform and its packages."""

from __future__ import annotations

import asyncio
import logging
import math
import time
from collections import defaultdict
from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from perijove.aio.executors import COMPUTING, FILES
from perijove.safe_json import Bounds, fits, parsed
from perijove_agent.runtime import Launch, Process, Runtime
from perijove_agent.tasks import cancelled

log = logging.getLogger(__name__)

# Runs in the interpreter it is about. Folders that hold packages are returned too: a new time on one of them means
# that something was installed.
_PROBE = """
import json, platform, sys
from importlib.metadata import distributions
packages = {}
for found in distributions():
    name = found.metadata["Name"]
    if name and name not in packages:
        packages[name] = found.version
folders = [p for p in sys.path if p.endswith(("site-packages", "dist-packages"))]
print(json.dumps({"facts": {
    "python": platform.python_version(), "implementation": platform.python_implementation(),
    "platform": platform.platform(), "machine": platform.machine(),
    "packages": dict(sorted(packages.items(), key=lambda item: item[0].lower()))}, "folders": folders}))
"""
#: Seconds the probe may take, and those after which an interpreter that did not answer it is asked again.
_TIMEOUT, _ASK_AGAIN = 60.0, 600.0
#: What an answer may hold: some thousand packages.
_BOUNDS = Bounds(depth=3, values=20_000, characters=1024 * 1024)
_READ, _MOST = 64 * 1024, 4 * 1024 * 1024


@dataclass(frozen=True)
class _Answer:
    """What was found out about an interpreter, and until when that holds: also until something is installed."""

    facts: dict[str, Any]
    times: dict[str, int]
    until: float = math.inf

    def holds(self) -> bool:
        """Return whether it does; that looks at folders."""
        return time.monotonic() < self.until and self.times == _times(self.times)


class Inventory:
    """Looks interpreters up, once each as long as nothing is installed into them.

    Parameters
    ----------
    runtime : Runtime
        Where they run.
    folder : Path
        Where they look for themselves; empty, lest something there is taken for a module.
    """

    def __init__(self, runtime: Runtime, folder: Path) -> None:
        self._runtime = runtime
        self._folder = folder
        self._known: dict[str, _Answer] = {}
        # One for each interpreter: where one does not answer, nobody waits who asks about another.
        self._turns: defaultdict[str, asyncio.Lock] = defaultdict(asyncio.Lock)

    async def of(self, python: str, environment: Mapping[str, str]) -> dict[str, Any]:
        """Return ``python``, ``implementation``, ``platform``, ``machine`` and ``packages`` of an interpreter.

        An interpreter that cannot be asked has none of them; that fails nobody's work.
        """
        async with self._turns[python]:
            known = self._known.get(python)
            if known is None or not await FILES.run(known.holds):
                known = self._known[python] = await self._probe(python, environment)
            return known.facts

    async def _probe(self, python: str, environment: Mapping[str, str]) -> _Answer:
        try:
            return await COMPUTING.run(_read, await self._run(python, environment))
        except (OSError, ValueError) as error:
            log.warning("the packages of %s are not known: %s", python, error)
            return _Answer({}, {}, until=time.monotonic() + _ASK_AGAIN)

    async def _run(self, python: str, environment: Mapping[str, str]) -> bytes:
        process = await self._runtime.start(Launch([python, "-c", _PROBE], environment, self._folder))
        answering = asyncio.ensure_future(_printed(process))
        try:
            await asyncio.wait({answering}, timeout=_TIMEOUT)
            if not answering.done():
                raise ValueError(f"it did not answer within {_TIMEOUT:.0f} s")
            return answering.result()
        finally:
            await cancelled([answering])
            process.kill()
            await process.cleared()
            process.close()


async def _printed(process: Process) -> bytes:
    """Return what a program prints, until it has printed too much."""
    passing = asyncio.ensure_future(_pass_over(process.stderr))
    try:
        printed = b""
        while data := await process.stdout.read(_READ):
            printed += data
            if len(printed) > _MOST:
                raise ValueError("it prints too much")
        return printed
    finally:
        await cancelled([passing])


async def _pass_over(reader: asyncio.StreamReader) -> None:
    while await reader.read(_READ):
        pass


def _read(output: bytes) -> _Answer:
    """Return what a probe printed; something else that starts with an interpreter may print as well."""
    match parsed(output):
        case {"facts": dict() as facts, "folders": list() as folders} as answer if fits(answer, _BOUNDS):
            return _Answer(facts, _times([name for name in folders if isinstance(name, str) and "\0" not in name]))
    raise ValueError("its answer is too large, or none")


def _times(folders: Iterable[str]) -> dict[str, int]:
    times = {}
    for folder in folders:
        with suppress(OSError):  # not every folder that is searched is there
            times[folder] = Path(folder).stat().st_mtime_ns
    return times
