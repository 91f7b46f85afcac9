"""Builds the agent of its parts, and takes them apart again."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager

import httpx

from perijove.aio.executors import FILES
from perijove.wire.protocol import RENEW_EVERY, AgentWire
from perijove_agent.agent import Agent
from perijove_agent.exile import Exile
from perijove_agent.folders import DataFolders
from perijove_agent.inventory import Inventory
from perijove_agent.kernel.launcher import KernelLauncher
from perijove_agent.kernel.warm import WarmKernels
from perijove_agent.orphanhood import Orphanhood
from perijove_agent.runtime.guardian import Guardian
from perijove_agent.runtime.process import ProcessRuntime
from perijove_agent.settings import Settings
from perijove_agent.signer import Signer
from perijove_agent.staging.cache import Cache
from perijove_agent.staging.inputs import Inputs
from perijove_agent.staging.source import Source
from perijove_agent.tasks import cancelled
from perijove_agent.tools import Tools
from perijove_agent.upload import Uploader
from perijove_agent.variables import base_variables


def http_client() -> httpx.AsyncClient:
    """Return the agent's HTTP client. A transfer may take as long as it needs, but not stand still."""
    return httpx.AsyncClient(timeout=httpx.Timeout(60.0, connect=15.0), headers={"User-Agent": "perijove-agent"})


@asynccontextmanager
async def assembled(
    settings: Settings,
    worker: str,
    wire: AgentWire,
    http: httpx.AsyncClient,
    warm_kernels: int = 0,
    renew_every: float = RENEW_EVERY,
) -> AsyncIterator[Agent]:
    """Build an agent on `wire`; when the context ends, nothing it started is left."""
    async with AsyncExitStack() as stack:
        folders = DataFolders(settings.data_dir.absolute())
        await FILES.run(folders.prepare)
        runtime = ProcessRuntime(settings.python, guardian := Guardian())
        stack.push_async_callback(runtime.aclose)
        launcher = KernelLauncher(runtime, guardian.make_folder())
        stack.push_async_callback(launcher.aclose)
        environment = base_variables(settings.python, folders.idle)
        kernels = WarmKernels(launcher, warm_kernels, environment, folders.idle)
        stack.push_async_callback(kernels.aclose)
        signer = Signer(wire.emit, worker)
        source = Source(http, signer, Cache(folders.cache, settings.cache_limit), folders.downloads)
        tools = Tools(
            settings=settings,
            worker=worker,
            wire=wire,
            folders=folders,
            environment=environment,
            runtime=runtime,
            kernels=kernels,
            signer=signer,
            source=source,
            inputs=Inputs(http, source, settings.input_limit),
            uploader=Uploader(http, signer),
            inventory=Inventory(runtime, folders.idle),
        )
        stack.push_async_callback(cancelled, [asyncio.create_task(_warm_up(tools))])
        orphanhood = Orphanhood(http, settings.url, settings.orphaned_after)
        yield Agent(tools, orphanhood, Exile(http, settings.url), renew_every)


async def _warm_up(tools: Tools) -> None:
    """Have what the first execution needs: its kernel first, then the list of packages that its end is told with."""
    filling = asyncio.create_task(tools.kernels.run())
    try:
        await tools.kernels.filled.wait()
        await tools.inventory.of(tools.runtime.python, tools.environment)
        await filling
    finally:
        await cancelled([filling])
