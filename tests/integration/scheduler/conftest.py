"""Platforms on a folder of their own, with a private Redis; nothing of them is left running."""

from __future__ import annotations

import shutil
import sys
import tempfile
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path

import pytest
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


@pytest.fixture
async def make(folder: Path) -> AsyncIterator[Callable[..., Platform]]:
    """Return a function that makes a platform on `folder`, whose agents only sleep."""
    made: list[Platform] = []

    def make(**traits: object) -> Platform:
        config = Config({"ProcessProvider": {"command": SLEEPER, "stop_grace": 5.0}})
        made.append(Platform(config=config, data_dir=str(folder), **traits))
        return made[-1]

    yield make
    for platform in made:
        await platform.stop()
    await EmbeddedRedis(folder).stop()
