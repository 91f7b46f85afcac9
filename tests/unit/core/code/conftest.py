"""Project folders to take snapshots of."""

from __future__ import annotations

import io
import tarfile
from collections.abc import Callable, Iterable
from pathlib import Path

import pytest
import zstandard


@pytest.fixture
def project(tmp_path: Path) -> Callable[[dict[str, str]], Path]:
    """Return a function that makes a project folder from names and texts."""

    def write(files: dict[str, str]) -> Path:
        root = tmp_path / "project"
        root.mkdir(exist_ok=True)
        for path, text in files.items():
            (root / path).parent.mkdir(parents=True, exist_ok=True)
            (root / path).write_text(text)
        return root

    return write


@pytest.fixture
def archive(tmp_path: Path) -> Callable[[Iterable[tarfile.TarInfo]], Path]:
    """Return a function that writes any headers at all as a ``tar.zst``; a file's bytes are zeros."""

    def write(members: Iterable[tarfile.TarInfo]) -> Path:
        raw = io.BytesIO()
        with tarfile.open(fileobj=raw, mode="w") as tar:
            for member in members:
                tar.addfile(member, io.BytesIO(bytes(member.size)))
        path = tmp_path / "hostile.tar.zst"
        path.write_bytes(zstandard.compress(raw.getvalue()))
        return path

    return write
