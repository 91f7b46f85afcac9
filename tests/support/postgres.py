"""A private PostgreSQL cluster on a Unix socket, for tests that need a real one."""

from __future__ import annotations

import os
import secrets
import shutil
import subprocess
import tempfile
from pathlib import Path
from types import TracebackType

import psycopg
import pytest

# A test's cluster may forget everything when the machine fails; it need not wait for the disk.
_CARELESS = "-c fsync=off -c full_page_writes=off -c synchronous_commit=off -c listen_addresses=''"
# What a crashed server had not handed to the operating system yet is lost; what it committed must not be.
_SURVIVING = "-c synchronous_commit=on"


class Cluster:
    """A cluster in a folder of its own, with the user ``postgres``; it runs inside a ``with`` and is gone after it.

    Parameters
    ----------
    password : bool
        Whether the server asks for a password, as it does where others may reach it.
    crashes : bool
        Whether the server will be stopped in the middle and must keep what it committed.
    options : str
        More options of the server.
    """

    def __init__(self, *, password: bool = False, crashes: bool = False, options: str = "") -> None:
        self._options = f"{_CARELESS} {_SURVIVING if crashes else ''} {options}"
        self._binaries = _binaries()
        self.password = secrets.token_urlsafe(24) if password else ""
        self.folder = Path(tempfile.mkdtemp(prefix="perijove-pg-"))
        self._data = self.folder / "data"

    @property
    def url(self) -> str:
        """The address of its database ``postgres``."""
        return f"postgresql+psycopg://postgres{':' * bool(self.password)}{self.password}@/postgres?host={self.folder}"

    def __enter__(self) -> Cluster:
        if os.geteuid() == 0:
            shutil.chown(self.folder, "postgres")
        secret = self.folder / "password"
        secret.write_text(self.password)
        if os.geteuid() == 0:
            shutil.chown(secret, "postgres")
        asks = ["-A", "scram-sha-256", f"--pwfile={secret}"] if self.password else ["-A", "trust"]
        self._run("initdb", "-D", self._data, "-U", "postgres", *asks, "--no-sync", "-E", "UTF8")
        secret.unlink()
        self.start()
        return self

    def start(self) -> None:
        """Start the server and wait until it answers."""
        options = f"-k {self.folder} {self._options}"
        self._run("pg_ctl", "start", "-w", "-D", self._data, "-l", self.folder / "log", "-o", options)

    def stop(self) -> None:
        """Stop the server as if it had crashed."""
        self._run("pg_ctl", "stop", "-D", self._data, "-m", "immediate")

    def database(self, name: str, role: str) -> str:
        """Make an empty database, and a role without special rights that owns it, both anew; return its address."""
        with psycopg.connect(self.url.replace("+psycopg", ""), autocommit=True) as connection:
            connection.execute(f"DROP DATABASE IF EXISTS {name} WITH (FORCE)")
            connection.execute(f"DROP ROLE IF EXISTS {role}")
            connection.execute(f"CREATE ROLE {role} LOGIN PASSWORD 'of-{role}'")
            connection.execute(f"CREATE DATABASE {name} OWNER {role}")
        return f"postgresql://{role}:of-{role}@/{name}?host={self.folder}"

    def dump(self) -> bytes:
        """Return everything the databases hold, as ``pg_dumpall`` writes it."""
        return self._run("pg_dumpall", "-U", "postgres", "-h", self.folder)

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()
        shutil.rmtree(self.folder)

    def _run(self, program: str, *arguments: str | Path) -> bytes:
        # PostgreSQL refuses to run as root. A pipe would be kept open by the server that pg_ctl leaves behind.
        user = ["runuser", "-u", "postgres", "--"] if os.geteuid() == 0 else []
        environment = {**os.environ, "PGPASSWORD": self.password}
        with tempfile.TemporaryFile() as told:
            command = [*user, str(self._binaries / program), *map(str, arguments)]
            subprocess.run(command, check=True, stdout=told, cwd="/", env=environment)
            told.seek(0)
            return told.read()


def _binaries() -> Path:
    found = shutil.which("initdb")
    folders = [Path(found).resolve().parent] if found else sorted(Path("/usr/lib/postgresql").glob("*/bin"))
    if not folders:
        pytest.fail("These tests need PostgreSQL: install it (on Debian or Ubuntu: apt-get install postgresql).")
    return folders[-1]
