"""A JupyterHub with the Perijove service, as a child process: start, wait until it answers, mint tokens, stop."""

from __future__ import annotations

import os
import secrets
import signal
import subprocess
import sys
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import httpx

from perijove_hub.tokens import mint
from perijove_local.home import ROOT, Home
from perijove_local.processes import end, processes_of

_RUNNING = b"JupyterHub is now running"
_LAST_LINES = 25


class HubFailed(Exception):
    """The Hub or its service did not start, or did not stop."""


@dataclass
class Hub:
    """A running JupyterHub in a session of its own, so that a Ctrl-C reaches only the program that started it.

    Attributes
    ----------
    home : Home
        Its data directory.
    port : int
        Where its proxy listens, on the loopback.
    config : Path
        Its configuration, which reads ``PORT``, ``PERIJOVE_DATA_DIR`` and ``PERIJOVE_SETUP_TOKEN``.
    settings : mapping of str to str
        More environment variables for that configuration.
    """

    home: Home
    port: int
    config: Path = ROOT / "jupyterhub_config.py"
    settings: Mapping[str, str] = field(default_factory=dict)
    _log_begins: int = 0
    _process: subprocess.Popen[bytes] | None = None
    _token: str = field(default_factory=lambda: secrets.token_hex(32), repr=False)

    @property
    def url(self) -> str:
        """The Hub's address, ending with a slash."""
        return f"http://127.0.0.1:{self.port}/"

    @property
    def service_url(self) -> str:
        """The Perijove service's address, which is the value of ``PERIJOVE_URL``."""
        return f"{self.url}services/perijove/"

    @property
    def pid(self) -> int:
        """The process id of the Hub."""
        return self._running().pid

    def start(self, patience: float = 60) -> None:
        """Start the Hub and wait until the service answers through its proxy.

        Raises
        ------
        HubFailed
            It ended, or did not answer within `patience` seconds; the message ends with its last log lines.
        """
        self.home.make()
        with self.home.log.open("ab") as log:
            self._log_begins = log.tell()
            self._process = subprocess.Popen(
                [sys.executable, "-m", "jupyterhub", "-f", str(self.config)],
                cwd=self.home.path, env=self._environment(), stdin=subprocess.DEVNULL,
                stdout=log, stderr=subprocess.STDOUT, start_new_session=True,
            )  # fmt: skip
        try:
            self._wait_until_healthy(time.monotonic() + patience)
        except BaseException:
            self.stop()
            raise

    def stop(self, patience: float = 40) -> None:
        """Stop the Hub, which stops its service, which stops its agents and then its Redis; leave nothing running.

        Raises
        ------
        HubFailed
            Something had to be killed: it would not end by itself.
        """
        if self._process is None:
            return
        self._process.send_signal(signal.SIGTERM)
        try:
            self._process.wait(patience)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._process = None
        if killed := end(processes_of(self.home.path)):
            raise HubFailed(f"These would not stop and were killed: {', '.join(killed)}. The log is {self.home.log}.")

    def wait(self) -> int:
        """Wait until the Hub ends by itself, and return its exit status."""
        return self._running().wait()

    def token(self, user: str) -> str:
        """Return a fresh token of one of the configuration's users."""
        return mint(self.url, self._token, user, note="local platform")

    @property
    def setup_token(self) -> str:
        """The token that makes tokens of the configuration's users."""
        return self._token

    def accepts(self, token: str) -> bool:
        """Return whether `token` is still good."""
        reply = httpx.get(f"{self.url}hub/api/user", headers={"Authorization": f"token {token}"}, timeout=60)
        return reply.is_success

    def _running(self) -> subprocess.Popen[bytes]:
        if self._process is None:
            raise HubFailed("The Hub is not running.")
        return self._process

    def _environment(self) -> dict[str, str]:
        tools = [str(Path(sys.executable).parent), str(ROOT / "node_modules" / ".bin"), os.environ["PATH"]]
        return {
            # Where this program finds its modules is no business of the kernels that will run.
            **{name: value for name, value in os.environ.items() if name != "PYTHONPATH"},
            "PATH": os.pathsep.join(tools),
            "PERIJOVE_DATA_DIR": str(self.home.path),
            "PERIJOVE_SETUP_TOKEN": self._token,
            "PORT": str(self.port),
            **self.settings,
        }

    def _wait_until_healthy(self, deadline: float) -> None:
        while not (self._announced() and self._answers()):
            if time.monotonic() > deadline:
                raise HubFailed(f"The service did not answer at {self.service_url} in time.\n{self._last_lines()}")
            try:
                status = self._running().wait(0.1)
            except subprocess.TimeoutExpired:
                continue
            raise HubFailed(f"JupyterHub ended with status {status}.\n{self._last_lines()}")

    def _announced(self) -> bool:
        """Return whether the Hub wrote that it runs; asking it earlier would fill its log with errors of our own."""
        with self.home.log.open("rb") as log:
            log.seek(self._log_begins)
            return _RUNNING in log.read()

    def _answers(self) -> bool:
        try:
            return httpx.get(f"{self.service_url}api/v1/info").status_code in {200, 401, 403}
        except httpx.TransportError:
            return False

    def _last_lines(self) -> str:
        lines = self.home.log.read_text(encoding="utf-8", errors="replace").splitlines()
        return "\n".join([f"The end of {self.home.log}:", *lines[-_LAST_LINES:]])
