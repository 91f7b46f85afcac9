"""Platforms on a folder of their own, with a private Redis; nothing of them is left running."""

from __future__ import annotations

import shutil
import sys
import tempfile
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path

import pytest
import redises
from parts import PRODUCTION
from postgres import Cluster
from traitlets.config import Config

from perijove_scheduler.embedded import EmbeddedRedis
from perijove_scheduler.platform import Platform

SLEEPER = [sys.executable, "-c", "import time; time.sleep(600)"]


@pytest.fixture
def folder() -> Iterator[Path]:
    """Return a folder whose path is short enough for a Unix socket."""
    path = Path(tempfile.mkdtemp(prefix="pj-"))
    yield path
    shutil.rmtree(path)


@pytest.fixture(scope="package")
def cluster() -> Iterator[Cluster]:
    """A PostgreSQL."""
    with Cluster(password=True) as cluster:
        yield cluster


@pytest.fixture
def database(cluster: Cluster) -> str:
    """The address of an empty database for a role without special rights, which owns it."""
    return cluster.database("fresh", "ada")


@pytest.fixture
def parts(request: pytest.FixtureRequest) -> Iterator[dict[str, str]]:
    """What a test's platforms are told of their database and Redis: nothing, or the addresses of `PRODUCTION` parts."""
    if getattr(request, "param", None) != PRODUCTION:
        yield {}
        return
    with redises.running() as server:
        yield {"database_url": request.getfixturevalue("database"), "redis_url": server.url}


@pytest.fixture
async def make(folder: Path, parts: dict[str, str]) -> AsyncIterator[Callable[..., Platform]]:
    """Return a function that makes a platform on `folder`, whose agents only sleep."""
    made: list[Platform] = []

    def make(**traits: object) -> Platform:
        config = Config({"ProcessProvider": {"command": SLEEPER, "stop_grace": 5.0}})
        made.append(Platform(config=config, **{"data_dir": str(folder), "local_group": "local", **parts, **traits}))
        return made[-1]

    yield make
    for platform in made:
        await platform.stop()
    await EmbeddedRedis(folder).stop()
