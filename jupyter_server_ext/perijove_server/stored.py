"""The master's address and token as a person gave them, in a file that only they can read."""

from __future__ import annotations

import json
import logging
from dataclasses import dataclass
from pathlib import Path

from jupyter_core.paths import secure_write

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Credentials:
    """Where the master is, and the token for it. The token never appears in text."""

    url: str
    token: str

    def __repr__(self) -> str:
        return f"Credentials({self.url!r}, …)"


class CredentialsFile:
    """Keeps `Credentials` in one file of mode 0600.

    Parameters
    ----------
    path : Path
        The file; its folder is made when something is saved.
    """

    def __init__(self, path: Path) -> None:
        self.path = path

    def load(self) -> Credentials | None:
        """Return what was saved; None if nothing was, or it cannot be read."""
        try:
            told = json.loads(self.path.read_text(encoding="utf-8"))
            return Credentials(str(told["url"]), str(told["token"]))
        except FileNotFoundError:
            return None
        except (OSError, ValueError, KeyError, TypeError, RecursionError) as error:
            _log.warning("%s is left out: it cannot be read (%s).", self.path, type(error).__name__)
            return None

    def save(self, credentials: Credentials) -> None:
        """Replace what was saved; a reader sees the old or the new.

        Raises
        ------
        OSError
            The file cannot be written.
        """
        self.path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        fresh = self.path.with_name(f".{self.path.name}.new")
        with secure_write(str(fresh)) as file:
            json.dump({"url": credentials.url, "token": credentials.token}, file)
        fresh.replace(self.path)

    def forget(self) -> None:
        """Remove what was saved, if anything was."""
        self.path.unlink(missing_ok=True)
