"""A PostgreSQL that really writes to its disk, and a Redis; private, and gone afterwards."""

from __future__ import annotations

import os
import secrets
import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import redis

from perijove.ports import free_ports
from perijove_scheduler.embedded.server import find_server


def _binaries() -> Path:
    found = shutil.which("initdb")
    folders = [Path(found).parent] if found else sorted(Path("/usr/lib/postgresql").glob("*/bin"))
    if not folders:
        raise SystemExit("These rows need PostgreSQL: install it (on Debian or Ubuntu: apt-get install postgresql).")
    return folders[-1]


def _as_postgres(*command: str | Path) -> None:
    # PostgreSQL refuses to run as root.
    user = ["runuser", "-u", "postgres", "--"] if os.geteuid() == 0 else []
    subprocess.run([*user, *map(str, command)], check=True, stdout=subprocess.DEVNULL, cwd="/")


@contextmanager
def postgres() -> Iterator[str]:
    """Start a cluster with PostgreSQL's own settings, fsync included; return its URL."""
    folder = Path(tempfile.mkdtemp(prefix="pj-pg-"))
    if os.geteuid() == 0:
        shutil.chown(folder, "postgres")
    data, binaries = folder / "data", _binaries()
    _as_postgres(binaries / "initdb", "-D", data, "-U", "postgres", "-A", "trust", "--no-sync", "-E", "UTF8")
    options = f"-k {folder} -c listen_addresses=''"
    _as_postgres(binaries / "pg_ctl", "start", "-w", "-D", data, "-l", folder / "log", "-o", options)
    try:
        yield f"postgresql://postgres@/postgres?host={folder}"
    finally:
        _as_postgres(binaries / "pg_ctl", "stop", "-D", data, "-m", "immediate")
        shutil.rmtree(folder, ignore_errors=True)


@contextmanager
def redis_server() -> Iterator[str]:
    """Start a Redis with a password, which agents' users need; return its URL."""
    port, password = free_ports(1)[0], secrets.token_hex(16)
    url = f"redis://:{password}@127.0.0.1:{port}"
    with tempfile.TemporaryDirectory(prefix="pj-redis-") as folder:
        settings = ["--port", str(port), "--bind", "127.0.0.1", "--requirepass", password, "--save", "",
                    "--dir", folder]  # fmt: skip
        process = subprocess.Popen([find_server(), *settings], stdout=subprocess.DEVNULL)
        try:
            _wait_for(url)
            yield url
        finally:
            process.terminate()
            process.wait()


def _wait_for(url: str) -> None:
    deadline = time.monotonic() + 30
    while not _answers(url):
        if time.monotonic() > deadline:
            raise SystemExit("Redis does not answer.")
        time.sleep(0.02)


def _answers(url: str) -> bool:
    try:
        return bool(redis.Redis.from_url(url).ping())
    except redis.ConnectionError:
        return False
