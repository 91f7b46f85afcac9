"""The stores that the contract of `Files` is checked on, and helpers to fill and read them."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from perijove_scheduler.files.local import LocalFiles
from perijove_scheduler.files.protocol import Files

BASE_URL = "https://hub.example/services/perijove/"


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """Return the folder of the store."""
    return tmp_path / "files"


@pytest.fixture
def files(root: Path) -> Files:
    """Return an empty store."""
    return LocalFiles(root, b"k" * 32, BASE_URL)


async def pieces(*parts: bytes) -> AsyncIterator[bytes]:
    """Return a body made of `parts`."""
    for part in parts:
        yield part


async def read(files: Files, key: str, start: int = 0, end: int | None = None) -> bytes:
    """Return an object's bytes."""
    return b"".join([chunk async for chunk in files.get(key, start, end)])


async def keys(files: Files, prefix: str = "") -> list[str]:
    """Return the keys of the objects below `prefix`."""
    return [stored.key async for stored in files.list(prefix)]


def left_behind(root: Path) -> list[Path]:
    """Return every file on disk, temporary ones included."""
    return [path for path in root.rglob("*") if path.is_file()]
