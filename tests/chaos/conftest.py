"""One platform for the whole module: each fault strikes the same one, as it would in life."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio
from storm.world import World, world

#: Fixed, so that a red run can be repeated; another one may be asked for.
SEED = int(os.environ.get("PERIJOVE_CHAOS_SEED", "20261121"))


@pytest.fixture(scope="session")
def seed() -> int:
    """The seed of everything that is drawn by chance."""
    return SEED


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def platform() -> AsyncIterator[World]:
    """Four agents, the service, PostgreSQL and Redis, each a process that can be killed."""
    async with world(4) as made:
        yield made
