"""The data directory of a local platform: what lies where in it, and who is running on it."""

from __future__ import annotations

import fcntl
import os
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import TextIO

#: The checkout: where jupyterhub_config.py and the examples lie.
ROOT = Path(__file__).resolve().parents[2]


class AlreadyRunning(Exception):
    """Another program runs a platform on this data directory."""


@dataclass(frozen=True)
class Home:
    """A data directory, ``.perijove/`` by default.

    Attributes
    ----------
    path : Path
        The directory; made, for its owner only, when it is first used. By default ``PERIJOVE_DATA_DIR``, else
        ``.perijove`` in the checkout.
    """

    path: Path = field(default_factory=lambda: Path(os.environ.get("PERIJOVE_DATA_DIR", ROOT / ".perijove")).resolve())

    @property
    def log(self) -> Path:
        """The log of the Hub, its proxy and the service."""
        return self.path / "hub.log"

    @property
    def env(self) -> Path:
        """The file that a shell sources to speak to this platform."""
        return self.path / "env"

    def make(self) -> None:
        """Make the directory, readable by its owner only."""
        self.path.mkdir(mode=0o700, parents=True, exist_ok=True)

    def lock(self) -> TextIO:
        """Take this directory for one platform, until the returned file is closed or the program ends.

        Raises
        ------
        AlreadyRunning
            A platform runs on it already.
        """
        self.make()
        handle = (self.path / "starter.lock").open("a+", encoding="utf-8")
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            handle.close()
            raise AlreadyRunning(f"A platform already runs on {self.path}.") from error
        return handle

    def write_env(self, url: str, token: str) -> None:
        """Write the file ``env``, readable by its owner only from the first byte on."""
        draft = self.env.with_suffix(".new")
        draft.unlink(missing_ok=True)
        descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            file.write(f"export PERIJOVE_URL={url}\nexport PERIJOVE_TOKEN={token}\n")
        draft.replace(self.env)

    def read_env(self) -> dict[str, str]:
        """Return what the file ``env`` exports; empty if there is none."""
        with suppress(FileNotFoundError):
            lines = self.env.read_text(encoding="utf-8").splitlines()
            return dict(line.removeprefix("export ").split("=", 1) for line in lines)
        return {}
