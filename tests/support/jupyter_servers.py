"""pytest-jupyter's fixtures for tests that pytest-asyncio runs: ``from jupyter_servers import *`` in a conftest.

They are taken by name, because the package's hooks would run coroutine tests in a loop of their own.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from typing import Any

import pytest
from jupyter_server.serverapp import ServerApp
from pytest_jupyter.jupyter_core import (
    echo_kernel_spec,
    jp_config_dir,
    jp_data_dir,
    jp_env_config_path,
    jp_env_jupyter_path,
    jp_environ,
    jp_home_dir,
    jp_kernel_dir,
    jp_runtime_dir,
    jp_system_config_path,
    jp_system_jupyter_path,
)
from pytest_jupyter.jupyter_server import (
    jp_argv,
    jp_auth_header,
    jp_base_url,
    jp_configurable_serverapp,
    jp_fetch,
    jp_http_port,
    jp_logging_stream,
    jp_nbconvert_templates,
    jp_root_dir,
    jp_web_app,
    jp_ws_fetch,
)
from pytest_jupyter.pytest_tornasync import http_server, http_server_client, http_server_port

__all__ = [
    "echo_kernel_spec",
    "extension_config",
    "http_server",
    "http_server_client",
    "http_server_port",
    "jp_argv",
    "jp_asyncio_loop",
    "jp_auth_header",
    "jp_base_url",
    "jp_config_dir",
    "jp_configurable_serverapp",
    "jp_data_dir",
    "jp_env_config_path",
    "jp_env_jupyter_path",
    "jp_environ",
    "jp_fetch",
    "jp_home_dir",
    "jp_http_port",
    "jp_kernel_dir",
    "jp_logging_stream",
    "jp_nbconvert_templates",
    "jp_root_dir",
    "jp_runtime_dir",
    "jp_server_config",
    "jp_serverapp",
    "jp_system_config_path",
    "jp_system_jupyter_path",
    "jp_web_app",
    "jp_ws_fetch",
]


@pytest.fixture
async def jp_asyncio_loop() -> asyncio.AbstractEventLoop:
    """The loop of this test, which pytest-asyncio runs."""
    return asyncio.get_running_loop()


@pytest.fixture
def extension_config() -> dict[str, Any]:
    """The extension's traitlets; a test may say others."""
    return {}


@pytest.fixture
def jp_server_config(extension_config: dict[str, Any]) -> dict[str, Any]:
    """A server with our extension only."""
    extensions = {"perijove_server": True, "jupyter_server_terminals": False}
    return {"ServerApp": {"jpserver_extensions": extensions}, "PerijoveServer": extension_config}


@pytest.fixture
def jp_serverapp(
    jp_server_config: Any, jp_argv: Any, jp_configurable_serverapp: Any, jp_asyncio_loop: asyncio.AbstractEventLoop
) -> Iterator[ServerApp]:
    """A running server, stopped as a real one is; the package's own clean-up would start one for every test."""
    app = jp_configurable_serverapp(config=jp_server_config, argv=jp_argv)
    yield app
    jp_asyncio_loop.run_until_complete(app._cleanup())
    app.kernel_manager.context.destroy()
    ServerApp.clear_instance()
