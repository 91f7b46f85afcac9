"""Worker machines that are processes beside the service, for one machine or the demonstration."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from collections.abc import AsyncIterator, Mapping, Sequence
from pathlib import Path

from traitlets import Dict, Float, List, Unicode
from traitlets.config import LoggingConfigurable

from perijove import trees
from perijove.aio.executors import FILES, WAITING
from perijove.errors import Unavailable
from perijove_scheduler.providers import processes
from perijove_scheduler.providers.protocol import Machine, Order

#: The service's own secrets. The work an agent runs sees the agent's environment, and must not see them.
_SECRETS = ("JUPYTERHUB_", "CONFIGPROXY_", "PERIJOVE_")
_LAST_WORDS = 2_000
_MIB = 1024 * 1024
_LOGS_KEPT = 50
_HOST = socket.gethostname()


class ProcessProvider(LoggingConfigurable):
    """Starts agents as detached processes: they outlive a crash of the service, and its next start finds them again."""

    command = List(
        Unicode(),
        default_value=[sys.executable, "-m", "perijove_agent"],
        help="The agent's program; --group, --worker, --url, --token-file, --cpus, --memory and --gpus are appended.",
    ).tag(config=True)
    environment = Dict(help="Environment variables to add for agents.").tag(config=True)
    stop_grace = Float(6.0, help="Seconds between SIGTERM and SIGKILL when an agent is ended.").tag(config=True)
    data_dir = Unicode(help="The folder under which agents/ is made.").tag(config=True)
    url = Unicode(help="The service's address, as agents reach it.").tag(config=True)

    def __init__(self, **settings: object) -> None:
        super().__init__(**settings)
        self._children: dict[int, subprocess.Popen[bytes]] = {}

    async def start(self, order: Order) -> AsyncIterator[Machine]:
        """Start an agent; see `Provider.start`."""
        folder = self._folder(order.worker)
        machine: Machine = {"worker": order.worker, "folder": str(folder), "log": f"{folder}.log", "host": _HOST}
        yield machine
        try:
            child = await WAITING.run(self._launch, folder, order)
        except OSError as error:
            raise Unavailable(f"The agent could not be started: {error}", "Check `ProcessProvider.command`.") from error
        self._children[child.pid] = child
        yield {**machine, "pid": child.pid, "created": processes.created(child.pid)}

    async def alive(self, machines: Sequence[Machine]) -> list[bool]:
        """Return whether the agents' processes run; one on another host, of another replica, is its to judge."""
        self._reap()
        return await WAITING.run(lambda: [_is_elsewhere(each) or processes.find(each) is not None for each in machines])

    async def terminate(self, machine: Machine) -> None:
        """Send SIGTERM, then SIGKILL to it and what it started; remove its folder. Its log is kept."""
        if _is_elsewhere(machine):
            return
        await WAITING.run(processes.end, machine, self.stop_grace)
        self._reap()
        if folder := machine.get("folder"):
            remains = await FILES.run(trees.remove, folder)
            if remains:
                self.log.warning(
                    "the folder of worker %s is not removed; there stays: %s", machine.get("worker", ""), remains
                )

    async def last_words(self, machine: Machine) -> str:
        """Return the end of the agent's log."""
        return await FILES.run(_tail, Path(machine.get("log", "")))

    async def aclose(self) -> None:
        """Let go of the agents that still run."""
        self._reap()
        for child in self._children.values():
            # They outlive this process on purpose; without this, Popen warns when it is collected.
            child.returncode = 0
        self._children.clear()

    def _folder(self, worker: str) -> Path:
        return Path(self.data_dir).resolve() / "agents" / worker

    def _launch(self, folder: Path, order: Order) -> subprocess.Popen[bytes]:
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        token_file = folder / "token"
        with os.fdopen(os.open(token_file, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as file:
            file.write(order.token)
        _prune(folder.parent)
        with Path(f"{folder}.log").open("ab") as log:
            return subprocess.Popen(
                [*self.command, *_arguments(order, self.url, token_file)],
                cwd=folder,
                env=_environment(os.environ, self.environment),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )

    def _reap(self) -> None:
        """Collect the exit statuses of ended children, so that none stays a zombie."""
        for pid, child in list(self._children.items()):
            if child.poll() is not None:
                del self._children[pid]


def _arguments(order: Order, url: str, token_file: Path) -> list[str]:
    capacity = order.capacity
    amounts = ["--cpus", f"{capacity.cpus:g}", "--gpus", str(capacity.gpus)]
    if capacity.memory:
        amounts += ["--memory", str(capacity.memory // _MIB)]
    return ["--group", order.group, "--worker", order.worker, "--url", url, "--token-file", str(token_file), *amounts]


def _environment(ours: Mapping[str, str], added: Mapping[str, str]) -> dict[str, str]:
    kept = {
        name: value
        for name, value in ours.items()
        if name.startswith("PERIJOVE_AGENT_") or not name.startswith(_SECRETS)
    }
    # What it sends to the service stays on this machine, whatever name the service's address has.
    return {**kept, "PYTHONUNBUFFERED": "1", "PERIJOVE_AGENT_INSECURE": "1", **added}


def _is_elsewhere(machine: Machine) -> bool:
    return bool(machine.get("host", _HOST) != _HOST)


def _prune(folder: Path) -> None:
    """Delete the oldest logs of agents that were; those of the last ones are kept for whoever wonders."""
    logs = sorted(folder.glob("wk-*.log"), key=lambda path: path.stat().st_mtime)
    for log in logs[:-_LOGS_KEPT]:
        if not log.with_suffix("").exists():
            log.unlink(missing_ok=True)


def _tail(path: Path) -> str:
    try:
        with path.open("rb") as file:
            file.seek(max(file.seek(0, os.SEEK_END) - _LAST_WORDS, 0))
            return file.read().decode(errors="replace").strip()
    except OSError:
        return ""
