"""What a Python really has: its version, its platform and its packages."""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from perijove.safe_json import Bounds, fits, repaired
from perijove_agent.runtime import Launch, Runtime

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
#: Seconds the probe may take.
_TIMEOUT = 60.0
#: What an interpreter may say of itself: some thousand packages.
_BOUNDS = Bounds(depth=3, values=20_000, characters=1024 * 1024)


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
        self._known: dict[str, tuple[dict[str, int], dict[str, Any]]] = {}
        self._turn = asyncio.Lock()

    async def of(self, python: str, environment: Mapping[str, str]) -> dict[str, Any]:
        """Return ``python``, ``implementation``, ``platform``, ``machine`` and ``packages`` of an interpreter.

        An interpreter that cannot be asked has none of them; that fails nobody's work.
        """
        async with self._turn:
            known = self._known.get(python)
            if known and known[0] == _times(known[0]):
                return known[1]
            return await self._probe(python, environment)

    async def _probe(self, python: str, environment: Mapping[str, str]) -> dict[str, Any]:
        try:
            output = await asyncio.wait_for(self._run(python, environment), _TIMEOUT)
            facts, folders = _read(output)
        except (OSError, ValueError, RecursionError, asyncio.TimeoutError) as error:
            log.warning("the packages of %s are not known: %s", python, error)
            return {}
        self._known[python] = (_times(folders), facts)
        return facts

    async def _run(self, python: str, environment: Mapping[str, str]) -> bytes:
        process = await self._runtime.start(Launch([python, "-c", _PROBE], environment, self._folder))
        try:
            output, _ = await asyncio.gather(process.stdout.read(), process.stderr.read())
            return output
        finally:
            process.close()
            await process.cleared()


def _read(output: bytes) -> tuple[dict[str, Any], list[str]]:
    """Return the facts and the folders that a probe found; what else starts with an interpreter may print as well."""
    answer = json.loads(output)
    if not isinstance(answer, dict) or not fits(answer, _BOUNDS):
        raise ValueError("its answer is too large, or none")
    facts, folders = repaired(answer.get("facts")), answer.get("folders")
    if not (isinstance(facts, dict) and isinstance(folders, list)):
        raise ValueError("its answer is none")  # noqa: TRY004 - as of what is no JSON
    return facts, [folder for folder in folders if isinstance(folder, str) and "\0" not in folder]


def _times(folders: Any) -> dict[str, int]:
    return {folder: Path(folder).stat().st_mtime_ns for folder in folders if Path(folder).is_dir()}
