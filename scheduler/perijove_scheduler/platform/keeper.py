"""Keeps the private Redis up."""

from __future__ import annotations

from typing import ClassVar

from perijove_scheduler.embedded import EmbeddedRedis
from perijove_scheduler.loops.base import Loop
from perijove_scheduler.services.bell import Bell


class RedisKeeper(Loop):
    """Starts the private Redis again when it has died; the sweeper then tells it what the database knows."""

    name: ClassVar[str] = "redis"
    period: float = 5.0

    def __init__(self, bell: Bell, redis: EmbeddedRedis) -> None:
        super().__init__(bell)
        self._redis = redis

    async def turn(self) -> None:
        """Start it, unless it answers."""
        await self._redis.start()
