"""An IPython session of alice's, in a process of its own, as a notebook's kernel is."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from jupyter_client.manager import KernelManager
from sessions import LIMIT, Kernel

from perijove.client.client import Client


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder the session works in, with a module of its own."""
    folder = tmp_path_factory.mktemp("session")
    (folder / ".perijoveignore").touch()
    (folder / "helper.py").write_text("def twice(x):\n    return 2 * x\n")
    return folder


@pytest.fixture(scope="module")
def kernel(alice: Client, project: Path) -> Iterator[Kernel]:
    """A kernel started in the project folder, ready, with the extension loaded."""
    manager = KernelManager(kernel_name="python3")
    environment = {**os.environ, "PERIJOVE_URL": alice.settings.url, "PERIJOVE_TOKEN": alice.settings.token}
    manager.start_kernel(cwd=str(project), env=environment)
    client = manager.blocking_client()
    client.start_channels()
    try:
        client.wait_for_ready(timeout=LIMIT)
        kernel = Kernel(manager, client)
        assert kernel.run("%load_ext perijove").text("stderr") == ""
        yield kernel
    finally:
        client.stop_channels()
        manager.shutdown_kernel(now=True)
        manager.cleanup_resources()
